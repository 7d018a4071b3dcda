/* SPDX-License-Identifier: Apache-2.0 */
/* maddr_table.h: the address protocols: name, code, and what their value looks like
 * (spec multiformats.md section 9). For the maddr_*.c files. */
#ifndef P2POS_MULTI_MADDR_TABLE_H
#define P2POS_MULTI_MADDR_TABLE_H

#include "proto/multi/codec.h"
#include "proto/multi/maddr.h"

#define MADDR_NAME_BYTES_MAX 253 /* of a host name; a longer one is refused */

enum maddr_value {
	MADDR_VALUE_NONE,
	MADDR_VALUE_IP4,
	MADDR_VALUE_IP6,
	MADDR_VALUE_NUMBER, /* `size` bytes, decimal in text */
	MADDR_VALUE_NAME,   /* host name, ASCII */
	MADDR_VALUE_ZONE,   /* of a link-local address, ASCII */
	MADDR_VALUE_PATH,   /* begins with '/'; takes the rest of the text and ends the address */
	MADDR_VALUE_PEER,
	MADDR_VALUE_CERTHASH,  /* a multihash; base64url multibase in text */
	MADDR_VALUE_HTTP_PATH, /* percent-encoded in text */
};

#define MADDR_SIZE_VARIABLE 255 /* a varint length stands before the value */

struct maddr_proto {
	enum multi_code code;
	const char *name;
	enum maddr_value value;
	uint8_t size; /* of the value in bytes, or MADDR_SIZE_VARIABLE */
};

/* NULL when there is none. */
const struct maddr_proto *maddr_proto_by_code(uint64_t code);
const struct maddr_proto *maddr_proto_by_name(struct bytes name);

/* True when `value` is a valid value of `p`, its size included. */
bool maddr_value_is_valid(const struct maddr_proto *p, struct bytes value);

#endif
