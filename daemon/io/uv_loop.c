/* SPDX-License-Identifier: Apache-2.0 */
/* uv_loop.c: one uv_loop_t, one uv timer armed at the earliest of our own deadlines, and the places
 * where a turn begins and ends.
 *
 * A turn in libuv's order: due timers, then `prepare` (our end of turn), then the wait, then the
 * callbacks of sockets. The clock is read when the first callback after a wait runs, and again
 * before timers fire. */
#include "daemon/io/uv_loop.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon/io/loop_private.h"
#include "daemon/sys/metrics.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define TURN_END_ROUNDS_MAX 64 /* work that asks for work again goes on in the next turn after these */

struct signal_watch {
	uv_signal_t uv;
	struct loop *loop;
	void (*on_signal)(void *arg, int signum);
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_timer_t uv_timer;     /* armed at timer_heap_next() */
	uv_prepare_t uv_prepare; /* end of turn */
	mono_t uv_timer_at;      /* what uv_timer is armed for; MONO_NEVER = not armed */
	struct timer_heap timers;
	struct list turn_ends;
	mono_t now;
	int64_t skipped_ns;      /* loop_skip_ms() */
	bool is_now_stale;       /* a wait lies between `now` and the next callback */
	bool is_waiting;         /* `now` is the time at which the wait began */
	bool has_ended_turn; /* loop_turn() did that last, and nothing else */
	struct loop_stats stats;
	void (*on_stall)(void *arg, int64_t stalled_ms);
	void *on_stall_arg;
	struct signal_watch signals[LOOP_SIGNALS_MAX];
	unsigned signal_count;
	uint8_t *read_buffer;
	struct udp_area *udp_area; /* udp_in.c makes and frees it; NULL without UDP sockets */
};

