/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/dnsaddr.h"

#include <assert.h>

#include "proto/base/err.h"
#include "proto/base/text.h"
#include "proto/multi/codec.h"

#define LABEL_PREFIX BYTES_LIT("_dnsaddr.")

static struct bytes without_quotes(struct bytes in)
{
	in = text_trim(in);
	if (in.len >= 2 && in.at[0] == '"' && in.at[in.len - 1] == '"')
		in = text_trim(bytes_of(in.at + 1, in.len - 2));
	return in;
}

int dnsaddr_parse_txt(struct bytes txt, struct maddr *ret)
{
	struct bytes text = without_quotes(txt);

	if (bytes_starts(text, BYTES_LIT("dnsaddr=")))
		text = text_trim(bytes_from(text, sizeof("dnsaddr=") - 1));
	else if (!bytes_starts(text, BYTES_LIT("/")))
		return P2P_ERR_NOT_FOUND;
	return maddr_parse(text, ret) ? P2P_ERR_INVALID : 0;
}

bool dnsaddr_ends_with(const struct maddr *a, struct bytes suffix)
{
	struct maddr_walk w = maddr_begin(a);
	struct maddr_part part;

	/* Only where a component begins: its bytes may also stand inside a value. */
	while (w.rest.len > suffix.len)
		if (!maddr_next(&w, &part))
			break;
	return bytes_eq(w.rest, suffix);
}

void dnsaddr_init(struct dnsaddr *d)
{
	memset(d, 0, sizeof(*d));
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* Labels of 1 to 63 characters, together at most 253 (RFC 1035 section 2.3.4). */
static bool is_dns_name(struct bytes name)
{
	size_t label = 0;

	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.at[i];

		if (c <= 0x20 || c >= 0x7f || c == '/')
			return false;
		if (c != '.')
			label++;
		else if (label == 0)
			return false;
		else
			label = 0;
		if (label > 63)
			return false;
	}
	return label > 0 && name.len < DNSADDR_NAME_SIZE;
}

/* Writes prefix and name as a question has them; false when that is too long. */
static bool write_name(char *to, struct bytes prefix, struct bytes name)
{
	if (prefix.len + name.len >= DNSADDR_NAME_SIZE)
		return false;
	if (prefix.len)
		memcpy(to, prefix.at, prefix.len);
	for (size_t i = 0; i < name.len; i++)
		to[prefix.len + i] = (char)lower(name.at[i]);
	to[prefix.len + name.len] = '\0';
	return true;
}

static bool is_known(const struct dnsaddr *d, const struct dnsaddr_question *q)
{
	for (size_t i = 0; i < d->question_count; i++)
		if (strcmp(d->questions[i].name, q->name) == 0 &&
			maddr_eq(&d->questions[i].suffix, &q->suffix))
			return true;
	return false;
}

static int enqueue(struct dnsaddr *d, const struct dnsaddr_question *q)
{
	if (is_known(d, q))
		return P2P_ERR_EXISTS;
	if (d->question_count == DNSADDR_LOOKUPS_MAX || q->depth > DNSADDR_DEPTH_MAX) {
		d->was_cut = true;
		return P2P_ERR_FULL;
	}
	d->questions[d->question_count++] = *q;
	return 0;
}

static int add(struct dnsaddr *d, struct bytes name, const struct maddr *suffix, uint8_t depth)
{
	struct dnsaddr_question q = {.depth = depth, .suffix = *suffix};

	if (name.len && name.at[name.len - 1] == '.')
		name.len--;
	if (!is_dns_name(name) || !write_name(q.name, BYTES_NONE, name))
		return P2P_ERR_INVALID;
	if (bytes_starts(bytes_str(q.name), LABEL_PREFIX))
		q.is_plain = true; /* asked as it is: nothing else is left to try */
	else if (!write_name(q.name, LABEL_PREFIX, name))
		return P2P_ERR_INVALID;
	return enqueue(d, &q);
}

/* A name from outside that is there already is no error: it will be asked. */
static int added(int err)
{
	return err == P2P_ERR_EXISTS ? 0 : err;
}

int dnsaddr_add_name(struct dnsaddr *d, struct bytes domain)
{
	struct maddr no_suffix = MADDR_NONE;

	return added(add(d, domain, &no_suffix, 1));
}

static int add_maddr(struct dnsaddr *d, const struct maddr *a, uint8_t depth)
{
	struct maddr_walk w = maddr_begin(a);
	struct maddr suffix = MADDR_NONE;
	struct maddr_part part;

	if (!maddr_next(&w, &part) || part.code != MULTI_DNSADDR)
		return P2P_ERR_UNSUPPORTED;
	if (w.rest.len) {
		int err = maddr_from_bytes(w.rest, &suffix);

		assert(!err); /* the end of a valid address is one */
		(void)err;
	}
	return add(d, part.value, &suffix, depth);
}

int dnsaddr_add(struct dnsaddr *d, const struct maddr *a)
{
	return added(add_maddr(d, a, 1));
}

bool dnsaddr_next(struct dnsaddr *d, struct dnsaddr_ask *ret)
{
	for (uint8_t i = 0; i < d->question_count; i++) {
		if (d->questions[i].is_asked)
			continue;
		d->questions[i].is_asked = true;
		*ret = (struct dnsaddr_ask){i, d->questions[i].name};
		return true;
	}
	return false;
}

static struct dnsaddr_question *open_question(struct dnsaddr *d, uint8_t id)
{
	assert(id < d->question_count);
	assert(d->questions[id].is_asked && !d->questions[id].is_done);
	return &d->questions[id];
}

int dnsaddr_answer(struct dnsaddr *d, uint8_t id, struct bytes txt, struct maddr *ret)
{
	struct dnsaddr_question *q = open_question(d, id);
	struct maddr a;
	int err = dnsaddr_parse_txt(txt, &a);

	if (err)
		return err;
	q->has_records = true;
	if (d->records == DNSADDR_RECORDS_MAX) {
		d->was_cut = true;
		return P2P_ERR_FULL;
	}
	d->records++;
	if (!dnsaddr_ends_with(&a, maddr_bytes(&q->suffix)))
		return P2P_ERR_MISMATCH;
	if (maddr_kind(&a) == MADDR_DNSADDR) {
		err = add_maddr(d, &a, q->depth + 1);
		return err ? err : P2P_ERR_AGAIN;
	}
	*ret = a;
	return 0;
}

void dnsaddr_done(struct dnsaddr *d, uint8_t id)
{
	struct dnsaddr_question *q = open_question(d, id), plain;

	q->is_done = true;
	if (q->has_records || q->is_plain)
		return;
	plain = (struct dnsaddr_question){.depth = q->depth, .is_plain = true, .suffix = q->suffix};
	(void)write_name(plain.name, BYTES_NONE, bytes_from(bytes_str(q->name), LABEL_PREFIX.len));
	(void)enqueue(d, &plain); /* known or no room: then that was all, was_cut says so */
}

bool dnsaddr_is_over(const struct dnsaddr *d)
{
	for (size_t i = 0; i < d->question_count; i++)
		if (!d->questions[i].is_done)
			return false;
	return true;
}
