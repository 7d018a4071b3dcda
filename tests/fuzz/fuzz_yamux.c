/* SPDX-License-Identifier: Apache-2.0 */
/* A yamux session under a hostile peer and a careless owner.
 *
 * The first byte chooses the side and the limits; each further byte is an act, by the peer (raw
 * bytes, or a header put together from a few bytes) or by the owner (open, write, consume, reset,
 * …). After each act the session has to be within its limits and what it sends well-formed. */
#include <stdlib.h>

#include "proto/base/cursor.h"
#include "proto/yamux/yamux.h"

#define CHECK(claim)                                                                               \
	do {                                                                                       \
		if (!(claim))                                                                      \
			abort();                                                                   \
	} while (0)

struct run {
	struct yamux y;
	struct yamux_limits limits;
	struct rng_seeded rng;
	struct cursor in;
	struct buf sent;
	mono_t now;
	bool is_closed;
	uint8_t eager; /* how many of 8 DATA events are consumed whole */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_limits(const struct run *r)
{
	struct yamux_usage u;

	yamux_usage(&r->y, &u);
	CHECK(u.inbound <= r->limits.inbound_max);
	CHECK(u.outbound <= r->limits.outbound_max);
	CHECK(u.queued_bytes <= r->limits.queue_bytes_max);
	CHECK(u.unread_bytes <= r->limits.unread_bytes_max);
	CHECK(u.memory <= 300 * 1024 + 4 * ((size_t)u.queued_bytes + u.unread_bytes));
}

static void take_events(struct run *r)
{
	struct yamux_event ev;

	while (yamux_next(&r->y, &ev)) {
		CHECK(!r->is_closed);
		r->is_closed = ev.kind == YAMUX_CLOSED;
		if (ev.kind == YAMUX_RESET)
			CHECK(yamux_finish(&r->y, ev.stream) != 0);
		if (ev.kind != YAMUX_DATA)
			continue;
		CHECK(ev.data.len > 0);
		CHECK(bytes_eq(ev.data, yamux_unread(&r->y, ev.stream)));
		if (rng_below(&r->rng.rng, 8) < r->eager)
			CHECK(yamux_consumed(&r->y, ev.stream, ev.data.len) == 0);
		else
			(void)yamux_consumed(&r->y, ev.stream, ev.data.len / 3);
	}
}

static void feed(struct run *r, struct bytes in)
{
	/* A copy of its very size, so that a slice that outlives its input is seen. */
	uint8_t *at = malloc(in.len + 1);

	CHECK(at);
	if (in.len)
		memcpy(at, in.at, in.len);
	if (yamux_recv(&r->y, bytes_of(at, in.len), r->now) == 0)
		take_events(r);
	free(at);
}

static void feed_header(struct run *r)
{
	struct yamux_frame f = {.type = cursor_u8(&r->in) & 3, .flags = cursor_u8(&r->in) & 15};
	uint8_t wire[YAMUX_HEADER_BYTES];

	f.stream = f.type < YAMUX_FRAME_PING ? cursor_u8(&r->in) : 0;
	f.length = (uint32_t)cursor_u16be(&r->in) << (cursor_u8(&r->in) & 15);
	yamux_frame_write(&f, wire);
	feed(r, bytes_of(wire, sizeof(wire)));
}

static void feed_bulk(struct run *r)
{
	static const uint8_t zero[65536];
	size_t len = (size_t)cursor_u8(&r->in) << 8;

	feed(r, bytes_of(zero, len));
}

static void check_sent(struct run *r, size_t budget)
{
	struct bytes rest;
	struct yamux_frame f;

	buf_reset(&r->sent);
	(void)yamux_send(&r->y, &r->sent, budget, r->now);
	CHECK(r->sent.len <= budget);
	for (rest = buf_bytes(&r->sent); rest.len;) {
		CHECK(rest.len >= YAMUX_HEADER_BYTES);
		yamux_frame_read(rest.at, &f);
		CHECK(!yamux_frame_fault(&f));
		rest = bytes_from(rest, YAMUX_HEADER_BYTES);
		if (f.type == YAMUX_FRAME_DATA) {
			CHECK(f.length <= rest.len);
			rest = bytes_from(rest, f.length);
		}
	}
	take_events(r);
}

static void write_bulk(struct run *r)
{
	static const uint8_t zero[255 << 12];
	uint32_t stream = cursor_u8(&r->in);
	size_t len = (size_t)cursor_u8(&r->in) << 12;
	size_t room = yamux_room(&r->y, stream);
	int taken = yamux_write(&r->y, stream, bytes_of(zero, len));

	CHECK(taken < 0 || (size_t)taken == (len < room ? len : room));
}

static void act(struct run *r)
{
	uint32_t stream;

	switch (cursor_u8(&r->in) % 14) {
	case 0: feed(r, cursor_take(&r->in, cursor_u8(&r->in))); break;
	case 1:
	case 2:
	case 3: feed_header(r); break;
	case 4: feed_bulk(r); break;
	case 5: (void)yamux_open(&r->y, &stream); break;
	case 6: write_bulk(r); break;
	case 7: (void)yamux_finish(&r->y, cursor_u8(&r->in)); break;
	case 8: (void)yamux_reset(&r->y, cursor_u8(&r->in), 7); break;
	case 9:
		stream = cursor_u8(&r->in);
		(void)yamux_consumed(&r->y, stream, yamux_unread(&r->y, stream).len / 2);
		break;
	case 10: check_sent(r, (size_t)cursor_u8(&r->in) << 6); break;
	case 11: (void)yamux_ping(&r->y); break;
	case 12:
		r->now = mono_add_ms(r->now, (int64_t)cursor_u8(&r->in) << 4);
		if (mono_reached(yamux_deadline(&r->y), r->now))
			(void)yamux_tick(&r->y, r->now);
		take_events(r);
		break;
	case 13:
		if (cursor_u8(&r->in) == 255)
			yamux_go_away(&r->y, 0);
		r->eager = cursor_u8(&r->in) & 15;
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = {.in = cursor_of(bytes_of(data, size)), .now = {NS_PER_SEC}};
	uint8_t mode = cursor_u8(&r.in);

	r.limits = mode & 2 ? YAMUX_LIMITS_MEMBER : YAMUX_LIMITS_GUEST;
	r.eager = mode >> 4;
	rng_seed(&r.rng, 1);
	yamux_init(&r.y, &(struct yamux_opts){
				 .is_client = mode & 1, .limits = r.limits, .rng = &r.rng.rng});
	while (!cursor_at_end(&r.in) && !r.in.err) {
		act(&r);
		check_limits(&r);
	}
	yamux_deinit(&r.y);
	buf_deinit(&r.sent);
	return 0;
}