static mono_t clock_now(const struct loop *l)
{
	struct timespec ts;

	/* Cannot fail on a kernel that knows the clock (2.6.39). */
	if (clock_gettime(CLOCK_BOOTTIME, &ts) != 0)
		abort();
	return (mono_t){(int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec + l->skipped_ns};
}

static void note_lag(struct loop *l, int64_t lag_ns)
{
	if (lag_ns > l->stats.lag_ns_max)
		l->stats.lag_ns_max = lag_ns;
	l->stats.lag_over_1ms += lag_ns > NS_PER_MS;
	l->stats.lag_over_10ms += lag_ns > 10 * NS_PER_MS;
	l->stats.lag_over_100ms += lag_ns > 100 * NS_PER_MS;
	if (lag_ns < LOOP_STALL_MS_MIN * NS_PER_MS)
		return;
	l->stats.stalls++;
	l->stats.stall_last_ms = lag_ns / NS_PER_MS;
	if (l->on_stall)
		l->on_stall(l->on_stall_arg, lag_ns / NS_PER_MS);
}

/* How long the loop was deaf since `before`. A wait counts only from the deadline that it was
 * meant to end at: sleeping without a deadline is not standing still. */
static int64_t deaf_ns(const struct loop *l, mono_t before)
{
	mono_t due = l->is_waiting ? mono_max(before, l->uv_timer_at) : before;

	return mono_since_ns(l->now, due);
}

static void refresh(struct loop *l)
{
	mono_t before = l->now;
	int64_t lag;

	l->now = mono_max(clock_now(l), before); /* never back, whatever the kernel says */
	l->is_now_stale = false;
	lag = deaf_ns(l, before);
	if (l->is_waiting) {
		l->is_waiting = false;
		l->stats.turns++;
	}
	note_lag(l, lag);
}

void loop_wake_up(struct loop *l)
{
	if (l->is_now_stale)
		refresh(l);
}

static void on_uv_timer(uv_timer_t *t)
{
	struct loop *l = t->data;

	refresh(l); /* before it counts as not armed: how late it is shows a standstill */
	metric_observe(M_LOOP_LAG, (double)mono_since_ns(l->now, l->uv_timer_at) / (double)NS_PER_SEC);
	l->uv_timer_at = MONO_NEVER;
	timer_heap_fire(&l->timers, l->now);
}

/* Arms the uv timer for `when`. libuv counts in whole milliseconds from its own idea of now: round up,
 * so that it never fires too early and for nothing. */
static void arm(struct loop *l, mono_t when)
{
	if (when.ns == l->uv_timer_at.ns)
		return;
	l->uv_timer_at = when;
	if (mono_is_never(when)) {
		(void)uv_timer_stop(&l->uv_timer); /* fails only on a closing handle, like the next */
		return;
	}
	uv_update_time(&l->uv);
	(void)uv_timer_start(&l->uv_timer, on_uv_timer,
		(uint64_t)((mono_since_ns(when, clock_now(l)) + NS_PER_MS - 1) / NS_PER_MS), 0);
}

static void run_turn_ends(struct loop *l)
{
	for (int round = 0; round < TURN_END_ROUNDS_MAX && !list_is_empty(&l->turn_ends); round++) {
		struct list batch;

		list_init(&batch);
		batch.next = l->turn_ends.next;
		batch.prev = l->turn_ends.prev;
		batch.next->prev = &batch;
		batch.prev->next = &batch;
		list_init(&l->turn_ends);
		while (!list_is_empty(&batch)) {
			struct turn_end *t = list_entry(batch.next, struct turn_end, node);

			list_remove(&t->node);
			t->run(t->arg);
		}
	}
}

static void on_prepare(uv_prepare_t *p)
{
	struct loop *l = p->data;

	refresh(l);
	run_turn_ends(l);
	refresh(l); /* a long turn is noticed here, and the wait begins now */
	arm(l, list_is_empty(&l->turn_ends) ? timer_heap_next(&l->timers) : l->now);
	l->is_waiting = true;
	l->is_now_stale = true;
}

int loop_new(struct loop **ret)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	int err = uv_loop_init(&l->uv);

	if (err) {
		free(l);
		return io_error(err);
	}
	(void)signal(SIGPIPE, SIG_IGN); /* a peer that is gone shows as EPIPE where we write */
	timer_heap_init(&l->timers);
	list_init(&l->turn_ends);
	l->uv_timer_at = MONO_NEVER;
	l->now = clock_now(l);
	(void)uv_timer_init(&l->uv, &l->uv_timer); /* these two cannot fail */
	(void)uv_prepare_init(&l->uv, &l->uv_prepare);
	l->uv_timer.data = l;
	l->uv_prepare.data = l;
	(void)uv_prepare_start(&l->uv_prepare, on_prepare);
	l->read_buffer = xmalloc(LOOP_READ_BYTES);
	*ret = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->signal_count; i++)
		uv_close((uv_handle_t *)&l->signals[i].uv, NULL);
	uv_close((uv_handle_t *)&l->uv_timer, NULL);
	uv_close((uv_handle_t *)&l->uv_prepare, NULL);
	uv_walk(&l->uv, flow_end_lingering, NULL);
	(void)uv_run(&l->uv, UV_RUN_DEFAULT); /* only close callbacks are left */
	if (uv_loop_close(&l->uv) != 0)
		assert(!"something on the loop was not closed");
	assert(list_is_empty(&l->turn_ends));
	timer_heap_deinit(&l->timers);
	free(l->read_buffer);
	free(l);
}

