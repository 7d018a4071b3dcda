/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cluster/alive.h"

const char *alive_kind_name(enum alive_kind kind)
{
	switch (kind) {
	case ALIVE_NEVER: return "never";
	case ALIVE_HANDSHAKE: return "handshake";
	case ALIVE_BYTES: return "bytes";
	case ALIVE_PONG: return "pong";
	case ALIVE_HEARTBEAT: return "heartbeat";
	case ALIVE_RELAYED: return "relayed";
	case ALIVE_RESUMED: return "resumed";
	}
	return "never";
}

const char *alive_loss_name(enum alive_loss loss)
{
	switch (loss) {
	case LOSS_NONE: return "none";
	case LOSS_REMOTE: return "remote_close";
	case LOSS_OURS: return "our_close";
	case LOSS_ERROR: return "conn_error";
	case LOSS_SILENCE: return "silence";
	}
	return "none";
}

void alive_note(struct alive *a, enum alive_kind kind, mono_t at)
{
	if (kind == ALIVE_HANDSHAKE)
		a->excused = MONO_ZERO; /* it is back: the next end is another matter */
	if ((kind == ALIVE_HEARTBEAT || kind == ALIVE_RELAYED) && mono_before(a->signed_at, at))
		a->signed_at = at;
	if (a->kind != ALIVE_NEVER && !mono_before(a->seen, at))
		return;
	a->seen = at;
	a->kind = kind;
}

void alive_lose(struct alive *a, enum alive_loss loss, mono_t at)
{
	if (a->loss != LOSS_NONE && mono_before(at, a->lost))
		return;
	a->lost = at;
	a->loss = loss;
}

void alive_excuse(struct alive *a, mono_t until)
{
	a->excused = until;
}

void alive_resume(struct alive *a, mono_t seen, mono_t until)
{
	*a = (struct alive){.seen = seen, .kind = ALIVE_RESUMED, .lost = seen, .loss = LOSS_REMOTE,
		.excused = until};
}

static bool is_lost(const struct alive *a)
{
	return a->loss != LOSS_NONE && !mono_before(a->lost, a->seen);
}

/* A conn that the other side, or a fault on the way, ended in time. */
static bool is_excusable(const struct alive *a)
{
	return (a->loss == LOSS_REMOTE || a->loss == LOSS_ERROR) && mono_before(a->lost, a->excused);
}

bool alive_is_excused(const struct alive *a, mono_t now)
{
	return is_lost(a) && is_excusable(a) && !mono_before(a->excused, now);
}

mono_t alive_until(const struct alive *a, int64_t timeout_ms)
{
	if (a->kind == ALIVE_NEVER)
		return MONO_ZERO;
	if (is_lost(a) && !is_excusable(a))
		return MONO_ZERO;
	if (is_lost(a))
		return mono_min(a->excused, mono_add_ms(a->seen, timeout_ms));
	return mono_add_ms(a->seen, timeout_ms);
}

bool alive_is_online(const struct alive *a, int64_t timeout_ms, mono_t now)
{
	mono_t until = alive_until(a, timeout_ms);

	return until.ns != MONO_ZERO.ns && !mono_before(until, now);
}
