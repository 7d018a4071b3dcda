/* SPDX-License-Identifier: Apache-2.0 */
/* foreign.h: a dialer made by hand, which speaks to one conn and may seal whatever it likes: Yamux
 * frames that our own muxer would never send. Its handshake is honest. */
#ifndef P2POS_TESTS_LIB_FOREIGN_H
#define P2POS_TESTS_LIB_FOREIGN_H

#include "proto/conn/conn.h"
#include "proto/noise/noise.h"
#include "proto/tls/session.h"

/* The time of certificates; the conn's `wall` should be near. */
#define FOREIGN_WALL ((wall_t){1800000000, 0}) /* 2027-01-15T08:00:00Z */

struct foreign {
	struct conn *to;          /* the listener; borrowed */
	enum conn_security security;
	struct rng_seeded seeded;
	struct key_pair identity;
	struct peer_id id;
	struct noise_static own;
	struct noise noise;
	struct tls_identity own_tls;
	struct tls tls;
	struct buf heard;         /* what came back, opened: Yamux frames */
	struct buf out;           /* plaintext that foreign_flush() seals */
};

/* Shakes hands with a fresh listening conn, whose owner then has CONN_PROVEN to answer. */
void foreign_init(struct foreign *f, struct conn *to, enum conn_security security, uint64_t seed,
	mono_t now);
/* The same, without a muxer in the handshake, as rust-libp2p does: the conn is then in `muxing`. */
void foreign_init_late(struct foreign *f, struct conn *to, enum conn_security security,
	uint64_t seed, mono_t now);
void foreign_deinit(struct foreign *f);

/* Each appends a frame to what leaves next. */
void foreign_frame(
	struct foreign *f, uint8_t type, uint16_t flags, uint32_t stream, uint32_t length);
void foreign_data(struct foreign *f, uint16_t flags, uint32_t stream, struct bytes body);

/* Opens a stream and says `text` in it. */
void foreign_open(struct foreign *f, uint32_t stream, struct bytes text);

/* Seals all that was appended, as one message of Noise or in full records of TLS, and hands it to the
 * conn; its owner reads the events (conn_next()) before foreign_listen() takes what the conn says. */
void foreign_flush(struct foreign *f, mono_t now);

/* Hands the conn one sealed message without content. */
void foreign_say_nothing(struct foreign *f, mono_t now);

/* Opens what the conn has to say into `heard`. 0, or what TLS says at its end: P2P_ERR_CLOSED, or
 * P2P_ERR_REFUSED after an alert. */
int foreign_listen(struct foreign *f, mono_t now);

/* True when `heard` has a frame of this type, with these flags set, for this stream; its length
 * field then is in `ret_length` (may be NULL). */
bool foreign_heard(
	const struct foreign *f, uint8_t type, uint16_t flags, uint32_t stream, uint32_t *ret_length);

#endif
