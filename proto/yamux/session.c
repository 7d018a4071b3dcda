/* SPDX-License-Identifier: Apache-2.0 */
/* The session: birth and death, opening streams, pings, go-away, time. */
#include "proto/yamux/session.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"

#define REPLIES_FIRST 16

static const struct sm_state states[] = {
	[YAMUX_LIVE] = {"live", SM_TO(YAMUX_ENDING) | SM_TO(YAMUX_FAILED)},
	[YAMUX_ENDING] = {"ending", SM_TO(YAMUX_FAILED) | SM_TO(YAMUX_ENDED)},
	[YAMUX_FAILED] = {"failed", SM_TO(YAMUX_ENDED)},
	[YAMUX_ENDED] = {"ended", 0},
};

static void assert_limits(const struct yamux_limits *l)
{
	assert(l->inbound_max <= YAMUX_STREAMS_MAX && l->outbound_max <= YAMUX_STREAMS_MAX);
	assert(l->window_max >= YAMUX_INITIAL_WINDOW && l->window_max <= YAMUX_BODY_BYTES_MAX);
	assert(l->queue_bytes_max <= YAMUX_BODY_BYTES_MAX);
	(void)l;
}

void yamux_init(struct yamux *y, const struct yamux_opts *opts)
{
	assert_limits(&opts->limits);
	assert(opts->rng);
	*y = (struct yamux){
		.limits = opts->limits,
		.rng = opts->rng,
		.is_client = opts->is_client,
		.next_id = opts->is_client ? 1 : 2,
		.waiting_since = MONO_NEVER,
	};
	sm_init(&y->state, states, YAMUX_LIVE);
	list_init(&y->control);
	list_init(&y->sending);
	list_init(&y->blocked);
}

static void free_replies(struct yamux *y)
{
	free(y->replies);
	y->replies = NULL;
	y->reply_count = 0;
	y->reply_cap = 0;
}

void yamux_deinit(struct yamux *y)
{
	yamux_stream_drop_all(y);
	free_replies(y);
	y->in = BYTES_NONE;
}

void yamux_set_limits(struct yamux *y, const struct yamux_limits *limits)
{
	assert_limits(limits);
	y->limits = *limits;
	y->blocked_check = true;
}

/* No stream, no input and no output is left but a GoAway, if one is owed. */
static void forget_all(struct yamux *y)
{
	yamux_stream_drop_all(y);
	free_replies(y);
	y->in = BYTES_NONE;
	y->body_left = 0;
	y->pong_owed = false;
	y->pings_open = 0;
	y->pings_sent = 0;
	y->noted &= YAMUX_NOTE_GOAWAY;
	y->noted |= YAMUX_NOTE_CLOSED;
}

void yamux_fail(struct yamux *y, enum yamux_why why, uint32_t code, const char *reason)
{
	if (!yamux_is_running(y))
		return;
	sm_move(&y->state, YAMUX_FAILED);
	forget_all(y);
	y->goaway_owed = true;
	y->goaway_code = code;
	y->why = why;
	y->reason = reason;
}

void yamux_end(struct yamux *y)
{
	if (y->state.state == YAMUX_ENDING) {
		forget_all(y);
		y->why = YAMUX_WHY_LOCAL;
		y->reason = "ended by this side";
	}
	sm_move(&y->state, YAMUX_ENDED);
	y->waiting_since = MONO_NEVER;
}

void yamux_go_away(struct yamux *y, uint32_t code)
{
	if (y->state.state != YAMUX_LIVE)
		return;
	sm_move(&y->state, YAMUX_ENDING);
	y->goaway_owed = true;
	y->goaway_code = code;
}

int yamux_open(struct yamux *y, uint32_t *ret_stream)
{
	struct yamux_stream *s;

	if (y->state.state != YAMUX_LIVE || y->goaway_seen || !y->next_id)
		return P2P_ERR_CLOSED;
	if (y->outbound >= y->limits.outbound_max)
		return P2P_ERR_FULL;
	s = yamux_stream_add(y, y->next_id);
	/* Ids are never used twice. The last one of either parity is followed by none. */
	y->next_id = y->next_id > UINT32_MAX - 2 ? 0 : y->next_id + 2;
	yamux_stream_owe(y, s, YAMUX_OWES_SYN);
	*ret_stream = s->id;
	return 0;
}

