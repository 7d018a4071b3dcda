/* SPDX-License-Identifier: Apache-2.0 */
/* routes.h: whose is a datagram? Connection ids, and tokens of stateless resets, each with the one
 * that it names (RFC 9000 sections 5.2 and 10.3.1; inside this folder only).
 *
 * Most names are random and ours, but a stranger chooses the first one of its connection: the hash
 * is keyed, so that nobody can choose names that fall together. */
#ifndef P2POS_QUIC_ROUTES_H
#define P2POS_QUIC_ROUTES_H

#include "proto/base/bytes.h"
#include "proto/base/list.h"
#include "proto/base/rng.h"

#define QUIC_NAME_BYTES_MAX 20 /* of a connection id (RFC 9000 section 17.2) */
#define QUIC_NAME_UNUSED    UINT32_MAX /* number of an id that no peer has used yet */

struct quic_conn;
struct quic_closed;

enum quic_name_kind { QUIC_NAME_CID, QUIC_NAME_TOKEN };

struct quic_route {
	struct quic_route *next; /* in its bucket */
	struct list of_owner;    /* in the owner's list of routes */
	struct quic_conn *conn;  /* owner: one of these two */
	struct quic_closed *closed;
	uint32_t number; /* of an id of ours: in the order in which a peer came to use them */
	uint8_t kind;    /* enum quic_name_kind */
	uint8_t len;
	uint8_t name[QUIC_NAME_BYTES_MAX];
};

struct quic_routes {
	struct quic_route **buckets; /* owned; a power of two of them */
	size_t bucket_count, count;
	uint8_t key[16]; /* of the hash */
};

void quic_routes_init(struct quic_routes *t, struct rng *rng);
/* All routes must have been removed. */
void quic_routes_deinit(struct quic_routes *t);

/* NULL when nobody has that name. */
struct quic_route *quic_routes_find(
	const struct quic_routes *t, enum quic_name_kind kind, struct bytes name);

/* Adds a name of `conn` and links it into `owner`. A name that is taken stays with whom it names:
 * NULL. */
struct quic_route *quic_routes_add(struct quic_routes *t, enum quic_name_kind kind,
	struct bytes name, struct quic_conn *conn, struct list *owner);

void quic_routes_remove(struct quic_routes *t, struct quic_route *r);

/* Removes all that are linked into `owner`. */
void quic_routes_remove_all(struct quic_routes *t, struct list *owner);

#endif
