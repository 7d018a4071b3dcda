/* SPDX-License-Identifier: Apache-2.0 */
/* addrs.h: the addresses at which one peer may be, and when each may be tried again.
 *
 * A failed address rests for an eighth of the time since it failed first, at least a second and
 * at most five minutes, give or take a quarter: quick after a short cut, quiet after a long one.
 * Nobody can make it rest for less. */
#ifndef P2POS_CLUSTER_ADDRS_H
#define P2POS_CLUSTER_ADDRS_H

#include "proto/cluster/core.h"

#define ADDR_REST_MS_MIN 1000
#define ADDR_REST_MS_MAX 300000
#define ADDR_REST_SHARE  8

struct addr {
	mono_t free_at;    /* may be tried from then on */
	mono_t failed_at;  /* the first failure in a row; MONO_ZERO = the last try was good, or none
			    */
	wall_t tried;      /* WALL_ZERO = never */
	uint16_t failures; /* in a row; stays at its maximum */
	int16_t err;       /* of the last try; 0 = none failed */
	uint8_t stage;     /* enum core_stage of that */
	uint8_t from;      /* enum core_addr_from */
	bool busy;         /* part of a dial that is under way */
	uint16_t len;
	uint8_t at[];
};

/* Zero is empty; it costs nothing until the first one comes. */
struct addrs {
	size_t count;
	struct addr **list; /* owned */
};

void addrs_deinit(struct addrs *as);

/* Adds one that something here can dial; a known one only has its source improved. Returns true
 * when it was not known. Beyond CORE_PEER_ADDRS_MAX the one that failed most makes room. */
bool addrs_add(struct addrs *as, const struct maddr *a, enum core_addr_from from, mono_t now);

void addrs_drop(struct addrs *as, const struct maddr *a);

/* Forgets all from that source (an entry of the configuration is gone, a new record came). */
void addrs_drop_from(struct addrs *as, enum core_addr_from from);

struct addr *addrs_find(const struct addrs *as, const struct maddr *a);
void addr_copy(const struct addr *a, struct maddr *ret);

/* When the first one is free; MONO_NEVER when all are busy or there is none. */
mono_t addrs_free_at(const struct addrs *as);

/* Up to `max` free ones, best first, marked busy. */
size_t addrs_take(struct addrs *as, struct maddr *ret, size_t max, mono_t now);

/* One that was taken failed / was good. All that are still busy become free. */
void addr_failed(
	struct addr *a, int err, enum core_stage stage, struct rng *rng, wall_t wall, mono_t now);
void addr_good(struct addr *a, wall_t wall);
void addrs_release(struct addrs *as);

/* Something authentic was heard of the peer: addresses that rest may be tried as soon as their
 * shortest rest is over. */
void addrs_wake(struct addrs *as, mono_t now);

/* The order in which they would be tried; i < count. */
const struct addr *addrs_best(const struct addrs *as, size_t i);

/* The newest failure, or NULL. */
const struct addr *addrs_last_failure(const struct addrs *as);

#endif
