/* SPDX-License-Identifier: Apache-2.0 */
/* identify_wire.h: identify messages put together field by field, and who says them. */
#ifndef P2POS_TESTS_LIB_IDENTIFY_WIRE_H
#define P2POS_TESTS_LIB_IDENTIFY_WIRE_H

#include "proto/libp2p/identify.h"

/* The fields of the message (identify-ping.md section 1), written by hand here. */
enum iw_field {
	IW_KEY = 1,
	IW_ADDR = 2,
	IW_PROTOCOL = 3,
	IW_OBSERVED = 4,
	IW_VERSION = 5,
	IW_AGENT = 6,
	IW_RECORD = 8,
};

struct iw_author {
	struct key_pair pair;
	struct peer_id id;
	uint8_t pb[KEY_PUBLIC_PB_BYTES];
};

/* The author whose key has the seed of 32 bytes `seed`. */
struct iw_author iw_author(uint8_t seed);

/* The author of the known vector; its private key is not known. */
struct iw_author iw_vector_author(void);

/* An address from its text, which must be one. */
struct maddr iw_addr(const char *text);
void iw_expect_addr(const struct maddr *a, const char *text);

/* Appends a field to the message `m`. */
void iw_put(struct buf *m, enum iw_field field, const char *text);
void iw_put_addr(struct buf *m, enum iw_field field, const char *text);

/* `m` as one part behind what is in `wire`; `m` is empty then. */
void iw_add_part(struct buf *wire, struct buf *m);

/* Appends a record of `who`, number 7, with `count` times the same address. */
struct bytes iw_sealed(struct buf *out, const struct iw_author *who, const char *text,
	unsigned count);

/* Reads `wire` as all that `who` says over a connection of `reach`. */
int iw_hear(struct bytes wire, const struct iw_author *who, enum maddr_reach reach,
	struct identify *ret);

#endif
