/* SPDX-License-Identifier: Apache-2.0 */
/* uv_loop.h: the event loop: turns, timers, the two clocks, signals, wake-ups from another thread.
 *
 * Everything in the daemon but the database writer runs inside loop_run(), one callback at a time.
 * A turn is what happens between two waits; loop_now() stays the same within it (it moves on only
 * between the callbacks for sockets and those for timers).
 *
 * Monotonic time is CLOCK_BOOTTIME, which goes on while the machine sleeps: after two hours of
 * suspend the evidence for the other members really is two hours old, and a clock that stood
 * still would have us report "healthy" out of memory (reliability.md FM-14). Wall time is
 * CLOCK_REALTIME.
 *
 * No call here blocks, and nothing ticks without a reason: with no timer armed and no traffic the
 * process sleeps. */
#ifndef P2POS_IO_UV_LOOP_H
#define P2POS_IO_UV_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/io/timers.h"
#include "proto/base/clock.h"
#include "proto/base/list.h"

#define LOOP_READ_BYTES     (64 * 1024) /* the one read buffer that all sockets share */
#define LOOP_STALL_MS_MIN   500         /* a shorter standstill is told to nobody */

struct loop;

/* P2P_ERR_IO when the kernel gives no descriptors. Ignores SIGPIPE for the process. */
int loop_new(struct loop **ret);

/* Ends what is still closing and frees. Everything opened on the loop must have been closed before
 * (close calls give the memory back inside here at the latest). NULL is fine. */
void loop_free(struct loop *l);

/* Turns until loop_stop(). */
void loop_run(struct loop *l);
/* Lets loop_run() return after this turn. */
void loop_stop(struct loop *l);
/* One turn, waiting for news when there is none yet; for tests. */
void loop_turn(struct loop *l);

/* --- time --- */

/* When this turn began. Use it for every deadline. */
mono_t loop_now(struct loop *l);
/* The clock itself, read now; for measuring (round trips), not for deadlines. */
mono_t loop_clock(struct loop *l);
wall_t loop_wall(const struct loop *l);
/* Moves the monotonic clock of this loop forward, for tests of deadlines. It is no stall. */
void loop_skip_ms(struct loop *l, int64_t ms);

/* Arms or moves a timer; one in the past fires in the next turn; MONO_NEVER stops it. */
void loop_timer_set(struct loop *l, struct timer *t, mono_t when);
void loop_timer_in_ms(struct loop *l, struct timer *t, int64_t ms);
void loop_timer_stop(struct loop *l, struct timer *t);

/* --- the end of a turn --- */

/* Work that many events of one turn share, done once before the loop waits again: flushing a
 * connection, writing one status line. Lives inside its owner; zeroed with `run` and `arg` set it
 * is valid. */
struct turn_end {
	struct list node;
	void (*run)(void *arg);
	void *arg;
};

/* Runs `t` once at the end of this turn; asking again before that changes nothing. What is asked
 * for from inside such a run still happens before the wait. */
void loop_at_turn_end(struct loop *l, struct turn_end *t);
void loop_turn_end_cancel(struct turn_end *t);

/* --- standing still --- */

/* Called at the first moment after the loop stood still for LOOP_STALL_MS_MIN or longer (stopped,
 * starved, suspended, or busy in one callback), before any timer that fell due meanwhile fires:
 * whoever judges others by their silence learns first that it was deaf itself. One listener. */
void loop_on_stall(struct loop *l, void (*on_stall)(void *arg, int64_t stalled_ms), void *arg);

struct loop_stats {
	uint64_t turns;
	uint64_t stalls;          /* standstills that were told */
	int64_t stall_last_ms;
	int64_t lag_ns_max;       /* longest turn or lateness since the previous loop_stats() */
	uint64_t lag_over_1ms, lag_over_10ms, lag_over_100ms; /* turns with a lag above */
};
void loop_stats(struct loop *l, struct loop_stats *ret);

/* --- signals --- */

/* `on_signal` runs in a turn of the loop, never inside the signal handler. One listener a signal;
 * at most LOOP_SIGNALS_MAX (P2P_ERR_FULL). They end with the loop. */
#define LOOP_SIGNALS_MAX 8
int loop_on_signal(struct loop *l, int signum, void (*on_signal)(void *arg, int signum), void *arg);

/* --- from another thread --- */

struct wake;

/* `on_wake` runs in a turn of the loop after one or more wake_send(). */
int wake_open(struct loop *l, void (*on_wake)(void *arg), void *arg, struct wake **ret);
/* The only function of this folder that any thread may call. */
void wake_send(struct wake *w);
/* No callback follows; no other thread may use it any more. NULL is fine. */
void wake_close(struct wake *w);

/* --- a descriptor of somebody else --- */

struct fd_watch;

/* Tells when `fd` (not owned) is readable: journal sockets, eventfds. */
int fd_watch_open(struct loop *l, int fd, void (*on_readable)(void *arg), void *arg,
	struct fd_watch **ret);
void fd_watch_close(struct fd_watch *w);

#endif
