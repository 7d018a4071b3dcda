/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/foreign.h"

#include <gnutls/gnutls.h>

#include "proto/yamux/frame.h"
#include "tests/lib/p2ptest.h"

#define HELLO       "\x13/multistream/1.0.0\n"
#define HELLO_NOISE HELLO "\x07/noise\n"
#define HELLO_TLS   HELLO "\x0b/tls/1.0.0\n"

static bool is_tls(const struct foreign *f)
{
	return f->security == CONN_TLS;
}

static void prepare(struct foreign *f, struct conn *to, enum conn_security security, uint64_t seed)
{
	memset(f, 0, sizeof(*f));
	f->to = to;
	f->security = security;
	rng_seed(&f->seeded, seed);
	key_generate(&f->seeded.rng, &f->identity);
	key_pair_peer_id(&f->identity, &f->id);
	if (is_tls(f))
		assert_ok(tls_identity_init(&f->own_tls, &f->identity, &f->seeded.rng,
			FOREIGN_WALL, TLS_AES_FIRST));
	else
		noise_static_init(&f->own, &f->identity, &f->seeded.rng);
}

static int begin(struct foreign *f, bool offers_no_muxer, struct buf *out)
{
	if (is_tls(f)) {
		tls_init(&f->tls, &(struct tls_opts){.initiator = true,
					  .own = &f->own_tls,
					  .now = FOREIGN_WALL,
					  .offers_no_muxer = offers_no_muxer});
		return tls_begin(&f->tls, out);
	}
	if (offers_no_muxer)
		f->own.payload_len = f->own.proof_len;
	noise_init(&f->noise,
		&(struct noise_opts){.initiator = true, .own = &f->own, .rng = &f->seeded.rng});
	return noise_begin(&f->noise, out);
}

static int message_len(struct foreign *f, struct bytes in, size_t *ret_len)
{
	return is_tls(f) ? tls_message_len(&f->tls, in, ret_len)
			 : noise_message_len(&f->noise, in, ret_len);
}

static int handshake(struct foreign *f, struct bytes message, struct buf *out)
{
	return is_tls(f) ? tls_handshake(&f->tls, message, out)
			 : noise_handshake(&f->noise, bytes_from(message, 2), out);
}

static void shake_hands(struct foreign *f, bool offers_no_muxer, mono_t now)
{
	struct bytes hello = is_tls(f) ? BYTES_LIT(HELLO_TLS) : BYTES_LIT(HELLO_NOISE);
	struct buf said = BUF_INIT, answer = BUF_INIT;
	struct bytes rest;

	assert_ok(buf_put(&said, hello));
	assert_ok(begin(f, offers_no_muxer, &said));
	assert_ok(conn_recv(f->to, buf_bytes(&said), now));
	conn_send(f->to, &answer, 1 << 20, now);
	buf_reset(&said);
	rest = buf_bytes(&answer);
	assert_bytes(bytes_head(rest, hello.len), hello);
	rest = bytes_from(rest, hello.len);
	while (rest.len) {
		size_t len;

		assert_ok(message_len(f, rest, &len));
		assert_true(len <= rest.len);
		assert_ok(handshake(f, bytes_head(rest, len), &said));
		rest = bytes_from(rest, len);
	}
	assert_true(is_tls(f) ? tls_is_ready(&f->tls) : noise_is_ready(&f->noise));
	assert_ok(conn_recv(f->to, buf_bytes(&said), now));
	buf_deinit(&said);
	buf_deinit(&answer);
}

void foreign_init(struct foreign *f, struct conn *to, enum conn_security security, uint64_t seed,
	mono_t now)
{
	prepare(f, to, security, seed);
	shake_hands(f, false, now);
}

void foreign_init_late(struct foreign *f, struct conn *to, enum conn_security security,
	uint64_t seed, mono_t now)
{
	prepare(f, to, security, seed);
	shake_hands(f, true, now);
}

void foreign_deinit(struct foreign *f)
{
	noise_deinit(&f->noise);
	tls_deinit(&f->tls);
	tls_identity_deinit(&f->own_tls);
	buf_deinit(&f->heard);
	buf_deinit(&f->out);
}

void foreign_frame(
	struct foreign *f, uint8_t type, uint16_t flags, uint32_t stream, uint32_t length)
{
	struct yamux_frame frame = {
		.type = type, .flags = flags, .stream = stream, .length = length};