void yamux_reply_reset(struct yamux *y, uint32_t stream, uint32_t code)
{
	if (!yamux_is_running(y))
		return;
	if (y->reply_count == YAMUX_REPLIES_MAX) {
		yamux_fail(y, YAMUX_WHY_SLOW, YAMUX_GOAWAY_RATE, "answers pile up unread");
		return;
	}
	if (y->reply_count == y->reply_cap) {
		y->reply_cap = y->reply_cap ? (uint16_t)(y->reply_cap * 2) : REPLIES_FIRST;
		y->replies = xrealloc(y->replies, y->reply_cap * sizeof(y->replies[0]));
	}
	y->replies[y->reply_count++] = (struct yamux_reply){stream, code};
}

static bool is_asked(const struct yamux *y, uint32_t value)
{
	for (unsigned i = 0; i < y->pings_open; i++)
		if (y->pings[i].value == value)
			return true;
	return false;
}

static int ask(struct yamux *y, bool own)
{
	uint32_t value;

	if (!yamux_is_running(y))
		return P2P_ERR_CLOSED;
	if (y->pings_open == YAMUX_PINGS_MAX)
		return P2P_ERR_AGAIN;
	/* Not to be guessed, so that the answer cannot be sent ahead; and unlike the others. */
	value = (uint32_t)rng_u64(y->rng);
	while (is_asked(y, value))
		value++;
	y->pings[y->pings_open++] = (struct yamux_ping){.value = value, .own = own};
	return 0;
}

int yamux_ping(struct yamux *y)
{
	return ask(y, false);
}

void yamux_measure(struct yamux *y)
{
	if (y->pings_open == 0)
		(void)ask(y, true); /* there is room, and without an answer windows just stay */
}

bool yamux_has_output(const struct yamux *y)
{
	return y->goaway_owed || y->pong_owed || y->pings_open > y->pings_sent || y->reply_count ||
		(yamux_is_running(y) &&
			(!list_is_empty(&y->control) || !list_is_empty(&y->sending)));
}

bool yamux_is_stalled(const struct yamux *y)
{
	return y->reply_count >= YAMUX_REPLIES_SOFT_MAX;
}

mono_t yamux_deadline(const struct yamux *y)
{
	if (!yamux_has_output(y))
		return MONO_NEVER;
	/* Output came to be since the time was last known: let yamux_tick() take it down. */
	if (mono_is_never(y->waiting_since))
		return MONO_ZERO;
	return mono_add_ms(y->waiting_since, YAMUX_NO_PROGRESS_MS);
}

int yamux_tick(struct yamux *y, mono_t now)
{
	y->now = now;
	if (!yamux_has_output(y)) {
		y->waiting_since = MONO_NEVER;
		return 0;
	}
	if (mono_is_never(y->waiting_since))
		y->waiting_since = now;
	if (!mono_reached(yamux_deadline(y), now))
		return 0;
	yamux_fail(y, YAMUX_WHY_SLOW, YAMUX_GOAWAY_NORMAL, "output waited too long");
	/* A farewell would wait just as long. */
	y->goaway_owed = false;
	yamux_end(y);
	return P2P_ERR_TIMEOUT;
}

static size_t memory(const struct yamux *y)
{
	size_t sum = y->slot_count * sizeof(y->slots[0]) + y->reply_cap * sizeof(y->replies[0]);

	for (uint32_t i = 0; i < y->slot_count; i++)
		if (y->slots[i])
			sum += sizeof(*y->slots[i]) + y->slots[i]->rx.buf.cap +
				y->slots[i]->tx.buf.cap;
	return sum;
}

void yamux_usage(const struct yamux *y, struct yamux_usage *ret)
{
	*ret = (struct yamux_usage){
		.inbound = y->inbound,
		.outbound = y->outbound,
		.queued_bytes = y->queued_bytes,
		.unread_bytes = y->unread_bytes,
		.rtt_ns = y->rtt_ns,
		.memory = memory(y),
	};
}
