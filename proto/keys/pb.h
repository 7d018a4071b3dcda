/* SPDX-License-Identifier: Apache-2.0 */
/* pb.h: the part of protobuf that libp2p's messages need (spec multiformats.md section 2).
 *
 * Reading is a walk over the fields of one message, in the order they stand; the caller picks the
 * fields it knows and passes over the rest. Nothing is allocated, nothing recurses: a message
 * inside a message is a field whose `data` is walked by a reader of its own.
 *
 *	struct pb_reader r = pb_begin(message);
 *	struct pb_field f;
 *
 *	while (pb_next(&r, &f)) {
 *		if (pb_is(&f, 1, PB_BYTES))
 *			name = f.data;
 *		else if (pb_is(&f, 2, PB_VARINT))
 *			count = f.value;
 *	}
 *	if (r.err)
 *		return r.err;
 *
 * Writing appends one field after the other. Whatever is signed or hashed is written with its
 * fields in ascending order, each once; that order is the caller's. */
#ifndef P2POS_KEYS_PB_H
#define P2POS_KEYS_PB_H

#include "proto/base/buf.h"
#include "proto/base/cursor.h"

#define PB_VARINT_BYTES_MAX 10              /* a longer one makes the message invalid */
#define PB_NUMBER_MAX       ((1u << 29) - 1) /* the largest field number of the format */

enum pb_wire {
	PB_VARINT = 0,
	PB_FIXED64 = 1,
	PB_BYTES = 2, /* bytes, text or a message */
	PB_FIXED32 = 5,
};

struct pb_field {
	uint32_t number;   /* 1 .. PB_NUMBER_MAX */
	enum pb_wire wire;
	uint64_t value;    /* of a number; 0 for PB_BYTES */
	struct bytes data; /* of PB_BYTES, borrowed from the message; BYTES_NONE for a number */
};

struct pb_reader {
	struct cursor in;
	int err; /* 0, or why pb_next() ended early: P2P_ERR_INVALID, P2P_ERR_TRUNCATED */
};

struct pb_reader pb_begin(struct bytes message);

/* The next field. False at the end and on a broken message; `err` tells which. */
bool pb_next(struct pb_reader *r, struct pb_field *ret);

/* True when `f` is field `number` in wire type `wire`. A known number in another wire type is an
 * unknown field, as in the official decoders. */
static inline bool pb_is(const struct pb_field *f, uint32_t number, enum pb_wire wire)
{
	return f->number == number && f->wire == wire;
}

/* Each appends one field; P2P_ERR_TOO_LARGE with nothing appended. */
int pb_put_uint(struct buf *out, uint32_t number, uint64_t value);
int pb_put_bytes(struct buf *out, uint32_t number, struct bytes data);

/* How many bytes the two above append. */
size_t pb_uint_len(uint32_t number, uint64_t value);
size_t pb_bytes_len(uint32_t number, size_t data_len);

#endif
