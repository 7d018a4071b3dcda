/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer says: parts are cut out of the stream, merged, judged. */
#include "proto/libp2p/identify.h"

#include <string.h>

#include "proto/base/err.h"
#include "proto/base/text.h"
#include "proto/keys/pb.h"
#include "proto/libp2p/identify_fields.h"
#include "proto/multi/varint.h"

#define PREFIX_BYTES_MAX 2 /* enough for IDENTIFY_PART_BYTES_MAX; a longer prefix says too much */

void identify_reader_init(struct identify_reader *r, const struct peer_id *peer,
	enum maddr_reach reach)
{
	*r = (struct identify_reader){.peer = *peer, .reach = reach};
	r->part.max = IDENTIFY_PART_BYTES_MAX;
	r->record.max = IDENTIFY_PART_BYTES_MAX;
	r->got.protocols.max = IDENTIFY_PROTOCOLS_MAX * (IDENTIFY_TEXT_MAX + 1);
}

void identify_reader_deinit(struct identify_reader *r)
{
	buf_deinit(&r->part);
	buf_deinit(&r->record);
	identify_deinit(&r->got);
}

/* A stranger's text, printable and cut to size, never in the middle of an escape. */
static void keep_text(char *to, struct bytes text)
{
	struct buf safe = BUF_WITH_MAX(IDENTIFY_TEXT_MAX);

	for (size_t i = 0; i < text.len; i++)
		if (text_escape(&safe, bytes_of(text.at + i, 1), 1))
			break;
	(void)text_copy(to, IDENTIFY_TEXT_MAX + 1, buf_bytes(&safe)); /* it fits */
	buf_deinit(&safe);
}

/* A name that cannot be printed is spoken by nobody. */
static bool is_protocol_name(struct bytes name)
{
	if (name.len == 0 || name.len > IDENTIFY_TEXT_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.at[i] <= 0x20 || name.at[i] >= 0x7f)
			return false;
	return true;
}

static void keep_protocol(struct identify *id, struct bytes name)
{
	if (id->protocol_count == IDENTIFY_PROTOCOLS_MAX || !is_protocol_name(name))
		return;
	/* Its maximum is that of the count. */
	(void)buf_put(&id->protocols, name);
	(void)buf_put_u8(&id->protocols, 0);
	id->protocol_count++;
}

/* Addresses that are of no use, or of somebody else, are dropped alone. */
static void keep_addr(struct identify_reader *r, struct maddr a)
{
	struct identify *id = &r->got;
	struct peer_id named;

	if (maddr_split_peer(&a, &named) && !peer_id_eq(&named, &r->peer))
		return;
	if (!a.len || !identify_may_tell(maddr_reach(&a), r->reach))
		return;
	for (size_t i = 0; i < id->addr_count; i++)
		if (maddr_eq(&id->addrs[i], &a))
			return;
	if (id->addr_count < IDENTIFY_ADDRS_MAX)
		id->addrs[id->addr_count++] = a;
}

/* The key says who speaks: another peer's makes all of it worthless. */
static int check_key(const struct identify_reader *r, struct bytes key)
{
	struct peer_id id;

	if (peer_id_from_key(key, &id))
		return P2P_ERR_INVALID;
	return peer_id_eq(&id, &r->peer) ? 0 : P2P_ERR_MISMATCH;
}

static int take_field(struct identify_reader *r, const struct pb_field *f)
{
	struct maddr a;

	if (f->wire != PB_BYTES)
		return 0;
	switch (f->number) {
	case IDENTIFY_FIELD_KEY:
		return check_key(r, f->data);
	case IDENTIFY_FIELD_ADDR:
		if (!maddr_from_bytes(f->data, &a))
			keep_addr(r, a);
		return 0;
	case IDENTIFY_FIELD_PROTOCOL:
		keep_protocol(&r->got, f->data);
		return 0;
	case IDENTIFY_FIELD_OBSERVED:
		if (maddr_from_bytes(f->data, &a))
			return 0;
		while (maddr_split_peer(&a, NULL))
			; /* the transport part alone is where we are seen */
		r->got.observed = a;
		return 0;
	case IDENTIFY_FIELD_VERSION:
		keep_text(r->got.protocol_version, f->data);
		return 0;
	case IDENTIFY_FIELD_AGENT:
		keep_text(r->got.agent, f->data);
		return 0;
	case IDENTIFY_FIELD_RECORD:
		buf_reset(&r->record);
		return buf_put(&r->record, f->data);
	}
	return 0; /* fields of the future */
}

static int take_part(struct identify_reader *r, struct bytes message)
{
	struct pb_reader pb = pb_begin(message);
	struct pb_field f;
	int err = 0;

	while (!err && pb_next(&pb, &f))
		err = take_field(r, &f);
	/* The part is whole: a message that goes on behind it is malformed, not late. */
	return err ? err : pb.err ? P2P_ERR_INVALID : 0;
}

static int end_part(struct identify_reader *r)
{
	int err = take_part(r, buf_bytes(&r->part));

	buf_reset(&r->part);
	r->in_part = false;
	return err;
}

/* One byte of the length in front of a part. */
static int take_prefix(struct identify_reader *r, uint8_t byte)
{
	uint64_t len;
	size_t prefix;
	int err;

	if (r->parts == IDENTIFY_PARTS_MAX)
		return P2P_ERR_TOO_LARGE;
	err = buf_put_u8(&r->part, byte);
	if (!err)
		err = varint_read(buf_bytes(&r->part), PREFIX_BYTES_MAX, &len, &prefix);
	if (err)
		return err == P2P_ERR_AGAIN ? 0 : err;
	if (len > IDENTIFY_PART_BYTES_MAX)
		return P2P_ERR_TOO_LARGE;
	buf_reset(&r->part);
	r->part_len = (size_t)len;
	r->in_part = true;
	r->parts++;
	return len ? 0 : end_part(r);
}

static int take_body(struct identify_reader *r, struct bytes *in)
{
	struct bytes piece = bytes_head(*in, r->part_len - r->part.len);
	int err;

	*in = bytes_from(*in, piece.len);
	err = buf_put(&r->part, piece);
	if (err || r->part.len < r->part_len)
		return err;
	return end_part(r);
}

int identify_reader_recv(struct identify_reader *r, struct bytes in)
{
	while (!r->err && in.len) {
		if (r->in_part) {
			r->err = take_body(r, &in);
		} else {
			r->err = take_prefix(r, in.at[0]);
			in = bytes_from(in, 1);
		}
	}
	return r->err;
}

/* A record that holds, of this very peer, is worth more than the unsigned list. */
static void judge_record(struct identify_reader *r)
{
	struct identify *id = &r->got;
	struct peer_record rec;

	if (!r->record.len || r->record.len > PEER_RECORD_BYTES_MAX)
		return;
	if (peer_record_open(buf_bytes(&r->record), &rec) || !peer_id_eq(&rec.peer, &r->peer))
		return;
	buf_swap(&id->record, &r->record);
	id->record_seq = rec.seq;
	id->addrs_signed = true;
	id->addr_count = 0;
	for (size_t i = 0; i < rec.addr_count; i++)
		keep_addr(r, rec.addrs[i]);
}

int identify_reader_end(struct identify_reader *r, struct identify *ret)
{
	if (!r->err && (r->in_part || r->part.len || !r->parts))
		r->err = P2P_ERR_TRUNCATED;
	if (r->err)
		return r->err;
	judge_record(r);
	*ret = r->got;
	r->got = (struct identify){0};
	r->err = P2P_ERR_CLOSED; /* it has been given away */
	return 0;
}
