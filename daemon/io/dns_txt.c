/* SPDX-License-Identifier: Apache-2.0 */
/* dns_txt.c: RFC 1035 section 4, as far as TXT answers need it. */
#include "daemon/io/dns_txt.h"

#include <strings.h>

#include "proto/base/cursor.h"
#include "proto/base/err.h"

#define DNS_CNAME_TYPE   5
#define DNS_TXT_TYPE     16
#define DNS_IN_CLASS     1
#define DNS_POINTERS_MAX 16 /* compression jumps in one name; more is a loop */
#define DNS_RECORDS_MAX  2048 /* looked at in one answer; the rest is ignored */

struct dns_name {
	char text[DNS_NAME_MAX + 2];
	size_t len;
};

static int append_label(struct dns_name *to, struct bytes label)
{
	if (to->len + label.len + 1 > DNS_NAME_MAX)
		return P2P_ERR_PROTOCOL;
	if (to->len)
		to->text[to->len++] = '.';
	memcpy(to->text + to->len, label.at, label.len);
	to->len += label.len;
	return 0;
}

/* Reads a name, following compression; the cursor ends behind where the name began. A NUL or a dot
 * inside a label makes a name that is equal to none of ours, which is all we need of it. */
static void read_name(struct cursor *c, struct dns_name *ret)
{
	struct cursor at = *c;
	int pointers = 0;

	ret->len = 0;
	for (;;) {
		uint8_t len = cursor_u8(&at);

		if (at.err) {
			cursor_fail(c, at.err);
			return;
		}
		if (len >= 0xc0) {
			size_t to = (size_t)(len & 0x3f) << 8 | cursor_u8(&at);

			if (at.err || pointers++ == DNS_POINTERS_MAX || to >= at.in.len) {
				cursor_fail(c, P2P_ERR_PROTOCOL);
				return;
			}
			if (pointers == 1)
				c->pos = at.pos;
			at.pos = to;
			continue;
		}
		struct bytes label = cursor_take(&at, len);

		if (len > 63 || at.err || (len && append_label(ret, label))) {
			cursor_fail(c, P2P_ERR_PROTOCOL);
			return;
		}
		if (!len)
			break;
	}
	ret->text[ret->len] = '\0';
	if (pointers == 0)
		c->pos = at.pos;
}

/* Joins the character strings of one record (features P-043). */
static void take_text(struct dns_txt *t, struct bytes rdata)
{
	size_t begin = t->data.len;
	struct cursor c = cursor_of(rdata);

	while (!cursor_at_end(&c) && !c.err) {
		struct bytes part = cursor_take(&c, cursor_u8(&c));

		if (t->data.len - begin + part.len > DNS_TEXT_BYTES_MAX || buf_put(&t->data, part))
			cursor_fail(&c, P2P_ERR_TOO_LARGE);
	}
	if (c.err || t->count == DNS_TEXTS_MAX) {
		buf_truncate(&t->data, begin);
		t->dropped++;
		return;
	}
	/* The buffer may still move: keep the length only, place() sets the addresses. */
	t->texts[t->count++] = bytes_of(NULL, t->data.len - begin);
}

static void place(struct dns_txt *t)
{
	size_t at = 0;

	for (size_t i = 0; i < t->count; i++) {
		t->texts[i].at = t->data.data + at;
		at += t->texts[i].len;
	}
}

static void note_ttl(struct dns_txt *t, uint32_t ttl, bool *has_ttl)
{
	if (ttl > INT32_MAX) /* RFC 2181 section 8: then it means zero */
		ttl = 0;
	if (!*has_ttl || ttl < t->ttl_sec)
		t->ttl_sec = ttl;
	*has_ttl = true;
}

/* One resource record of the answer; `wanted` follows CNAMEs. */
static void read_record(struct cursor *c, struct dns_name *wanted, struct dns_txt *t, bool *has_ttl)
{
	struct dns_name owner;
	uint16_t type, class;
	uint32_t ttl;
	struct bytes rdata;

	read_name(c, &owner);
	type = cursor_u16be(c);
	class = cursor_u16be(c);
	ttl = cursor_u32be(c);
	rdata = cursor_take(c, cursor_u16be(c));
	if (c->err || class != DNS_IN_CLASS || strcasecmp(owner.text, wanted->text) != 0)
		return;
	if (type == DNS_TXT_TYPE) {
		take_text(t, rdata);
		note_ttl(t, ttl, has_ttl);
	} else if (type == DNS_CNAME_TYPE) {
		struct cursor name = {c->in, c->pos - rdata.len, 0};
		struct dns_name target;

		read_name(&name, &target);
		if (!name.err) {
			*wanted = target;
			note_ttl(t, ttl, has_ttl);
		}
	}
}

int dns_txt_parse(struct bytes message, const char *name, struct dns_txt *ret)
{
	struct cursor c = cursor_of(message);
	struct dns_txt t = {.data = BUF_WITH_MAX(DNS_TEXTS_MAX * DNS_TEXT_BYTES_MAX)};
	struct dns_name wanted, question;
	uint16_t questions, answers;
	bool has_ttl = false;

	wanted.len = strlen(name);
	if (wanted.len > 0 && name[wanted.len - 1] == '.')
		wanted.len--;
	if (wanted.len > DNS_NAME_MAX)
		return P2P_ERR_INVALID;
	memcpy(wanted.text, name, wanted.len);
	wanted.text[wanted.len] = '\0';

	(void)cursor_take(&c, 4); /* id and flags: c-ares has judged them */
	questions = cursor_u16be(&c);
	answers = cursor_u16be(&c);
	(void)cursor_take(&c, 4);
	if (questions != 1)
		cursor_fail(&c, P2P_ERR_PROTOCOL);
	read_name(&c, &question);
	(void)cursor_take(&c, 4);
	for (unsigned i = 0; i < answers && i < DNS_RECORDS_MAX && !c.err; i++)
		read_record(&c, &wanted, &t, &has_ttl);
	if (c.err || !t.count) {
		dns_txt_deinit(&t);
		return c.err ? P2P_ERR_PROTOCOL : P2P_ERR_NOT_FOUND;
	}
	place(&t);
	*ret = t;
	return 0;
}

void dns_txt_deinit(struct dns_txt *t)
{
	buf_deinit(&t->data);
	t->count = 0;
}
