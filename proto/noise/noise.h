/* SPDX-License-Identifier: Apache-2.0 */
/* noise.h: libp2p's Noise security over an ordered byte pipe: Noise_XX_25519_ChaChaPoly_SHA256 with
 * a proof of identity inside (spec tcp-stack.md sections 3, 4 and 7; rule R-28).
 *
 * Three messages prove both sides to each other; then every message is one sealed box. A session
 * holds no buffer: it is handed whole messages and says how long the next one is. Each message on
 * the wire is `u16be length, body`; "body" below is without the length.
 *
 *	dialer                                  listener
 *	noise_begin()            ── e ──►       noise_handshake()
 *	noise_handshake()   ◄── e, ee, s, es    (the answer, appended to `out`)
 *	(message 3 is appended)  ── s, se ──►   noise_handshake()
 *	        both: noise_is_ready(), noise_seal(), noise_open()
 *
 * A dialer has verified its peer completely before message 3, which reveals its own identity, is
 * even computed. Every failure is final: the connection is to be closed without another byte. */
#ifndef P2POS_NOISE_NOISE_H
#define P2POS_NOISE_NOISE_H

#include "proto/keys/key.h"

#define NOISE_KEY_BYTES           32
#define NOISE_TAG_BYTES           16
#define NOISE_LENGTH_BYTES        2
#define NOISE_BODY_BYTES_MAX      65535 /* of any message: all that the length can say */
#define NOISE_PLAIN_BYTES_MAX     (NOISE_BODY_BYTES_MAX - NOISE_TAG_BYTES)
#define NOISE_HANDSHAKE_BYTES_MAX 4096  /* of a handshake body; a longer one is refused unread */
#define NOISE_EXTENSIONS_MAX      1024  /* bytes of them in a payload; more fails the handshake */
#define NOISE_MUXERS_MAX          100   /* names in the extensions; more count as none, as in go */
#define NOISE_EMPTY_IN_A_ROW_MAX  16    /* transport messages without content; the next one fails */
#define NOISE_PAYLOAD_MAX         128   /* our own payload: key, signature, one muxer name */

/* ---- Once per process ---- */

/* Our static X25519 key and the payload that proves that it is ours. It is never stored; one pair a
 * process saves a signature for each handshake. */
struct noise_static {
	uint8_t secret[NOISE_KEY_BYTES];
	uint8_t public[NOISE_KEY_BYTES];
	uint8_t payload[NOISE_PAYLOAD_MAX]; /* key, signature, and that we speak /yamux/1.0.0 */
	uint8_t payload_len;
	uint8_t proof_len; /* how much of it is key and signature: the payload without extensions */
};

void noise_static_init(struct noise_static *s, const struct key_pair *identity, struct rng *rng);
void noise_static_deinit(struct noise_static *s);

/* ---- The primitives (cipher.c) ---- */

/* One direction's key and message counter. */
struct noise_cipher {
	uint8_t key[NOISE_KEY_BYTES];
	uint64_t n; /* of the next message */
};

/* Seals `len` bytes at `at` in place and writes the tag behind them. P2P_ERR_CRYPTO when the
 * counter is used up. */
int noise_cipher_seal(struct noise_cipher *c, struct bytes ad, uint8_t *at, size_t len);

/* Opens `sealed` (content and tag) into `to`, which may be where it stands. P2P_ERR_CRYPTO when it
 * is not authentic, shorter than a tag, or the counter is used up. `to` is undefined then. */
int noise_cipher_open(struct noise_cipher *c, struct bytes ad, struct bytes sealed, uint8_t *to);

/* The handshake's running hash, chaining key and key (Noise framework 5.2). */
struct noise_symmetric {
	uint8_t h[32], ck[32];
	struct noise_cipher cipher;
	bool has_key;
};

void noise_symmetric_init(struct noise_symmetric *s, struct bytes prologue);
void noise_mix_hash(struct noise_symmetric *s, struct bytes data);
void noise_mix_key(struct noise_symmetric *s, const uint8_t input[32]);
/* Encrypts in place; with a key, NOISE_TAG_BYTES follow. */
int noise_encrypt_and_hash(struct noise_symmetric *s, uint8_t *at, size_t len);
/* `to` has room for `in`. */
int noise_decrypt_and_hash(struct noise_symmetric *s, struct bytes in, uint8_t *to);
/* The two directions' keys, the initiator's first. */
void noise_split(
	const struct noise_symmetric *s, struct noise_cipher *ret_first, struct noise_cipher *ret_second);

