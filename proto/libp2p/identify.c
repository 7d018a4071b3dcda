/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of identify share, and what we say. */
#include "proto/libp2p/identify.h"

#include <string.h>

#include "proto/base/err.h"
#include "proto/keys/pb.h"
#include "proto/libp2p/identify_fields.h"
#include "proto/multi/varint.h"

#define PREFIX_BYTES 2 /* the length in front of a part of ours */

bool identify_may_tell(enum maddr_reach addr, enum maddr_reach conn)
{
	switch (addr) {
	case MADDR_REACH_NONE: return false;
	case MADDR_REACH_PUBLIC: return true;
	case MADDR_REACH_LOOPBACK: return conn == MADDR_REACH_LOOPBACK;
	case MADDR_REACH_LINK: return conn == MADDR_REACH_LINK || conn == MADDR_REACH_LOOPBACK;
	case MADDR_REACH_PRIVATE: return conn != MADDR_REACH_PUBLIC && conn != MADDR_REACH_NONE;
	}
	return false;
}

void identify_deinit(struct identify *id)
{
	buf_deinit(&id->record);
	buf_deinit(&id->protocols);
}

const char *identify_next_protocol(const struct identify *id, const char *prev)
{
	const char *names = (const char *)id->protocols.data;
	const char *next = prev ? prev + strlen(prev) + 1 : names;

	return id->protocols.len && next < names + id->protocols.len ? next : NULL;
}

bool identify_speaks(const struct identify *id, const char *protocol)
{
	for (const char *p = NULL; (p = identify_next_protocol(id, p));)
		if (strcmp(p, protocol) == 0)
			return true;
	return false;
}

static int put_text(struct buf *out, uint32_t field, const char *text)
{
	return text ? pb_put_bytes(out, field, bytes_str(text)) : 0;
}

/* Everything but the addresses and the signed record. Its size decides how many addresses fit. */
static int put_rest(struct buf *out, const struct identify_self *self)
{
	int err = 0;

	for (size_t i = 0; !err && i < self->protocol_count; i++)
		err = put_text(out, IDENTIFY_FIELD_PROTOCOL, self->protocols[i]);
	if (!err && self->observed.len)
		err = pb_put_bytes(out, IDENTIFY_FIELD_OBSERVED, maddr_bytes(&self->observed));
	if (!err)
		err = put_text(out, IDENTIFY_FIELD_VERSION, self->protocol_version);
	if (!err)
		err = put_text(out, IDENTIFY_FIELD_AGENT, self->agent);
	return err;
}

/* The addresses from the first on, until one does not fit: the more useful ones come first. */
static int put_addrs(struct buf *out, const struct identify_self *self, enum maddr_reach reach,
	size_t room)
{
	size_t end = out->len + room;
	int err = 0;

	for (size_t i = 0; !err && i < self->addr_count; i++) {
		struct maddr a = self->addrs[i];
		struct peer_id named;

		if (maddr_split_peer(&a, &named) && !peer_id_eq(&named, &self->peer))
			continue;
		if (!a.len || !identify_may_tell(maddr_reach(&a), reach))
			continue;
		if (out->len + pb_bytes_len(IDENTIFY_FIELD_ADDR, a.len) > end)
			break;
		err = pb_put_bytes(out, IDENTIFY_FIELD_ADDR, maddr_bytes(&a));
	}
	return err;
}

static int put_main(struct buf *out, const struct identify_self *self, enum maddr_reach reach)
{
	struct buf rest = BUF_WITH_MAX(IDENTIFY_OWN_FIRST_BYTES_MAX);
	int err;

	err = put_rest(&rest, self);
	if (!err)
		err = pb_put_bytes(out, IDENTIFY_FIELD_KEY, self->public_key);
	if (!err && rest.len > out->max - out->len)
		err = P2P_ERR_TOO_LARGE;
	if (!err)
		err = put_addrs(out, self, reach, out->max - out->len - rest.len);
	if (!err)
		err = buf_put(out, buf_bytes(&rest));
	buf_deinit(&rest);
	return err;
}

/* The signed record stands in the first part if that stays small, else in one of its own: readers
 * that take only the first part, up to 4 KiB, then still see protocols and addresses. One that does
 * not fit at all is left out. */
static int put_record(struct buf *first, struct buf *second, struct bytes record)
{
	size_t len = pb_bytes_len(IDENTIFY_FIELD_RECORD, record.len);

	if (!record.len)
		return 0;
	if (first->len + len <= IDENTIFY_OWN_FIRST_BYTES_MAX - PREFIX_BYTES)
		return pb_put_bytes(first, IDENTIFY_FIELD_RECORD, record);
	if (first->len + len > IDENTIFY_OWN_BYTES_MAX - 2 * PREFIX_BYTES)
		return 0;
	return pb_put_bytes(second, IDENTIFY_FIELD_RECORD, record);
}

int identify_encode(const struct identify_self *self, enum maddr_reach reach, struct buf *out)
{
	struct buf first = BUF_WITH_MAX(IDENTIFY_OWN_FIRST_BYTES_MAX - PREFIX_BYTES);
	struct buf second = BUF_WITH_MAX(IDENTIFY_OWN_BYTES_MAX);
	size_t start = out->len;
	int err;

	err = put_main(&first, self, reach);
	if (!err)
		err = put_record(&first, &second, self->signed_record);
	if (!err)
		err = varint_put_bytes(out, buf_bytes(&first));
	if (!err && second.len)
		err = varint_put_bytes(out, buf_bytes(&second));
	if (err)
		buf_truncate(out, start);
	buf_deinit(&first);
	buf_deinit(&second);
	return err;
}
