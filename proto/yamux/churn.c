/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/yamux/churn.h"

/* Takes one token of a bucket that holds `burst` and gains `per_sec` a second. */
static bool take(mono_t *full, mono_t now, int64_t per_sec, int64_t burst)
{
	int64_t each = NS_PER_SEC / per_sec;
	mono_t then = mono_add_ns(mono_max(*full, now), each);

	if (mono_since_ns(then, now) > burst * each)
		return false;
	*full = then;
	return true;
}

static bool take_bit(struct yamux_churn *c, uint32_t number)
{
	uint32_t at = number % YAMUX_OPENS_REMEMBERED;
	uint64_t bit = UINT64_C(1) << (at % 64);
	bool was = c->reset[at / 64] & bit;

	c->reset[at / 64] &= ~bit;
	return was;
}

bool yamux_churn_open(struct yamux_churn *c, mono_t now, uint32_t *ret_number)
{
	if (!take(&c->opens_full, now, YAMUX_OPENS_PER_SEC, YAMUX_OPENS_BURST))
		return false;
	/* The open of 200 opens ago leaves the view. */
	if (take_bit(c, c->opens))
		c->resets--;
	*ret_number = c->opens++;
	return true;
}

bool yamux_churn_reset(struct yamux_churn *c, uint32_t number)
{
	uint32_t at = number % YAMUX_OPENS_REMEMBERED;

	if (c->opens - number > YAMUX_OPENS_REMEMBERED)
		return true; /* a long-lived stream: not churn */
	if (!take_bit(c, number))
		c->resets++;
	c->reset[at / 64] |= UINT64_C(1) << (at % 64);
	return c->resets <= YAMUX_OPENS_RESET_MAX;
}

bool yamux_churn_ping(struct yamux_churn *c, mono_t now)
{
	return take(&c->pings_full, now, YAMUX_PINGS_PER_SEC, YAMUX_PINGS_BURST);
}

bool yamux_churn_update(struct yamux_churn *c)
{
	if (c->update_debt + YAMUX_BYTES_PER_UPDATE > YAMUX_UPDATES_BURST * YAMUX_BYTES_PER_UPDATE)
		return false;
	c->update_debt += YAMUX_BYTES_PER_UPDATE;
	return true;
}

void yamux_churn_delivered(struct yamux_churn *c, uint32_t bytes)
{
	c->update_debt -= bytes;
	if (c->update_debt < -YAMUX_UPDATE_BYTES_EARNED_MAX)
		c->update_debt = -YAMUX_UPDATE_BYTES_EARNED_MAX;
}

bool yamux_churn_idle_frame(struct yamux_churn *c, mono_t now)
{
	return take(&c->idle_full, now, YAMUX_IDLE_FRAMES_PER_SEC, YAMUX_IDLE_FRAMES_BURST);
}
