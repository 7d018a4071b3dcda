/* SPDX-License-Identifier: Apache-2.0 */
/* conn.h: a connection as the files of this folder share it (inside this folder only). */
#ifndef P2POS_QUIC_CONN_H
#define P2POS_QUIC_CONN_H

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include "proto/base/sm.h"
#include "proto/quic/churn.h"
#include "proto/quic/endpoint.h"
#include "proto/quic/mtu.h"
#include "proto/quic/stream.h"
#include "proto/tls/peer.h"

#define QUIC_STREAMS_FIRST   64 /* of the peer, before quic_set_limits() */
#define QUIC_CIDS_MAX        4  /* of the peer's, that we keep at a time */
#define QUIC_KEEP_ALIVE_MS   14000 /* and never more than half of the negotiated idle time */
#define QUIC_GROWN_BYTES_MAX (4 * 1024 * 1024) /* growth of all windows; beyond it they stay */
#define QUIC_TICKET_BYTES_MAX 65536 /* of TLS messages behind the handshake; more closes */

/*   shaking ──► live ──► closing ──► over        closing: a close has still to be handed out.
 *      └─────────┴──────────┴───────►            over: nothing is sent or taken any more.     */
enum quic_state { QUIC_SHAKING, QUIC_LIVE, QUIC_CLOSING, QUIC_OVER };

/* Why it ended. */
struct quic_end {
	int err;
	const char *why, *detail;
	uint64_t code;
};

/* TLS messages behind the handshake, as far as they are looked at (shake.c). */
struct quic_tickets {
	uint32_t bytes; /* in all */
	uint32_t skip;  /* bytes left of the message at hand */
	uint8_t head[4];
	uint8_t head_len;
};

#define QUIC_KEY_BYTES_MAX 32 /* of the ciphers that QUIC knows (RFC 9001 section 5.3) */
#define QUIC_KEYS_LATER    6 /* the newest keys, those before, and those after, of both directions */

/* A key that follows those in use: made ready as QUIC asks for it (RFC 9001 section 6.3), and
 * opened by the first packet that needs it, which on most connections never comes. GnuTLS takes
 * 0.7 KB for it. */
struct quic_key {
	bool is_taken;
	void *open; /* GnuTLS's; NULL: `at` waits */
	uint8_t at[QUIC_KEY_BYTES_MAX];
};

/* A datagram that did not fit the train at hand: it begins the next one. */
struct quic_held {
	struct buf data;
	struct datagram_path path;
	uint8_t ecn;
};

/* Connection ids that change, by paths under other names (alias.c). */
struct quic_alias {
	uint32_t newest;    /* highest number of an alias so far */
	int64_t rtt_ns;     /* of the same path before, until ngtcp2 has measured it anew */
	mono_t full_at;     /* since when the window is seen to be full; NEVER: it is not … */
	int64_t full_acked; /* … or was not when a packet of ours was last acknowledged, this one */
	mono_t challenged_at; /* when the peer last asked */
	uint32_t shown;       /* number of the alias along which the datagram at hand is shown */
	/* A dialer's. */
	mono_t next_at; /* when ids are to change next; NEVER: they stay */
	bool is_asking; /* along the newest; the answer has not come */
	/* A listener's. */
	uint8_t heard_cid[QUIC_CID_BYTES]; /* the id of ours that the newest datagram came to … */
	uint32_t heard;                    /* … and its number */
	uint32_t followed;                 /* number of the alias in use, … */
	struct datagram_path path;         /* … the path that it stands for … */
	mono_t followed_at;                /* … and since when either is */
	uint32_t owed_along;               /* number of the alias of the newest challenge … */
	uint8_t owed;                      /* … and how many wait for an answer */
	bool is_leaving;                   /* the next datagram is shown along another alias */
	uint8_t tries;                     /* datagrams since then that should have changed it */
};

