/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/multi/maddr.h"

#include <assert.h>

#include "proto/base/err.h"
#include "proto/multi/maddr_table.h"
#include "proto/multi/varint.h"

/* Takes one component apart, without judging its value. */
static int take_part(struct cursor *c, struct maddr_part *ret, const struct maddr_proto **ret_proto)
{
	uint64_t code = varint_take(c);
	const struct maddr_proto *p;
	struct bytes value;

	if (c->err)
		return c->err;
	p = maddr_proto_by_code(code);
	if (!p)
		return P2P_ERR_UNSUPPORTED;
	if (p->size == MADDR_SIZE_VARIABLE)
		value = varint_take_bytes(c);
	else
		value = cursor_take(c, p->size);
	if (c->err)
		return c->err;
	*ret = (struct maddr_part){code, p->name, value};
	*ret_proto = p;
	return 0;
}

static int check(struct bytes in)
{
	struct cursor c = cursor_of(in);
	size_t count = 0;

	if (!in.len)
		return P2P_ERR_INVALID;
	while (!cursor_at_end(&c)) {
		const struct maddr_proto *p;
		struct maddr_part part;
		int err = take_part(&c, &part, &p);

		if (err)
			return err == P2P_ERR_UNSUPPORTED ? err : P2P_ERR_INVALID;
		if (!maddr_value_is_valid(p, part.value))
			return P2P_ERR_INVALID;
		if (p->value == MADDR_VALUE_PATH && !cursor_at_end(&c))
			return P2P_ERR_INVALID;
		if (++count > MADDR_COMPONENTS_MAX)
			return P2P_ERR_TOO_LARGE;
	}
	return 0;
}

int maddr_from_bytes(struct bytes in, struct maddr *ret)
{
	struct maddr a = MADDR_NONE;
	int err;

	if (in.len > MADDR_BYTES_MAX)
		return P2P_ERR_TOO_LARGE;
	err = check(in);
	if (err)
		return err;
	memcpy(a.at, in.at, in.len);
	a.len = (uint16_t)in.len;
	*ret = a;
	return 0;
}

struct maddr_walk maddr_begin(const struct maddr *a)
{
	return (struct maddr_walk){maddr_bytes(a)};
}

bool maddr_next(struct maddr_walk *w, struct maddr_part *ret)
{
	struct cursor c = cursor_of(w->rest);
	const struct maddr_proto *p;
	int err;

	if (!w->rest.len)
		return false;
	err = take_part(&c, ret, &p);
	assert(!err); /* a struct maddr holds only what was checked */
	(void)err;
	w->rest = bytes_from(w->rest, c.pos);
	return true;
}

/* Puts `head` and `tail` together in `ret`, which may be where `head` lies. */
static int join(struct bytes head, struct bytes tail, struct maddr *ret)
{
	struct buf both = BUF_WITH_MAX(MADDR_BYTES_MAX);
	int err;

	err = buf_put(&both, head);
	if (!err)
		err = buf_put(&both, tail);
	if (!err && both.len)
		err = maddr_from_bytes(buf_bytes(&both), ret);
	buf_deinit(&both);
	return err;
}

int maddr_append(struct maddr *a, const struct maddr *tail)
{
	return join(maddr_bytes(a), maddr_bytes(tail), a);
}

int maddr_append_peer(struct maddr *a, const struct peer_id *peer)
{
	uint8_t part[2 + 1 + PEER_ID_BYTES_MAX];
	size_t len = varint_write(MULTI_P2P, part);

	part[len++] = peer->len;
	memcpy(part + len, peer->at, peer->len);
	return join(maddr_bytes(a), bytes_of(part, len + peer->len), a);
}

bool maddr_split_peer(struct maddr *a, struct peer_id *ret)
{
	struct maddr_walk w = maddr_begin(a);
	struct maddr_part part = {0};
	size_t before = 0;

	while (w.rest.len) {
		before = a->len - w.rest.len;
		(void)maddr_next(&w, &part); /* true: there is more */
	}
	if (part.code != MULTI_P2P)
		return false;
	if (ret) {
		int err = peer_id_from_bytes(part.value, ret);

		assert(!err);
		(void)err;
	}
	memset(a->at + before, 0, a->len - before);
	a->len = (uint16_t)before;
	return true;
}

static bool is_dns(uint64_t code)
{
	return code == MULTI_DNS || code == MULTI_DNS4 || code == MULTI_DNS6;
}

struct bytes maddr_dns_name(const struct maddr *a)
{
	struct maddr_walk w = maddr_begin(a);
	struct maddr_part part;

	if (!maddr_next(&w, &part) || !(is_dns(part.code) || part.code == MULTI_DNSADDR))
		return BYTES_NONE;
	return part.value;
}

int maddr_replace_dns(struct maddr *a, const struct maddr_ip *ip)
{
	struct maddr_walk w = maddr_begin(a);
	struct maddr_part part;
	uint8_t head[1 + 16];
	size_t len = ip->family == 4 ? 4 : 16;

	assert(ip->family == 4 || ip->family == 6);
	if (!maddr_next(&w, &part) || !is_dns(part.code))
		return P2P_ERR_MISMATCH;
	if (part.code == (ip->family == 4 ? MULTI_DNS6 : MULTI_DNS4))
		return P2P_ERR_MISMATCH;
	head[0] = ip->family == 4 ? MULTI_IP4 : MULTI_IP6;
	memcpy(head + 1, ip->ip, len);
	return join(bytes_of(head, 1 + len), w.rest, a);
}
