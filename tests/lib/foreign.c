/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/foreign.h"

#include "proto/yamux/frame.h"
#include "tests/lib/p2ptest.h"

#define HELLO "\x13/multistream/1.0.0\n\x07/noise\n"
#define HELLO_BYTES (sizeof(HELLO) - 1)

/* What the conn answers to `said`, appended to `out`. */
static void ask(struct conn *to, struct bytes said, struct buf *out, mono_t now)
{
	assert_ok(conn_recv(to, said, now));
	conn_send(to, out, 1 << 20, now);
}

static void prepare(struct foreign *f, struct conn *to, uint64_t seed)
{
	memset(f, 0, sizeof(*f));
	f->to = to;
	rng_seed(&f->seeded, seed);
	key_generate(&f->seeded.rng, &f->identity);
	noise_static_init(&f->own, &f->identity, &f->seeded.rng);
}

static void shake_hands(struct foreign *f, struct conn *to, mono_t now)
{
	struct buf said = BUF_INIT, answer = BUF_INIT;
	size_t len;

	noise_init(&f->noise,
		&(struct noise_opts){.initiator = true, .own = &f->own, .rng = &f->seeded.rng});
	assert_ok(buf_put_str(&said, HELLO));
	assert_ok(noise_begin(&f->noise, &said));
	ask(to, buf_bytes(&said), &answer, now);
	assert_bytes(bytes_head(buf_bytes(&answer), HELLO_BYTES), BYTES_LIT(HELLO));
	buf_drop(&answer, HELLO_BYTES);
	buf_reset(&said);
	assert_ok(noise_message_len(&f->noise, buf_bytes(&answer), &len));
	assert_int_equal(len, answer.len);
	assert_ok(noise_handshake(&f->noise, bytes_from(buf_bytes(&answer), 2), &said));
	buf_reset(&answer);
	ask(to, buf_bytes(&said), &answer, now);
	assert_true(noise_is_ready(&f->noise));
	buf_deinit(&said);
	buf_deinit(&answer);
}

void foreign_init(struct foreign *f, struct conn *to, uint64_t seed, mono_t now)
{
	prepare(f, to, seed);
	shake_hands(f, to, now);
}

void foreign_init_late(struct foreign *f, struct conn *to, uint64_t seed, mono_t now)
{
	prepare(f, to, seed);
	f->own.payload_len = f->own.proof_len;
	shake_hands(f, to, now);
}

void foreign_deinit(struct foreign *f)
{
	noise_deinit(&f->noise);
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

void foreign_flush(struct foreign *f, mono_t now)
{
	struct buf sealed = BUF_INIT;
	size_t len = f->out.len;

	assert_true(len > 0 && len <= NOISE_PLAIN_BYTES_MAX);
	assert_ok(buf_put_u16be(&sealed, 0));
	assert_ok(buf_put(&sealed, buf_bytes(&f->out)));
	assert_non_null(buf_grow(&sealed, NOISE_TAG_BYTES));
	assert_ok(noise_seal(&f->noise, sealed.data, len));
	(void)conn_recv(f->to, buf_bytes(&sealed), now); /* CONN_CLOSED tells */
	buf_reset(&f->out);
	buf_deinit(&sealed);
}

void foreign_listen(struct foreign *f, mono_t now)
{
	struct buf said = BUF_INIT;
	struct bytes rest;

	conn_send(f->to, &said, 1 << 20, now);
	rest = buf_bytes(&said);
	while (rest.len) {
		size_t whole, got;

		assert_ok(noise_message_len(&f->noise, rest, &whole));
		assert_true(whole <= rest.len);
		assert_ok(buf_reserve(&f->heard, whole));
		assert_ok(noise_open(&f->noise, bytes_from(bytes_head(rest, whole), 2),
			f->heard.data + f->heard.len, &got));
		f->heard.len += got;
		rest = bytes_from(rest, whole);
	}
	buf_deinit(&said);
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