struct quic_conn {
	struct quic_endpoint *ep; /* outlives us */
	void *user;               /* the owner's mark */
	struct sm state;          /* enum quic_state */
	bool is_dialer;
	mono_t now; /* of the last call that had one */
	struct list routes; /* names that the endpoint knows us by */

	/* ngtcp2's part, and the memory that it has from us. */
	ngtcp2_conn *wire;
	ngtcp2_mem mem;
	size_t wire_bytes;

	/* The handshake; freed when it is confirmed. */
	struct gnutls_session_int *tls;
	ngtcp2_crypto_conn_ref ref;
	struct tls_peer peer;
	int tls_code; /* of GnuTLS, when it failed */
	uint32_t crypto_bytes;
	bool is_confirmed, is_reset;
	struct quic_tickets tickets;

	/* Once the peer is proven its packets are looked at on their way (keys.c, seen.c). */
	void *cipher; /* what GnuTLS calls it */
	struct quic_key later[QUIC_KEYS_LATER];
	int64_t rx_newest, tx_newest; /* packet numbers; -1: none */
	uint64_t rx_seen[QUIC_SEEN_WORDS]; /* bits of the newest ones, by number modulo */
	int64_t acked_newest;
	unsigned strays; /* of the packet at hand: pieces of streams that do not exist yet */
	mono_t heard_at;
	ngtcp2_duration keep_alive_ns;
	struct quic_churn churn;
	struct quic_mtu mtu;
	struct quic_alias alias;

	/* Pings of ours, oldest first: the number of a packet that went out no earlier. */
	int64_t pings[QUIC_PINGS_MAX];
	uint8_t pings_open, pings_wanted;
	bool pong_noted;
	int64_t pong_rtt_ns;

	/* Streams. */
	struct quic_stream **buckets; /* QUIC_STREAM_BUCKETS of them while there are streams */
	uint32_t stream_count;        /* in the table */
	uint32_t inbound, outbound;   /* that the owner knows */
	struct quic_limits limits;
	bool has_limits;
	uint32_t inbound_granted; /* live ones that the peer was told it may have */
	uint32_t inbound_owed;    /* that are gone, and for which it may open others: not told yet */
	uint32_t queued_bytes, unsent_bytes, unread_bytes;
	uint32_t grown_bytes;      /* of all live streams' windows */
	uint32_t conn_grown_bytes; /* of the connection's window */
	struct list news, sending, blocked;
	bool blocked_check; /* one that waits for WRITABLE may have room */
	bool stop_seen;     /* one is newly stopped by the peer */
	mono_t progress_at; /* when something was last acknowledged, or first queued */

	/* Sending. */
	bool may_send;
	bool is_bulky; /* much waited to be sent at once: large datagrams are tried */
	struct quic_held held;

	/* The end. */
	bool close_owed; /* quic_send() has to hand it out */
	ngtcp2_ccerr ccerr;
	struct buf farewell; /* the close that was handed out */
	mono_t closed_until;
	bool proven_noted, closed_noted;
	struct quic_end end;
};

static inline bool quic_is_running(const struct quic_conn *q)
{
	return q->state.state == QUIC_SHAKING || q->state.state == QUIC_LIVE;
}

static inline ngtcp2_tstamp quic_stamp(mono_t t)
{
	return t.ns < 0 ? 0 : (ngtcp2_tstamp)t.ns;
}

/* ---- conn.c ---- */

/* Ends it without a word to the peer. */
void quic_end(struct quic_conn *q, int err, const char *why, const char *detail, uint64_t code);

/* Ends it by a fault; the peer is told `code` of QUIC's own (RFC 9000 section 20.1). */
void quic_fail(struct quic_conn *q, int err, const char *why, const char *detail, uint64_t code);

/* Notes the time. It never goes back: ngtcp2 does not bear that. */
static inline void quic_set_now(struct quic_conn *q, mono_t now)
{
	q->now = mono_max(q->now, now);
}

