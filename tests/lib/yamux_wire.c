/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/yamux_wire.h"

#include <string.h>

#include "proto/base/text.h"
#include "tests/lib/p2ptest.h"

static void init(struct yamux_wire *w, struct yamux_limits limits, bool is_client)
{
	*w = (struct yamux_wire){.now = t0};
	rng_seed(&w->rng, 1);
	yamux_init(&w->y, &(struct yamux_opts){
				  .is_client = is_client, .limits = limits, .rng = &w->rng.rng});
}

void yw_init(struct yamux_wire *w, struct yamux_limits limits)
{
	init(w, limits, false);
}

void yw_init_client(struct yamux_wire *w, struct yamux_limits limits)
{
	init(w, limits, true);
}

void yw_deinit(struct yamux_wire *w)
{
	yamux_deinit(&w->y);
	buf_deinit(&w->to);
	buf_deinit(&w->from);
}

void yw_frame(struct yamux_wire *w, enum yamux_frame_type type, unsigned flags, uint32_t stream,
	uint32_t length)
{
	struct yamux_frame f = {.type = (uint8_t)type,
		.flags = (uint16_t)flags,
		.stream = stream,
		.length = length};

	yamux_frame_write(&f, buf_grow(&w->to, YAMUX_HEADER_BYTES));
}

void yw_data(struct yamux_wire *w, unsigned flags, uint32_t stream, struct bytes body)
{
	yw_frame(w, YAMUX_FRAME_DATA, flags, stream, (uint32_t)body.len);
	assert_ok(buf_put(&w->to, body));
}

void yw_bulk(struct yamux_wire *w, uint32_t stream, uint32_t len)
{
	yw_frame(w, YAMUX_FRAME_DATA, 0, stream, len);
	memset(buf_grow(&w->to, len), 'x', len);
}

void yw_feed(struct yamux_wire *w)
{
	/* The session borrows these bytes until its events are taken; a copy keeps them apart from
	 * what is written next. */
	static uint8_t at[4 * 1024 * 1024];

	assert_true(w->to.len <= sizeof(at));
	if (w->to.len)
		memcpy(at, w->to.data, w->to.len);
	assert_ok(yamux_recv(&w->y, bytes_of(at, w->to.len), w->now));
	buf_reset(&w->to);
}

unsigned yw_run(struct yamux_wire *w, enum yamux_event_kind kind)
{
	struct yamux_event ev;
	unsigned count = 0;

	yw_feed(w);
	while (yamux_next(&w->y, &ev)) {
		count += ev.kind == kind;
		if (ev.kind == YAMUX_DATA)
			assert_ok(yamux_consumed(&w->y, ev.stream, ev.data.len));
	}
	return count;
}

struct yamux_event yw_expect(struct yamux_wire *w, enum yamux_event_kind kind, uint32_t stream)
{
	struct yamux_event ev = {0};

	assert_true(yamux_next(&w->y, &ev));
	assert_int_equal(ev.kind, kind);
	assert_int_equal(ev.stream, stream);
	return ev;
}

void yw_expect_nothing(struct yamux_wire *w)
{
	struct yamux_event ev;

	assert_false(yamux_next(&w->y, &ev));
}

void yw_expect_end(struct yamux_wire *w, enum yamux_why why, uint32_t code)
{
	struct yamux_event ev = {0};
	struct yamux_frame f;
	struct bytes sent;

	while (ev.kind != YAMUX_CLOSED)
		assert_true(yamux_next(&w->y, &ev));
	assert_int_equal(ev.why, why);
	assert_int_equal(ev.code, code);
	assert_non_null(ev.reason);
	yw_expect_nothing(w);
	sent = yw_sent(w);
	assert_true(sent.len >= YAMUX_HEADER_BYTES);
	yamux_frame_read(sent.at + sent.len - YAMUX_HEADER_BYTES, &f);
	assert_int_equal(f.type, YAMUX_FRAME_GOAWAY);
	assert_int_equal(f.length, code);
	assert_false(yamux_has_output(&w->y));
	assert_err(yamux_recv(&w->y, BYTES_LIT("x"), w->now), P2P_ERR_CLOSED);
}

void yw_open(struct yamux_wire *w, uint32_t stream)
{
	yw_frame(w, YAMUX_FRAME_WINDOW, YAMUX_FLAG_SYN, stream, 0);
	yw_feed(w);
	(void)yw_expect(w, YAMUX_OPENED, stream);
	yw_expect_nothing(w);
	(void)yw_sent(w);
}

struct bytes yw_sent(struct yamux_wire *w)
{
	buf_reset(&w->from);
	while (yamux_has_output(&w->y))
		assert_ok(yamux_send(&w->y, &w->from, 64 * 1024 * 1024, w->now));
	return buf_bytes(&w->from);
}

void yw_expect_sent(struct yamux_wire *w, const char *hex)
{
	struct buf packed = BUF_INIT, want = BUF_INIT;

	for (const char *c = hex; *c; c++)
		if (*c != ' ')
			assert_ok(buf_put_u8(&packed, (uint8_t)*c));
	assert_ok(text_unhex(&want, buf_bytes(&packed)));
	assert_bytes(yw_sent(w), buf_bytes(&want));
	buf_deinit(&packed);
	buf_deinit(&want);
}

unsigned yw_count_sent(struct yamux_wire *w, enum yamux_frame_type type, unsigned flags)
{
	struct bytes sent = yw_sent(w);
	struct yamux_frame f;
	unsigned count = 0;

	while (sent.len) {
		assert_true(sent.len >= YAMUX_HEADER_BYTES);
		yamux_frame_read(sent.at, &f);
		assert_null(yamux_frame_fault(&f));
		count += f.type == type && (f.flags & flags) == flags;
		sent = bytes_from(
			sent, YAMUX_HEADER_BYTES + (f.type == YAMUX_FRAME_DATA ? f.length : 0));
	}
	return count;
}
