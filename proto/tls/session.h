/* SPDX-License-Identifier: Apache-2.0 */
/* session.h: TLS 1.3 over an ordered byte pipe, `/tls/1.0.0` of libp2p (spec tcp-stack.md sections
 * 5 and 7; rules ). Its face is that of proto/noise/noise.h.
 *
 * A session holds no socket and buffers no input: it is handed whole records and says how long the
 * next one is. A record on the wire is `u8 type, u16 version, u16be length, body`; "record" below
 * is all of that.
 *
 *	dialer                                        listener
 *	tls_begin()           ── hello ──►            tls_handshake()
 *	tls_handshake()   ◄── hello … finished ──     (the answer, appended to `out`)
 *	(appended to `out`)   ── cert … finished ──►  tls_handshake()
 *	        both: tls_is_ready(), tls_seal(), tls_open()
 *
 * A dialer has judged its peer completely before it shows its own certificate, and its last
 * messages stand in `out` when it becomes ready: who holds them back keeps its identity to itself.
 * A listener is ready when it has judged the dialer. A dialer is ready before that; whether it is
 * wanted there shows with the first bytes of its peer, see tls_is_accepted().
 *
 * A failure is final, `why` says which it is and `detail` what the TLS library has to say. Other
 * than with Noise something still leaves: the alert that tells the peer, appended to `out`. Send
 * that, then close.
 *
 *   tls_cert_…, key_type_…, peer_id_mismatch   the peer's certificate was refused, see cert.h
 *   tls_alert_received   the peer ended it, `alert` says why (RFC 8446 section 6)
 *   tls_alpn             nothing in common to speak inside TLS
 *   tls_version          the peer has no TLS 1.3, or none of its usual ciphers
 *   tls_signature        the peer does not hold the key of the certificate that it shows
 *   tls_decrypt          altered, cut or misplaced bytes
 *   tls_empty            too many records without content
 *   tls_closed           the peer said that it has ended, as it should before it closes
 *   tls_protocol         anything else that TLS does not allow
 *   tls_output           no room in `out`
 *   tls_internal         the TLS library failed */
#ifndef P2POS_TLS_SESSION_H
#define P2POS_TLS_SESSION_H

#include "proto/tls/peer.h"

#define TLS_HEADER_BYTES        5
#define TLS_TAG_BYTES           16
#define TLS_CONTENT_BYTES_MAX   16384                         /* of one record */
#define TLS_BODY_BYTES_MAX      (TLS_CONTENT_BYTES_MAX + 256) /* as received; more fails */
#define TLS_RECORD_BYTES_MAX    (TLS_HEADER_BYTES + TLS_BODY_BYTES_MAX)
#define TLS_HANDSHAKE_BYTES_MAX 32768 /* of all that a peer sends to shake hands; more fails */
#define TLS_SESSION_BYTES       11264 /* of the heap that GnuTLS holds for an idle session, measured */
#define TLS_EMPTY_IN_A_ROW_MAX  16    /* records without content; the next one fails */

/* What tls_seal() makes of `len` bytes at most: a header, type and tag around each record, a change
 * of keys, and that for records of 511 bytes, the least that a peer may ask for. */
#define TLS_SEALED_BYTES_MAX(len) ((len) + ((len) / 511 + 1) * 22 + 64)
/* What one write is to hold, for the best speed: sixteen full records (performance.md D1). */
#define TLS_SEAL_BYTES_BEST (16 * TLS_CONTENT_BYTES_MAX)

struct tls_opts {
	bool initiator;
	const struct tls_identity *own; /* borrowed, outlives the session */
	struct peer_id expected;        /* none = anybody */
	wall_t now;                     /* for the dates of the peer's certificate */
	bool offers_no_muxer;           /* the muxer is agreed inside TLS by name, as rust does */
};

struct tls_proof {
	struct key_public key;
	struct peer_id peer;
	bool speaks_yamux; /* /yamux/1.0.0 is agreed upon: it starts at once. If not, ask by name */
};

struct gnutls_session_int;

/* Does not move between tls_init() and tls_deinit(). */
struct tls {
	struct tls_opts opts;
	struct tls_proof proof;             /* who the peer is; valid once tls_is_ready() */
	struct gnutls_session_int *session; /* owned; NULL when it has failed */
	struct bytes in;                    /* during a call: what is not taken yet of the record */
	struct buf *out;                    /* during a call: where bytes for the peer go */
	uint32_t handshake_bytes;           /* received so far */
	uint8_t state;                      /* private to session.c */
	uint8_t empties;                    /* records without content in a row */
	bool is_heard, is_out_full;
	bool alert_is_ours; /* `alert` was sent, not received */
	uint8_t alert;      /* of the failure; 0 when there was none */
	struct tls_peer peer; /* its certificate */
	const char *why;    /* reason word of the failure; NULL before */
	const char *detail; /* static text that says more, for a log; may be NULL */
};

void tls_init(struct tls *t, const struct tls_opts *opts);
/* Safe on a zeroed or failed session. Sends nothing; see tls_bye(). */
void tls_deinit(struct tls *t);

/* A dialer's first message, appended to `out`. */
int tls_begin(struct tls *t, struct buf *out);

/* How long the record at the front of `in` is, all in all: TLS_HEADER_BYTES while its header is
 * cut. An error when no such record may come here: P2P_ERR_PROTOCOL "tls_protocol". */
int tls_message_len(struct tls *t, struct bytes in, size_t *ret_len);

/* Takes exactly one record of the handshake and appends what is to be answered. Only while it is
 * not ready. `out` should have no maximum, or room for 8 KiB. Errors: those of cert.h for
 * a refused certificate, P2P_ERR_REFUSED "tls_alert_received", P2P_ERR_UNSUPPORTED "tls_alpn" and
 * "tls_version", P2P_ERR_SIGNATURE "tls_signature", P2P_ERR_CRYPTO "tls_decrypt",
 * P2P_ERR_PROTOCOL. */
int tls_handshake(struct tls *t, struct bytes record, struct buf *out);

/* The peer is proven, and the keys are there. */
bool tls_is_ready(const struct tls *t);

/* It has also accepted us: always so for a listener; a dialer knows when its peer has sent content.
 * (Its refusal would come as "tls_alert_received" from tls_open().) */
bool tls_is_accepted(const struct tls *t);

/* Seals `plain` (at least one byte; not in `out`), as full records, and appends them. Gather:
 * TLS_SEAL_BYTES_BEST at once. P2P_ERR_TOO_LARGE, with nothing appended and nothing lost, when
 * `out` has no room for TLS_SEALED_BYTES_MAX(plain.len). P2P_ERR_CRYPTO "tls_internal". */
int tls_seal(struct tls *t, struct bytes plain, struct buf *out);

/* Opens exactly one record into `to` (may be where it stands; needs room for it) and writes the
 * length of its content, which may be 0. Only when it is ready. On a failure the alert for the peer
 * is appended to `out`. P2P_ERR_CLOSED "tls_closed", P2P_ERR_CRYPTO "tls_decrypt", P2P_ERR_REFUSED
 * "tls_alert_received", P2P_ERR_PROTOCOL "tls_empty", "tls_protocol". */
int tls_open(struct tls *t, struct bytes record, uint8_t *to, struct buf *out, size_t *ret_len);

/* Appends our own word that we have ended. Nothing is sealed after it. Does nothing unless ready.
 */
void tls_bye(struct tls *t, struct buf *out);

#endif