/* ngtcp2 returned `liberr`. */
void quic_failed(struct quic_conn *q, int liberr);

/* For functions that ngtcp2 calls: quic_fail() with what they return to it. */
int quic_fault(struct quic_conn *q, const char *why, const char *detail, uint64_t code);

/* ---- wire.c: ngtcp2 is set up; what it calls ---- */

/* What a listener knows from the first packet of its peer. */
struct quic_first {
	ngtcp2_pkt_hd head;
	ngtcp2_cid original; /* the first id that the dialer chose, before any Retry */
	bool is_retried;
};

/* `first` is NULL for a dialer. 0, P2P_ERR_CRYPTO. */
int quic_wire_init(
	struct quic_conn *q, const struct datagram_path *path, const struct quic_first *first);
void quic_wire_deinit(struct quic_conn *q);

/* ---- alias.c: connection ids that change, by paths under other names ---- */

/* The path along which ngtcp2 is shown `in`, and what a path of its own stands for. */
void quic_alias_set(struct quic_conn *q, const struct datagram *in, ngtcp2_path_storage *ret);
void quic_alias_real(const ngtcp2_path *from, struct datagram_path *ret);

/* The limits have changed; they were for a life of `before_ms`. */
void quic_alias_set_life(struct quic_conn *q, uint32_t before_ms);

/* A datagram was read. */
void quic_alias_heard(struct quic_conn *q);

/* The peer wants to know whether we are where we are; and an answer leaves. */
void quic_alias_challenged(struct quic_conn *q);
void quic_alias_answers(struct quic_conn *q);

/* A path was proven, or ngtcp2 has given that up. */
void quic_alias_answered(struct quic_conn *q);

/* `rtt`, unless ngtcp2 has forgotten it with the old alias: `latest` is then 0. */
int64_t quic_alias_rtt(const struct quic_conn *q, ngtcp2_duration rtt, ngtcp2_duration latest);

/* ---- shake.c: the handshake ---- */

int quic_shake_init(struct quic_conn *q, const struct quic_opts *opts);
void quic_shake_deinit(struct quic_conn *q);

/* TLS has failed: ends the connection with the alert that fits. */
void quic_shake_failed(struct quic_conn *q);

/* The peer's TLS has: what its alert means. */
const char *quic_alert_name(uint8_t alert);

/* ngtcp2's callback. */
int quic_on_crypto(ngtcp2_conn *wire, ngtcp2_encryption_level level, uint64_t offset,
	const uint8_t *data, size_t len, void *arg);

/* ---- keys.c: seals and opens packets, and shows them to seen.c ---- */

int quic_on_encrypt(uint8_t *to, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
	const uint8_t *plain, size_t plain_len, const uint8_t *nonce, size_t nonce_len,
	const uint8_t *head, size_t head_len);
int quic_on_decrypt(uint8_t *to, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
	const uint8_t *sealed, size_t sealed_len, const uint8_t *nonce, size_t nonce_len,
	const uint8_t *head, size_t head_len);
int quic_on_update_key(ngtcp2_conn *wire, uint8_t *rx_secret, uint8_t *tx_secret,
	ngtcp2_crypto_aead_ctx *rx_key, uint8_t *rx_iv, ngtcp2_crypto_aead_ctx *tx_key,
	uint8_t *tx_iv, const uint8_t *rx_now, const uint8_t *tx_now, size_t len, void *arg);
void quic_on_delete_key(ngtcp2_conn *wire, ngtcp2_crypto_aead_ctx *key, void *arg);

/* From now on packets are shown. */
void quic_keys_watch(struct quic_conn *q);

/* ---- seen.c ---- */

/* A packet of the peer was opened: what ngtcp2 is to be told. `head` is its header, without
 * protection. */
int quic_seen_in(struct quic_conn *q, struct bytes head, struct bytes plain);

/* A packet of ours is being sealed. */
void quic_seen_out(struct quic_conn *q, struct bytes head, struct bytes plain);

#endif
