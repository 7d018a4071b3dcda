/* SPDX-License-Identifier: Apache-2.0 */
/* security.h: what secures a byte pipe, Noise or TLS, with one face (inside this folder only).
 *
 * A *message* is what either cuts the pipe into, with all that stands around its content: Noise's
 * length, body and tag, or a record of TLS. The verbs are those of proto/noise/noise.h and
 * proto/tls/session.h, with the same meaning. */
#ifndef P2POS_CONN_SECURITY_H
#define P2POS_CONN_SECURITY_H

#include "proto/conn/conn.h"
#include "proto/noise/noise.h"
#include "proto/tls/session.h"

struct security {
	enum conn_security kind;
	union {
		struct noise noise;
		struct tls tls;
	};
};

/* Its name on the raw pipe, and in conn_info. */
const char *security_name(enum conn_security kind);
const char *security_word(enum conn_security kind);

void security_init(struct security *s, enum conn_security kind, const struct conn_opts *opts);
/* Safe on a zeroed one, and twice. */
void security_deinit(struct security *s);

/* A dialer's first message, appended to `out`. */
int security_begin(struct security *s, struct buf *out);

/* Bytes of a message that are needed to tell its length, and that length: just these bytes while
 * they are not all there. */
size_t security_header_bytes(const struct security *s);
int security_message_len(struct security *s, struct bytes in, size_t *ret_len);

/* Takes one message of the handshake; the answer, or TLS's alert, is appended to `out`. */
int security_handshake(struct security *s, struct bytes message, struct buf *out);
bool security_is_ready(const struct security *s);

/* Once it is ready: who the peer is, and whether Yamux was agreed upon in the handshake. */
const struct peer_id *security_peer(const struct security *s);
bool security_has_muxer(const struct security *s);

/* Opens one message into `to`, which has room for all of it, or is where it stands. An alert of TLS
 * is appended to `out`. */
int security_open(struct security *s, struct bytes message, uint8_t *to, struct buf *out,
	struct bytes *ret_plain);

/* Content of one message that we seal: as much as helps. */
size_t security_content_max(const struct security *s);
/* How much content fits into `room` bytes once it is sealed; 0 when none does. */
size_t security_content_in(const struct security *s, size_t room);

/* Seals `plain` (1 to security_content_max() bytes, not in `out`) and appends it. */
int security_seal(struct security *s, struct bytes plain, struct buf *out);

/* The same in place, which Noise can and TLS cannot: append the content to `out` behind the room
 * that security_begin_in_place() left, then end. */
size_t security_begin_in_place(struct buf *out);
int security_end_in_place(struct security *s, struct buf *out, size_t begin);

/* Our word that we have ended, where there is one. Nothing is sealed after it. */
void security_bye(struct security *s, struct buf *out);

/* After a failure. `why` is a reason word of conn.h; `detail` may be NULL. */
const char *security_why(const struct security *s);
const char *security_detail(const struct security *s);

/* Bytes owned beside the struct itself; TLS's are an estimate. */
size_t security_memory(const struct security *s);

#endif
