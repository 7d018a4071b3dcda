/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/quic/churn.h"

#define SPAN_NS (10 * NS_PER_SEC)

/* Takes one token of a bucket that holds `burst` and fills within ten seconds. */
static bool take(mono_t *full, mono_t now, int64_t burst)
{
	mono_t then = mono_add_ns(mono_max(*full, now), SPAN_NS / burst);

	if (mono_since_ns(then, now) > SPAN_NS)
		return false;
	*full = then;
	return true;
}

bool quic_churn_challenge(struct quic_churn *c, mono_t now)
{
	return take(&c->challenges_full, now, QUIC_CHALLENGES_PER_10S);
}

bool quic_churn_new_cid(struct quic_churn *c, mono_t now)
{
	return take(&c->new_cids_full, now, QUIC_NEW_CIDS_PER_10S);
}

bool quic_churn_retired(struct quic_churn *c, mono_t now)
{
	return take(&c->retired_full, now, QUIC_NEW_CIDS_PER_10S);
}

bool quic_churn_idle(struct quic_churn *c, mono_t now)
{
	return take(&c->idle_full, now, QUIC_IDLE_PER_10S);
}

void quic_churn_progress(struct quic_churn *c, size_t bytes)
{
	size_t sum = c->progress_bytes + bytes;

	c->progress_bytes = (uint32_t)(sum % QUIC_BYTES_PER_IDLE);
	/* A bucket that is full has nothing to gain: the time is then in the past, and take() begins
	 * from now. */
	c->idle_full = mono_add_ns(c->idle_full,
		-(int64_t)(sum / QUIC_BYTES_PER_IDLE) * (SPAN_NS / QUIC_IDLE_PER_10S));
}