	yamux_frame_write(&frame, buf_grow(&f->out, YAMUX_HEADER_BYTES));
}

void foreign_data(struct foreign *f, uint16_t flags, uint32_t stream, struct bytes body)
{
	foreign_frame(f, YAMUX_FRAME_DATA, flags, stream, (uint32_t)body.len);
	assert_ok(buf_put(&f->out, body));
}

void foreign_open(struct foreign *f, uint32_t stream, struct bytes text)
{
	foreign_frame(f, YAMUX_FRAME_WINDOW, YAMUX_FLAG_SYN, stream, 0);
	if (text.len)
		foreign_data(f, 0, stream, text);
}

static void seal_with_noise(struct foreign *f, struct buf *sealed)
{
	assert_true(f->out.len <= NOISE_PLAIN_BYTES_MAX);
	assert_ok(buf_put_u16be(sealed, 0));
	assert_ok(buf_put(sealed, buf_bytes(&f->out)));
	assert_non_null(buf_grow(sealed, NOISE_TAG_BYTES));
	assert_ok(noise_seal(&f->noise, sealed->data, f->out.len));
}

void foreign_flush(struct foreign *f, mono_t now)
{
	struct buf sealed = BUF_INIT;

	assert_true(f->out.len > 0);
	if (is_tls(f))
		assert_ok(tls_seal(&f->tls, buf_bytes(&f->out), &sealed));
	else
		seal_with_noise(f, &sealed);
	(void)conn_recv(f->to, buf_bytes(&sealed), now); /* CONN_CLOSED tells */
	buf_reset(&f->out);
	buf_deinit(&sealed);
}

void foreign_say_nothing(struct foreign *f, mono_t now)
{
	uint8_t room[256];
	struct buf sealed = {.data = room, .cap = sizeof(room), .max = sizeof(room)};

	if (is_tls(f)) {
		f->tls.out = &sealed;
		assert_true(gnutls_record_send2(f->tls.session, "", 0, 1, 0) >= 0); /* padding */
		f->tls.out = NULL;
	} else {
		assert_ok(buf_put_u16be(&sealed, NOISE_TAG_BYTES));
		assert_non_null(buf_grow(&sealed, NOISE_TAG_BYTES));
		assert_ok(noise_cipher_seal(
			&f->noise.tx, BYTES_NONE, room + NOISE_LENGTH_BYTES, 0));
	}
	(void)conn_recv(f->to, buf_bytes(&sealed), now); /* CONN_CLOSED tells */
}

static int open_message(struct foreign *f, struct bytes message, uint8_t *to, size_t *ret_len)
{
	struct buf alert = BUF_INIT;
	int err;

	if (!is_tls(f))
		return noise_open(&f->noise, bytes_from(message, 2), to, ret_len);
	err = tls_open(&f->tls, message, to, &alert, ret_len);
	buf_deinit(&alert);
	return err;
}

int foreign_listen(struct foreign *f, mono_t now)
{
	struct buf said = BUF_INIT;
	struct bytes rest;
	int err = 0;

	conn_send(f->to, &said, 1 << 20, now);
	rest = buf_bytes(&said);
	while (!err && rest.len) {
		size_t whole, got;

		assert_ok(message_len(f, rest, &whole));
		assert_true(whole <= rest.len);
		assert_ok(buf_reserve(&f->heard, whole));
		err = open_message(f, bytes_head(rest, whole), f->heard.data + f->heard.len, &got);
		f->heard.len += err ? 0 : got;
		rest = bytes_from(rest, whole);
	}
	assert_true(!err || is_tls(f));
	buf_deinit(&said);
	return err;
}

bool foreign_heard(
	const struct foreign *f, uint8_t type, uint16_t flags, uint32_t stream, uint32_t *ret_length)
{
	struct bytes rest = buf_bytes(&f->heard);

	while (rest.len >= YAMUX_HEADER_BYTES) {
		struct yamux_frame frame;

		yamux_frame_read(rest.at, &frame);
		if (frame.type == type && (frame.flags & flags) == flags && frame.stream == stream) {
			if (ret_length)
				*ret_length = frame.length;
			return true;
		}
		rest = bytes_from(rest, YAMUX_HEADER_BYTES +
				(frame.type == YAMUX_FRAME_DATA ? frame.length : 0));
	}
	return false;
}
