/* SPDX-License-Identifier: Apache-2.0 */
/* settle.h: when a change of the node's state counts: hysteresis, with time as an argument.
 *
 * What is heard may flap; what has settled is what units are started and stopped for. A better
 * state settles once it has lasted for `up_ms` without a break; a worse one `down_ms` after the
 * settled one was first left, so that flapping between bad and worse buys no time. */
#ifndef P2POS_CLI_STATE_SETTLE_H
#define P2POS_CLI_STATE_SETTLE_H

#include <stdbool.h>

#include "proto/base/clock.h"

/* From bad to good. */
enum state_word {
	STATE_UNKNOWN, /* no node answers */
	STATE_UNCONFIGURED,
	STATE_DEGRADED,
	STATE_HEALTHY,
};

/* "unknown", "unconfigured", "degraded", "healthy". */
const char *state_word_text(enum state_word state);
/* STATE_UNKNOWN for any other text, NULL included. */
enum state_word state_word_parse(const char *text);

struct settle {
	int64_t up_ms, down_ms;
	enum state_word settled, heard;
	mono_t since; /* when what was heard began to differ in the way it does */
};

/* Nothing has been heard: STATE_UNKNOWN is settled. */
void settle_init(struct settle *s, int64_t up_ms, int64_t down_ms);

/* The node says that it is in `state`. */
void settle_hear(struct settle *s, enum state_word state, mono_t now);

/* When settle_tick() has something to do; MONO_NEVER while what was heard is what has settled. */
mono_t settle_deadline(const struct settle *s);
/* True when `settled` has changed. */
bool settle_tick(struct settle *s, mono_t now);

#endif
