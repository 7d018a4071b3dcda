/* SPDX-License-Identifier: Apache-2.0 */
/* Two sessions back to back: whatever is written on one side arrives on the other, complete and in
 * order, however the bytes between them are cut and however slowly they are consumed. */
#include "tests/lib/p2ptest.h"

#include <string.h>

#include "proto/base/buf.h"
#include "proto/yamux/yamux.h"

#define STREAMS 12

struct side {
	struct yamux y;
	struct buf out;
	/* By index of the stream (id / 2): how many bytes were written and read, of how many. */
	size_t written[2 * STREAMS + 1], read[2 * STREAMS + 1], wanted[2 * STREAMS + 1];
	bool fin_sent[2 * STREAMS + 1], fin_seen[2 * STREAMS + 1];
};

struct pair {
	struct rng_seeded rng;
	struct side side[2];
	mono_t now;
};

/* Byte `at` of stream `id` as `side` writes it. */
static uint8_t byte_of(unsigned side, uint32_t id, size_t at)
{
	return (uint8_t)(at * 31 + id * 7 + side * 101 + (at >> 8));
}

static size_t below(struct pair *p, size_t bound)
{
	return (size_t)rng_below(&p->rng.rng, bound);
}

static void write_some(struct pair *p, unsigned who, uint32_t id)
{
	struct side *s = &p->side[who];
	uint8_t piece[20000];
	size_t len = 1 + below(p, sizeof(piece));
	int taken;

	if (s->fin_sent[id])
		return;
	if (len > s->wanted[id] - s->written[id])
		len = s->wanted[id] - s->written[id];
	for (size_t i = 0; i < len; i++)
		piece[i] = byte_of(who, id, s->written[id] + i);
	taken = yamux_write(&s->y, id, bytes_of(piece, len));
	assert_true(taken >= 0);
	s->written[id] += (size_t)taken;
	if (s->written[id] == s->wanted[id]) {
		assert_ok(yamux_finish(&s->y, id));
		s->fin_sent[id] = true;
	}
}

static void check(unsigned from, uint32_t id, size_t at, struct bytes data)
{
	for (size_t i = 0; i < data.len; i++)
		if (data.at[i] != byte_of(from, id, at + i))
			fail_msg("stream %u differs at %zu", (unsigned)id, at + i);
}

static void consume(struct pair *p, unsigned who, uint32_t id, bool all)
{
	struct side *s = &p->side[who];
	struct bytes data = yamux_unread(&s->y, id);
	size_t n = all ? data.len : below(p, data.len + 1);

	check(!who, id, s->read[id], data);
	s->read[id] += n;
	if (data.len)
		assert_ok(yamux_consumed(&s->y, id, n));
}

static void take_events(struct pair *p, unsigned who)
{
	struct side *s = &p->side[who];
	struct yamux_event ev;

	while (yamux_next(&s->y, &ev)) {
		switch (ev.kind) {
		case YAMUX_OPENED:
			s->wanted[ev.stream] = below(p, 700000);
			break;
		case YAMUX_DATA:
			assert_bytes(ev.data, yamux_unread(&s->y, ev.stream));
			consume(p, who, ev.stream, below(p, 2));
			break;
		case YAMUX_FIN:
			s->fin_seen[ev.stream] = true;
			break;
		case YAMUX_WRITABLE:
			write_some(p, who, ev.stream);
			break;
		case YAMUX_PONG:
			break;
		case YAMUX_RESET:
		case YAMUX_GOAWAY:
		case YAMUX_CLOSED:
			fail_msg("%s", ev.reason ? ev.reason : "the session did not survive");
		}
	}
}

/* Carries some of what one side wants to say to the other, cut anywhere. */
static void carry(struct pair *p, unsigned from)
{
	struct side *a = &p->side[from], *b = &p->side[!from];
	size_t n;

	assert_ok(yamux_send(&a->y, &a->out, below(p, 40000), p->now));
	n = below(p, a->out.len + 1);
	assert_ok(yamux_recv(&b->y, bytes_of(a->out.data, n), p->now));
	take_events(p, !from);
	buf_drop(&a->out, n);
}

static bool is_complete(const struct pair *p)
{
	for (uint32_t id = 1; id <= 2 * STREAMS; id++)
		for (unsigned who = 0; who < 2; who++)
			if (!p->side[who].fin_seen[id] ||
				p->side[who].read[id] < p->side[!who].wanted[id])
				return false;
	return true;
}

static void run(uint64_t seed)
{
	static struct pair p;
	struct yamux_usage usage;

	memset(&p, 0, sizeof(p));
	p.now = t0;
	rng_seed(&p.rng, seed);
	for (unsigned who = 0; who < 2; who++) {
		yamux_init(&p.side[who].y, &(struct yamux_opts){.is_client = who == 0,
						   .limits = YAMUX_LIMITS_MEMBER,
						   .rng = &p.rng.rng});
		for (int i = 0; i < STREAMS; i++) {
			uint32_t id;

			assert_ok(yamux_open(&p.side[who].y, &id));
			p.side[who].wanted[id] = below(&p, 700000);
		}
	}
	for (int round = 0; !is_complete(&p); round++) {
		unsigned who = (unsigned)below(&p, 2);
		uint32_t id = 1 + (uint32_t)below(&p, 2 * STREAMS);

		assert_true(round < 1000000);
		p.now = mono_add_ns(p.now, (int64_t)below(&p, 1000000));
		if (p.side[who].wanted[id])
			write_some(&p, who, id);
		consume(&p, who, id, true);
		if (round % 1000 == 0)
			(void)yamux_ping(&p.side[who].y); /* AGAIN is fine */
		carry(&p, (unsigned)below(&p, 2));
	}
	for (int i = 0; i < 200; i++)
		carry(&p, i % 2);
	for (unsigned who = 0; who < 2; who++) {
		/* Both sides agree that every stream is over, and nothing is left of any. */
		yamux_usage(&p.side[who].y, &usage);
		assert_int_equal(usage.inbound + usage.outbound, 0);
		assert_int_equal(usage.unread_bytes + usage.queued_bytes, 0);
		assert_int_equal(usage.memory, 0);
		assert_int_equal(p.side[who].y.grown_bytes, 0);
		yamux_deinit(&p.side[who].y);
		buf_deinit(&p.side[who].out);
	}
}

static void everything_arrives_in_order_on_every_stream(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++)
		run(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_arrives_in_order_on_every_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
