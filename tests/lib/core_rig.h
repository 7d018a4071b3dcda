/* SPDX-License-Identifier: Apache-2.0 */
/* core_rig.h: one core, driven by hand, and what it said.
 *
 *	struct rig r;
 *
 *	rig_begin(&r, 3);                         a member of three, at t0
 *	rig_up(&r, 1, FRIEND);                    conn 1 is FRIEND's
 *	rig_pass(&r, 1000);                       a second passes
 *	rig_look(&r);                             pulls the decisions and writes them down
 *	rig_end(&r); */
#ifndef P2POS_TESTS_LIB_CORE_RIG_H
#define P2POS_TESTS_LIB_CORE_RIG_H

#include "proto/cluster/core.h"
#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

#define SELF     0x11 /* the first member of snapshot_of() */
#define FRIEND   0x12
#define THIRD    0x13
#define STRANGER 0x60

#define RIG_GUESTS_MAX 16 /* so many peers that are no members the core lets in */

struct rig {
	struct core *c;
	struct key_pair key;
	struct key_public system;
	struct rng_seeded rng;
	wall_t wall;
	mono_t now;
	/* what core_next() said since the last rig_look() */
	unsigned said[CORE_ALERT + 1];
	struct core_verdict verdict;
	enum snapshot_reason pull_refused;
	uint64_t store_token, closed;
	char why[64], reason[160];
	enum core_class granted;
	enum core_state state;
};

/* A core that holds a list of so many members, or none (0), at 13:00 of the day on which it was issued. */
void rig_begin(struct rig *r, unsigned members);
void rig_end(struct rig *r);

/* Pulls every decision and writes it down, over those of the last look. */
void rig_look(struct rig *r);

/* Time passes, and everything that is due happens. */
void rig_pass(struct rig *r, int64_t ms);

/* Somebody connected: what it may be. `why` then holds the reason of a refusal. */
enum core_class rig_up_from(struct rig *r, uint64_t conn, uint8_t who, const char *from);
/* From an address of its own kind: TCP, of a documentation network. */
enum core_class rig_up(struct rig *r, uint64_t conn, uint8_t who);

/* The JSON of somebody's heartbeat in `to`, which it stands in. */
struct bytes rig_beat(struct buf *to, uint8_t who, wall_t ts);

#endif
