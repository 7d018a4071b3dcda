/* SPDX-License-Identifier: Apache-2.0 */
/* bucket.h: a token bucket: so many at once, then so many a second. */
#ifndef P2POS_CLUSTER_BUCKET_H
#define P2POS_CLUSTER_BUCKET_H

#include "proto/base/clock.h"

/* Zero is a full bucket. */
struct bucket {
	mono_t full_at; /* when it will be full again, had nothing more been taken */
};

/* Takes one out of a bucket that holds `burst` and gains one each `each_ms`; false when empty. */
static inline bool bucket_take(struct bucket *b, unsigned burst, int64_t each_ms, mono_t now)
{
	mono_t from = mono_max(b->full_at, now);

	if (mono_since_ns(from, now) > (burst - 1) * each_ms * NS_PER_MS)
		return false;
	b->full_at = mono_add_ms(from, each_ms);
	return true;
}

/* When there is one to take again. */
static inline mono_t bucket_ready(const struct bucket *b, unsigned burst, int64_t each_ms)
{
	return mono_add_ns(b->full_at, -(int64_t)((burst - 1) * each_ms * NS_PER_MS));
}

#endif
