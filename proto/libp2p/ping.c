/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/libp2p/ping.h"

#include <assert.h>

#include "proto/base/err.h"

void ping_init(struct ping *p, struct rng *rng)
{
	*p = (struct ping){.rng = rng};
}

struct bytes ping_start(struct ping *p, mono_t now)
{
	assert(!p->waiting);
	/* Fresh each time: an echo must not be possible before the question. */
	rng_fill(p->rng, p->block, sizeof(p->block));
	p->have = 0;
	p->waiting = true;
	p->sent = now;
	return bytes_of(p->block, sizeof(p->block));
}

int ping_recv(struct ping *p, struct bytes in, mono_t now, int64_t *ret_rtt_ns)
{
	if (!in.len)
		return P2P_ERR_AGAIN;
	if (!p->waiting || in.len > (size_t)(PING_BYTES - p->have) ||
		memcmp(in.at, p->block + p->have, in.len) != 0)
		return P2P_ERR_MISMATCH;
	p->have = (uint8_t)(p->have + in.len);
	if (p->have < PING_BYTES)
		return P2P_ERR_AGAIN;
	p->waiting = false;
	*ret_rtt_ns = mono_since_ns(now, p->sent);
	return 0;
}

mono_t ping_deadline(const struct ping *p)
{
	return p->waiting ? mono_add_ms(p->sent, PING_TIMEOUT_MS) : MONO_NEVER;
}

void ping_echo_init(struct ping_echo *e, mono_t now)
{
	e->have = 0;
	e->sent = 0;
	e->deadline = mono_add_ms(now, PING_IDLE_MS);
}

int ping_echo_recv(struct ping_echo *e, struct bytes in, mono_t now)
{
	size_t open_before = e->have % PING_BYTES;

	if (!in.len)
		return 0;
	if (in.len > sizeof(e->bytes) - e->have)
		return P2P_ERR_TOO_LARGE;
	memcpy(e->bytes + e->have, in.at, in.len);
	e->have = (uint16_t)(e->have + in.len);
	/* A block that was begun before and is not complete keeps its deadline: single bytes now
	 * and then do not hold the stream open. */
	if (e->have % PING_BYTES == 0)
		e->deadline = mono_add_ms(now, PING_IDLE_MS);
	else if (open_before == 0 || open_before + in.len >= PING_BYTES)
		e->deadline = mono_add_ms(now, PING_TIMEOUT_MS);
	return 0;
}

struct bytes ping_echo_owed(const struct ping_echo *e)
{
	size_t complete = (size_t)e->have / PING_BYTES * PING_BYTES;

	/* `sent` is 0 while not even the first block is complete. */
	return bytes_of(e->bytes + e->sent, complete - e->sent);
}

void ping_echo_sent(struct ping_echo *e, size_t n)
{
	size_t done;

	assert(n <= ping_echo_owed(e).len);
	n += e->sent;
	/* Whole blocks leave, so that those that stay keep their borders. */
	done = n / PING_BYTES * PING_BYTES;
	memmove(e->bytes, e->bytes + done, e->have - done);
	e->have = (uint16_t)(e->have - done);
	e->sent = (uint16_t)(n - done);
}

mono_t ping_echo_deadline(const struct ping_echo *e)
{
	return e->deadline;
}