/* ---- The XX pattern (handshake.c), without any libp2p in it ---- */

struct noise_xx {
	struct noise_symmetric sym;
	const uint8_t *own_secret, *own_public; /* static keys, borrowed */
	uint8_t ephemeral[32], ephemeral_public[32];
	uint8_t peer_ephemeral[32], peer_static[32];
	bool initiator;
	uint8_t messages; /* sent and received so far: 0 .. 3 */
};

void noise_xx_init(struct noise_xx *x, bool initiator, struct bytes prologue,
	const uint8_t own_secret[32], const uint8_t own_public[32]);
void noise_xx_deinit(struct noise_xx *x);

/* Appends the body of our next message. The ephemeral key is drawn here. P2P_ERR_INVALID when a
 * Diffie-Hellman result is all zero, P2P_ERR_TOO_LARGE. */
int noise_xx_write(struct noise_xx *x, struct rng *rng, struct bytes payload, struct buf *out);

/* Takes the body of the peer's next message and decrypts its payload into `payload`, which has room
 * for `body`. P2P_ERR_TRUNCATED, P2P_ERR_CRYPTO (not authentic), P2P_ERR_INVALID (all-zero result). */
int noise_xx_read(struct noise_xx *x, struct bytes body, uint8_t *payload, size_t *ret_len);

/* After three messages: the keys to send and to receive with. */
void noise_xx_split(const struct noise_xx *x, struct noise_cipher *ret_tx, struct noise_cipher *ret_rx);

/* ---- The proof of identity (payload.c) ---- */

struct noise_proof {
	struct key_public key;
	struct peer_id peer;
	bool speaks_yamux; /* its extensions list /yamux/1.0.0 */
};

/* Verifies a handshake payload against the static key of that handshake. `ret_why` (a static reason
 * word, see conn.h) is written on failure: P2P_ERR_PROTOCOL "noise_handshake" (malformed, key or
 * signature missing), P2P_ERR_UNSUPPORTED "key_type_rsa" …, P2P_ERR_SIGNATURE "noise_signature". */
int noise_payload_verify(struct bytes payload, const uint8_t peer_static[32],
	struct noise_proof *ret, const char **ret_why);

/* ---- A session (session.c) ---- */

struct noise_opts {
	bool initiator;
	const struct noise_static *own; /* borrowed, outlives the session */
	struct rng *rng;                /* borrowed, outlives the session */
	struct peer_id expected;        /* none = anybody */
};

struct noise {
	struct noise_opts opts;
	struct noise_xx xx;         /* wiped when the handshake is over */
	struct noise_cipher tx, rx; /* zero before */
	struct noise_proof proof;   /* who the peer is; valid once noise_is_ready() */
	uint8_t state;              /* private to session.c */
	uint8_t empties;            /* transport messages without content in a row */
	const char *why;            /* reason word of the failure; NULL before */
};

void noise_init(struct noise *n, const struct noise_opts *opts);
void noise_deinit(struct noise *n);

/* A dialer's first message, with its length, appended to `out`. */
int noise_begin(struct noise *n, struct buf *out);

/* How long the message at the front of `in` is, with its length: NOISE_LENGTH_BYTES while that is
 * cut. An error when no such message may come here; `n->why` says why. */
int noise_message_len(struct noise *n, struct bytes in, size_t *ret_len);

/* Takes the body of a handshake message and appends our answer, if there is one, with its length.
 * Errors as noise_payload_verify(), P2P_ERR_PROTOCOL "noise_handshake", P2P_ERR_CRYPTO
 * "noise_decrypt", and P2P_ERR_MISMATCH "peer_id_mismatch". */
int noise_handshake(struct noise *n, struct bytes body, struct buf *out);

/* Both sides are proven and the keys are there. */
bool noise_is_ready(const struct noise *n);

/* Seals one message in place: `at` holds room for the length, `len` bytes of content (1 to
 * NOISE_PLAIN_BYTES_MAX), and room for the tag. P2P_ERR_CRYPTO when the counter is used up. */
int noise_seal(struct noise *n, uint8_t *at, size_t len);

/* Opens a message's body into `to` (may be where it stands; needs room for the body). Writes the
 * content's length, which may be 0. P2P_ERR_CRYPTO "noise_decrypt"; P2P_ERR_PROTOCOL "noise_empty"
 * after too many empty ones. */
int noise_open(struct noise *n, struct bytes body, uint8_t *to, size_t *ret_len);

#endif
