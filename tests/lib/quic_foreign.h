/* SPDX-License-Identifier: Apache-2.0 */
/* quic_foreign.h: a peer that is ngtcp2 and GnuTLS without our code, takes one side's place in a
 * quic_pair, and does what one of ours would not: other certificates, other protocols, any frames.
 *
 *	struct quic_foreign f;
 *
 *	quic_pair_init(&p, 1);
 *	quic_foreign_init(&f, &p, QUIC_D);
 *	f.alpn = "h3";                      what it does otherwise
 *	quic_foreign_begin(&f);             dials, or waits to be dialled
 *	quic_pair_run(&p);
 *	assert_int_equal(f.heard_code, 0x178);
 *	quic_foreign_deinit(&f); */
#ifndef P2POS_TESTS_LIB_QUIC_FOREIGN_H
#define P2POS_TESTS_LIB_QUIC_FOREIGN_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include "tests/lib/quic_pair.h"

#define QUIC_TICKET_PARAMS_MAX 256

/* By which a dialer may speak before it is answered (RFC 8446 section 2.3). */
struct quic_ticket {
	gnutls_datum_t session; /* owned: gnutls_free() */
	uint8_t params[QUIC_TICKET_PARAMS_MAX]; /* of the transport, as they were */
	size_t params_len;
};

struct quic_foreign {
	struct quic_pair *p;
	int side; /* whose place it has */

	/* What it does; before quic_foreign_begin(). */
	const char *alpn;           /* "libp2p"; NULL: none */
	const char *priority;       /* ciphers and groups; NULL: ours */
	bool shows_nothing;         /* no certificate at all */
	bool sends_tickets;         /* as a server, behind the handshake … */
	gnutls_datum_t ticket_key;  /* … sealed with this; none: its own */
	gnutls_anti_replay_t replays; /* … good for early data, which it takes; GnuTLS wants this for it */
	bool wants_ticket;          /* as a dialer */
	const struct quic_ticket *ticket; /* borrowed: a dialer offers it … */
	struct bytes early;         /* … and says this before it is answered */
	bool forbids_moves;         /* the peer is told to keep its address */
	bool is_deaf;               /* hears nothing; may be changed at any time */
	ngtcp2_duration idle;       /* that it announces; 30 s */
	size_t hello_bytes;         /* that its first message is longer than usual; 0 */
	bool swaps_hello;           /* the last part of it leaves first */
	const uint8_t *token;       /* in its first packet */
	size_t token_len;

	/* What became of it. */
	ngtcp2_conn *wire;
	bool is_shaken, is_closed, heard_is_app;
	bool early_taken;           /* the listener took what came early */
	size_t received;            /* bytes of streams */
	uint64_t heard_code;        /* of the close that it got */
	int liberr;                 /* the first error of ngtcp2 */
	int64_t stream;             /* that frames ride on */
	size_t ridden;

	/* Its own. */
	gnutls_session_t tls;
	gnutls_certificate_credentials_t credentials;
	gnutls_pcert_st chain;
	ngtcp2_crypto_conn_ref ref;
	struct rng_seeded rng;
	ngtcp2_ssize taken;  /* bytes of a stream that went into the last packet; -1: it had none */
	struct bytes frames; /* to take the place of the next packet's contents */
};

void quic_foreign_init(struct quic_foreign *f, struct quic_pair *p, int side);
void quic_foreign_deinit(struct quic_foreign *f);

/* Shows this certificate with this key (copied); with no call it shows its side's honest one. */
void quic_foreign_show(struct quic_foreign *f, struct bytes der, gnutls_privkey_t key);

void quic_foreign_begin(struct quic_foreign *f);

/* What ngtcp2 has to send goes on its way. */
void quic_foreign_flush(struct quic_foreign *f);

/* One packet with these frames and padding, at most 1,100 bytes of them; fails the test when it
 * cannot be sent now. */
void quic_foreign_say(struct quic_foreign *f, struct bytes frames);

/* The ticket that a dialer was given; fails the test without one. */
void quic_foreign_ticket(struct quic_foreign *f, struct quic_ticket *ret);

/* Opens a stream and writes to it, as the protocol wants it; the id. */
int64_t quic_foreign_write(struct quic_foreign *f, struct bytes data, bool with_end);

/* Appends a number in QUIC's form, in the shortest of its lengths. */
void quic_number(struct buf *out, uint64_t v);

#endif
