/* SPDX-License-Identifier: Apache-2.0 */
/* alive.h: what proves that a member lives, and until when (p2pos.md section 1: evidence, online).
 *
 * Evidence is a completed handshake, bytes or a ping answer on an open connection, or a heartbeat
 * that the member itself signed. Online is who has evidence not older than the timeout and newer
 * than the last loss of its connection. Evidence never moves back, and never forward without an
 * authenticated byte or a signature of that member (reliability.md 3.4, invariant 7). */
#ifndef P2POS_CLUSTER_ALIVE_H
#define P2POS_CLUSTER_ALIVE_H

#include "proto/base/clock.h"

enum alive_kind {
	ALIVE_NEVER, /* nothing yet */
	ALIVE_HANDSHAKE,
	ALIVE_BYTES,
	ALIVE_PONG,
	ALIVE_HEARTBEAT,
	ALIVE_RELAYED, /* a heartbeat that came through another member */
	ALIVE_RESUMED, /* seen just before our own restart */
};

enum alive_loss {
	LOSS_NONE,
	LOSS_REMOTE,  /* the connection was closed from there */
	LOSS_OURS,    /* …by us, for another reason than silence */
	LOSS_ERROR,   /* …by a fault of transport or protocol */
	LOSS_SILENCE, /* probes went unanswered */
};

struct alive {
	mono_t seen;      /* newest evidence, when kind is not ALIVE_NEVER */
	mono_t signed_at; /* newest evidence with a signature of its own; MONO_ZERO = none */
	mono_t lost;      /* newest loss, when loss is not LOSS_NONE */
	mono_t excused;   /* a conn that is closed before this instant is no loss until then; MONO_ZERO =
			   * nothing was announced. Over with the next handshake */
	enum alive_kind kind;
	enum alive_loss loss;
};

const char *alive_kind_name(enum alive_kind kind); /* "never", "handshake", … */
const char *alive_loss_name(enum alive_loss loss); /* "none", "remote_close", … */

/* Notes evidence from the instant `at` (never later than now). */
void alive_note(struct alive *a, enum alive_kind kind, mono_t at);

/* Notes that the connection was lost at `at`. */
void alive_lose(struct alive *a, enum alive_loss loss, mono_t at);

/* Its restart was announced: it is back by `until` (restart.c). Silence is not excused. */
void alive_excuse(struct alive *a, mono_t until);
/* It was there at `seen`, just before we restarted ourselves, and counts until `until` on the
 * strength of that. For a member of which nothing else is known. */
void alive_resume(struct alive *a, mono_t seen, mono_t until);
/* Is its conn gone, and that excused at `now`? */
bool alive_is_excused(const struct alive *a, mono_t now);

bool alive_is_online(const struct alive *a, int64_t timeout_ms, mono_t now);

/* The last instant at which it is online unless more evidence comes; MONO_ZERO when it is not
 * online even now. */
mono_t alive_until(const struct alive *a, int64_t timeout_ms);

#endif
