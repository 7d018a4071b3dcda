/* SPDX-License-Identifier: Apache-2.0 */
/* buckets.h: how fast new connections may come, by source (rule R-23). Pure: time comes in.
 *
 * Each source owns a bucket of tokens at every level that it belongs to: an IPv4 address or IPv6 /56,
 * an IPv6 /48, and the whole world. A connection takes one from each or none at all. Loopback has a
 * wider bucket, but has one: a page in a local browser is a stranger too (TA-12). */
#ifndef P2POS_NET_BUCKETS_H
#define P2POS_NET_BUCKETS_H

#include "proto/base/clock.h"
#include "proto/multi/maddr.h"

#define BUCKETS_MAX 4096 /* sources remembered; beyond: the longest idle one goes, and while none is
                          * idle enough a newcomer shares one coarse bucket with all newcomers */

struct buckets;

struct buckets *buckets_new(void);
void buckets_free(struct buckets *b);

/* True when the source may open one more connection now; then it is counted. */
bool buckets_take(struct buckets *b, const struct maddr_ip *source, mono_t now);

/* The source did wrong (bad signature, churn): nothing from it for `ms`. */
void buckets_punish(struct buckets *b, const struct maddr_ip *source, int64_t ms, mono_t now);

/* Sources remembered now; at most BUCKETS_MAX. */
size_t buckets_count(const struct buckets *b);

#endif
