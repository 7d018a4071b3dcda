/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint.h: an endpoint as the files of this folder share it (inside this folder only). */
#ifndef P2POS_QUIC_ENDPOINT_H
#define P2POS_QUIC_ENDPOINT_H

#include <ngtcp2/ngtcp2.h>

#include "proto/quic/quic.h"
#include "proto/quic/routes.h"

#define QUIC_SECRET_BYTES 32

/* At most QUIC_ANSWERS_PER_SEC, in the form of the time at which all would be allowed again. */
struct quic_meter {
	mono_t full;
};

struct quic_endpoint {
	struct quic_endpoint_opts opts;
	struct quic_routes routes;
	struct list closed; /* of struct quic_closed, oldest first */
	uint8_t reset_secret[QUIC_SECRET_BYTES];
	uint8_t token_secret[QUIC_SECRET_BYTES];
	struct quic_meter version_meter, reset_meter, token_meter;
	struct quic_stats stats;
};

/* A connection that is over. Its names live on for a while: what still arrives for them is answered
 * with the close, less and less often, or with nothing, but not with a stateless reset
 * (RFC 9000 section 10.2; closed.c). */
struct quic_closed {
	struct list node;   /* in endpoint.closed */
	struct list routes; /* its names */
	mono_t until;
	uint32_t heard;       /* datagrams since the close */
	struct buf farewell;  /* the datagram with the close; empty: silence */
};

/* Takes over the ids among the names of a connection. `take_farewell` is emptied. */
void quic_closed_add(struct quic_endpoint *ep, struct list *routes, struct buf *take_farewell,
	mono_t until);
void quic_closed_remove(struct quic_endpoint *ep, struct quic_closed *c);

/* Forgets those whose time is over. */
void quic_closed_expire(struct quic_endpoint *ep, mono_t now);

/* A datagram for `c` came: true when the answer was appended to `out`. */
bool quic_closed_answer(struct quic_closed *c, const struct datagram *in, struct buf *out,
	struct datagram_train *ret_train);

/* A train of one datagram that goes back where `in` came from. */
void quic_answer_train(const struct datagram *in, size_t len, struct datagram_train *ret);

/* It may be the first datagram of a connection, and long enough to be answered. */
bool quic_is_knock(const struct datagram *in, ngtcp2_pkt_hd *ret);

/* The token of a stranger's first packet. `ret_original` is the id that it had chosen before the
 * Retry; written for a good one alone. */
enum quic_token { QUIC_TOKEN_NONE, QUIC_TOKEN_GOOD, QUIC_TOKEN_BAD };
enum quic_token quic_token_check(const struct quic_endpoint *ep, const ngtcp2_pkt_hd *head,
	const struct datagram_path *path, mono_t now, ngtcp2_cid *ret_original);

#endif
