/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/libp2p/perf.h"

#include <assert.h>

#include "proto/base/err.h"

#define BLOCK_BYTES 16384 /* offered at once; the stream takes as many as it has room for */

static const uint8_t block[BLOCK_BYTES];

static struct bytes block_of(uint64_t left)
{
	return bytes_of(block, left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES);
}

static struct perf_clock clock_at(mono_t now)
{
	return (struct perf_clock){mono_add_ms(now, PERF_IDLE_MS), mono_add_ms(now, PERF_TOTAL_MS)};
}

static void clock_moved(struct perf_clock *c, mono_t now)
{
	c->idle = mono_add_ms(now, PERF_IDLE_MS);
}

static mono_t clock_deadline(const struct perf_clock *c)
{
	return mono_min(c->idle, c->total);
}

/* --- the side that is asked --- */

void perf_server_init(struct perf_server *s, mono_t now)
{
	*s = (struct perf_server){.clock = clock_at(now)};
}

static uint64_t wanted(const struct perf_server *s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < PERF_HEAD_BYTES; i++)
		v = v << 8 | s->head[i];
	return v;
}

int perf_server_recv(struct perf_server *s, struct bytes in, mono_t now)
{
	struct bytes head = bytes_head(in, (size_t)(PERF_HEAD_BYTES - s->have));

	if (in.len == 0)
		return 0;
	clock_moved(&s->clock, now);
	memcpy(s->head + s->have, head.at, head.len);
	s->have = (uint8_t)(s->have + head.len);
	s->got += in.len - head.len;
	if (s->got > PERF_BYTES_MAX || (s->have == PERF_HEAD_BYTES && wanted(s) > PERF_BYTES_MAX))
		return P2P_ERR_TOO_LARGE;
	return 0;
}

int perf_server_end(struct perf_server *s, mono_t now)
{
	if (s->have < PERF_HEAD_BYTES)
		return P2P_ERR_TRUNCATED;
	s->is_answering = true;
	s->owed = wanted(s);
	clock_moved(&s->clock, now);
	return 0;
}

struct bytes perf_server_owed(const struct perf_server *s)
{
	return block_of(s->owed);
}

void perf_server_sent(struct perf_server *s, size_t n, mono_t now)
{
	assert(n <= s->owed);
	s->owed -= n;
	if (n)
		clock_moved(&s->clock, now);
}

bool perf_server_is_done(const struct perf_server *s)
{
	return s->is_answering && s->owed == 0;
}

mono_t perf_server_deadline(const struct perf_server *s)
{
	return clock_deadline(&s->clock);
}

/* --- the side that asks --- */

void perf_client_init(struct perf_client *c, uint64_t up, uint64_t down, mono_t now)
{
	assert(up <= PERF_BYTES_MAX && down <= PERF_BYTES_MAX);
	*c = (struct perf_client){.up = up, .down = down, .begun = now, .clock = clock_at(now)};
	for (size_t i = 0; i < PERF_HEAD_BYTES; i++)
		c->head[i] = (uint8_t)(down >> 8 * (PERF_HEAD_BYTES - 1 - i));
}

struct bytes perf_client_owed(const struct perf_client *c)
{
	if (c->head_sent < PERF_HEAD_BYTES)
		return bytes_from(bytes_of(c->head, PERF_HEAD_BYTES), c->head_sent);
	return block_of(c->up - c->up_sent);
}

void perf_client_sent(struct perf_client *c, size_t n, mono_t now)
{
	assert(n <= perf_client_owed(c).len);
	if (c->head_sent < PERF_HEAD_BYTES)
		c->head_sent = (uint8_t)(c->head_sent + n);
	else
		c->up_sent += n;
	if (n)
		clock_moved(&c->clock, now);
}

bool perf_client_is_done(const struct perf_client *c)
{
	return c->head_sent == PERF_HEAD_BYTES && c->up_sent == c->up;
}

int perf_client_recv(struct perf_client *c, struct bytes in, mono_t now)
{
	if (in.len == 0)
		return 0;
	if (!perf_client_is_done(c) || in.len > c->down - c->got)
		return P2P_ERR_PROTOCOL;
	if (c->got == 0)
		c->turned = now;
	c->got += in.len;
	clock_moved(&c->clock, now);
	return 0;
}

int perf_client_end(struct perf_client *c, mono_t now, struct perf_result *ret)
{
	mono_t turned = c->got ? c->turned : now;

	if (!perf_client_is_done(c) || c->got < c->down)
		return P2P_ERR_TRUNCATED;
	*ret = (struct perf_result){1, c->up, c->down, {c->begun, turned}, {turned, now}};
	return 0;
}

mono_t perf_client_deadline(const struct perf_client *c)
{
	return clock_deadline(&c->clock);
}

/* --- what several of them measured --- */

static int64_t span_ns(const struct perf_span *s)
{
	return mono_since_ns(s->until, s->from);
}

int64_t perf_up_ns(const struct perf_result *r)
{
	return span_ns(&r->up);
}

int64_t perf_down_ns(const struct perf_result *r)
{
	return r->down_bytes ? span_ns(&r->down) : 0;
}

static void widen(struct perf_span *all, const struct perf_span *one, bool is_first)
{
	all->from = is_first ? one->from : mono_min(all->from, one->from);
	if (is_first || mono_before(all->until, one->until))
		all->until = one->until;
}

void perf_result_add(struct perf_result *all, const struct perf_result *one)
{
	widen(&all->up, &one->up, all->streams == 0);
	if (one->down_bytes)
		widen(&all->down, &one->down, all->down_bytes == 0);
	all->streams += one->streams;
	all->up_bytes += one->up_bytes;
	all->down_bytes += one->down_bytes;
}

uint64_t perf_share(uint64_t bytes, unsigned i, unsigned count)
{
	return bytes / count + (i < bytes % count);
}
