/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/conn/security.h"

#include <assert.h>

#include "proto/base/err.h"

#define NOISE_CONTENT_BYTES 32768 /* of a message that we seal: ciphers gain nothing from more */
#define NOISE_AROUND_BYTES  (NOISE_LENGTH_BYTES + NOISE_TAG_BYTES)
/* TLS_SEALED_BYTES_MAX() adds 22 bytes for each 511, and that once more and 64. */
#define TLS_AROUND_BYTES (22 + 64)

static const struct {
	const char *name, *word;
} securities[CONN_SECURITIES] = {
	[CONN_NOISE] = {"/noise", "noise"},
	[CONN_TLS] = {"/tls/1.0.0", "tls"},
};

const char *security_name(enum conn_security kind)
{
	return securities[kind].name;
}

const char *security_word(enum conn_security kind)
{
	return securities[kind].word;
}

static bool is_tls(const struct security *s)
{
	return s->kind == CONN_TLS;
}

void security_init(struct security *s, enum conn_security kind, const struct conn_opts *opts)
{
	struct tls_opts tls = {
		.initiator = opts->side == CONN_DIALER,
		.own = opts->tls,
		.expected = opts->expected,
		.now = opts->wall,
	};
	struct noise_opts noise = {
		.initiator = opts->side == CONN_DIALER,
		.own = opts->noise,
		.rng = opts->rng,
		.expected = opts->expected,
	};

	s->kind = kind;
	if (is_tls(s))
		tls_init(&s->tls, &tls);
	else
		noise_init(&s->noise, &noise);
}

void security_deinit(struct security *s)
{
	if (is_tls(s))
		tls_deinit(&s->tls);
	else
		noise_deinit(&s->noise);
}

int security_begin(struct security *s, struct buf *out)
{
	return is_tls(s) ? tls_begin(&s->tls, out) : noise_begin(&s->noise, out);
}

size_t security_header_bytes(const struct security *s)
{
	return is_tls(s) ? TLS_HEADER_BYTES : NOISE_LENGTH_BYTES;
}

int security_message_len(struct security *s, struct bytes in, size_t *ret_len)
{
	return is_tls(s) ? tls_message_len(&s->tls, in, ret_len)
			 : noise_message_len(&s->noise, in, ret_len);
}

int security_handshake(struct security *s, struct bytes message, struct buf *out)
{
	if (is_tls(s))
		return tls_handshake(&s->tls, message, out);
	return noise_handshake(&s->noise, bytes_from(message, NOISE_LENGTH_BYTES), out);
}

bool security_is_ready(const struct security *s)
{
	return is_tls(s) ? tls_is_ready(&s->tls) : noise_is_ready(&s->noise);
}

const struct peer_id *security_peer(const struct security *s)
{
	return is_tls(s) ? &s->tls.proof.peer : &s->noise.proof.peer;
}

bool security_has_muxer(const struct security *s)
{
	const struct noise_static *own;

	if (is_tls(s))
		return s->tls.proof.speaks_yamux;
	/* Both sides must have offered it. */
	own = s->noise.opts.own;
	return own->payload_len > own->proof_len && s->noise.proof.speaks_yamux;
}

int security_open(struct security *s, struct bytes message, uint8_t *to, struct buf *out,
	struct bytes *ret_plain)
{
	if (!is_tls(s) && to == message.at)
		to += NOISE_LENGTH_BYTES; /* where the body stands */
	ret_plain->at = to;
	if (is_tls(s))
		return tls_open(&s->tls, message, to, out, &ret_plain->len);
	return noise_open(&s->noise, bytes_from(message, NOISE_LENGTH_BYTES), to, &ret_plain->len);
}

size_t security_content_max(const struct security *s)
{
	return is_tls(s) ? TLS_CONTENT_BYTES_MAX : NOISE_CONTENT_BYTES;
}

size_t security_content_in(const struct security *s, size_t room)
{
	size_t around = is_tls(s) ? TLS_AROUND_BYTES : NOISE_AROUND_BYTES;

	if (room <= around)
		return 0;
	room -= around;
	/* A little less than 511 of 533, without a product that could be too large. */
	return is_tls(s) ? room - room / 24 : room;
}

size_t security_begin_in_place(struct buf *out)
{
	size_t begin = out->len;

	(void)buf_put_u16be(out, 0); /* the caller has made sure of the room */
	return begin;
}

int security_end_in_place(struct security *s, struct buf *out, size_t begin)
{
	size_t len = out->len - begin - NOISE_LENGTH_BYTES;

	assert(!is_tls(s));
	if (!buf_grow(out, NOISE_TAG_BYTES)) {
		buf_truncate(out, begin);
		return P2P_ERR_TOO_LARGE;
	}
	return noise_seal(&s->noise, out->data + begin, len);
}

int security_seal(struct security *s, struct bytes plain, struct buf *out)
{
	size_t begin;

	if (is_tls(s))
		return tls_seal(&s->tls, plain, out);
	if (buf_reserve(out, plain.len + NOISE_AROUND_BYTES))
		return P2P_ERR_TOO_LARGE;
	begin = security_begin_in_place(out);
	(void)buf_put(out, plain); /* there is room */
	return security_end_in_place(s, out, begin);
}

void security_bye(struct security *s, struct buf *out)
{
	if (is_tls(s))
		tls_bye(&s->tls, out);
}

const char *security_why(const struct security *s)
{
	return is_tls(s) ? s->tls.why : s->noise.why;
}

const char *security_detail(const struct security *s)
{
	return is_tls(s) ? s->tls.detail : NULL;
}

size_t security_memory(const struct security *s)
{
	return is_tls(s) && s->tls.session ? TLS_SESSION_BYTES : 0;
}