void loop_run(struct loop *l)
{
	(void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

void loop_turn(struct loop *l)
{
	/* What the end of the turn before has yet to do is news, too, but not over and over. */
	l->has_ended_turn = !l->has_ended_turn && !list_is_empty(&l->turn_ends);
	if (l->has_ended_turn)
		run_turn_ends(l);
	else
		(void)uv_run(&l->uv, UV_RUN_ONCE);
}

mono_t loop_now(struct loop *l)
{
	loop_wake_up(l);
	return l->now;
}

mono_t loop_clock(struct loop *l)
{
	return clock_now(l);
}

wall_t loop_wall(const struct loop *l)
{
	struct timespec ts;

	(void)l;
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		abort();
	return (wall_t){ts.tv_sec, (int32_t)ts.tv_nsec};
}

void loop_skip_ms(struct loop *l, int64_t ms)
{
	l->skipped_ns += ms * NS_PER_MS;
	l->now = mono_add_ms(l->now, ms); /* so that the jump does not look like a standstill */
	if (!mono_is_never(l->uv_timer_at))
		l->uv_timer_at = mono_add_ms(l->uv_timer_at, ms);
}

void loop_timer_set(struct loop *l, struct timer *t, mono_t when)
{
	timer_heap_set(&l->timers, t, when);
}

void loop_timer_in_ms(struct loop *l, struct timer *t, int64_t ms)
{
	timer_heap_set(&l->timers, t, mono_add_ms(loop_now(l), ms));
}

void loop_timer_stop(struct loop *l, struct timer *t)
{
	timer_heap_stop(&l->timers, t);
}

void loop_at_turn_end(struct loop *l, struct turn_end *t)
{
	assert(t->run);
	if (!t->node.next)
		list_append(&l->turn_ends, &t->node);
}

void loop_turn_end_cancel(struct turn_end *t)
{
	list_remove(&t->node);
}

void loop_on_stall(struct loop *l, void (*on_stall)(void *arg, int64_t stalled_ms), void *arg)
{
	l->on_stall = on_stall;
	l->on_stall_arg = arg;
}

void loop_stats(struct loop *l, struct loop_stats *ret)
{
	*ret = l->stats;
	l->stats.lag_ns_max = 0;
}

static void on_uv_signal(uv_signal_t *s, int signum)
{
	struct signal_watch *w = s->data;

	loop_wake_up(w->loop);
	w->on_signal(w->arg, signum);
}

int loop_on_signal(struct loop *l, int signum, void (*on_signal)(void *arg, int signum), void *arg)
{
	struct signal_watch *w;
	int err;

	if (l->signal_count == LOOP_SIGNALS_MAX)
		return P2P_ERR_FULL;
	w = &l->signals[l->signal_count];
	*w = (struct signal_watch){.loop = l, .on_signal = on_signal, .arg = arg};
	err = uv_signal_init(&l->uv, &w->uv);
	if (err)
		return io_error(err);
	l->signal_count++; /* from here on loop_free() closes it */
	w->uv.data = w;
	return io_error(uv_signal_start(&w->uv, on_uv_signal, signum));
}

uv_loop_t *loop_uv(struct loop *l)
{
	return &l->uv;
}

uint8_t *loop_read_buffer(struct loop *l)
{
	return l->read_buffer;
}

struct udp_area **loop_udp_area(struct loop *l)
{
	return &l->udp_area;
}

int io_error(int uv_status)
{
	switch (uv_status) {
	case 0:
		return 0;
	case UV_EADDRINUSE:
	case UV_EBUSY:
		return P2P_ERR_BUSY;
	case UV_EACCES:
	case UV_EPERM:
	case UV_EROFS:
		return P2P_ERR_DENIED;
	case UV_ECONNREFUSED:
		return P2P_ERR_REFUSED;
	case UV_EADDRNOTAVAIL:
	case UV_EAFNOSUPPORT:
	case UV_EHOSTUNREACH:
	case UV_ENETUNREACH:
	case UV_ENETDOWN:
	case UV_EHOSTDOWN:
		return P2P_ERR_UNREACHABLE;
	case UV_ETIMEDOUT:
		return P2P_ERR_TIMEOUT;
	case UV_EMFILE:
	case UV_ENFILE:
	case UV_ENOBUFS:
		return P2P_ERR_FULL;
	case UV_ECONNRESET:
	case UV_ECONNABORTED:
	case UV_EPIPE:
		return P2P_ERR_RESET;
	case UV_EOF:
		return P2P_ERR_CLOSED;
	case UV_ENOENT:
	case UV_ENOTDIR:
		return P2P_ERR_NOT_FOUND;
	case UV_EEXIST:
		return P2P_ERR_EXISTS;
	case UV_ENAMETOOLONG:
		return P2P_ERR_TOO_LARGE;
	default: /* the kernel has hundreds; the rest is told as what it is */
		return P2P_ERR_IO;
	}
}
