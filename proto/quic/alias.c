/* SPDX-License-Identifier: Apache-2.0 */
/* Connection ids that change while the connection stays where it is (RFC 9000 section 5.1; rule
 * our address never changes).
 *
 * ngtcp2 takes another id of the peer's when a path changes, and at no other time. So it is shown
 * the same path by another name, an alias: our port with a number added to it. Aliases end in this
 * file: every datagram leaves along the real path, and the owner is told of no other. `user_data`
 * of a path, which ngtcp2 carries along and never looks at, holds the number.
 *
 * A dialer begins, about once in the life of its ids: ngtcp2 asks along a new alias with another id
 * of the listener's (PATH_CHALLENGE), and on the answer it goes over to it and gives the old one
 * back (RETIRE_CONNECTION_ID). Without an answer all stays as it was; go's listeners give none to a
 * challenge from the address in use.
 *
 * A listener follows: ids of ours are numbered as the peer comes to use them, and what comes to a
 * later one than before is shown as coming in along that alias. ngtcp2 then takes another id of the
 * peer's, too, proves the path by it, and goes back to the old one if it cannot.
 *
 * Either way congestion control begins anew, as on any new path; what the owner is told of the
 * round trip does not. */
#include "proto/base/err.h"
#include "proto/quic/conn.h"
#include "proto/quic/path.h"

#define LIFE_SPREAD_PERCENT 50    /* so that nobody can tell the next change from the last one */
#define CALM_MS             10000 /* since the peer last asked whether we are where we are */
#define STUCK_MS            5000  /* with a full window, and the peer heard from */
#define FOLLOW_PART         4     /* of a life: a listener follows no more often than that */
#define OWED_MAX            4     /* answers: ngtcp2 remembers so many challenges */
#define FOLLOW_TRIES        16    /* datagrams that change nothing: the peer has no id to spare */

/* ---- Names of paths ---- */

static uint32_t number_of(const ngtcp2_path *path)
{
	return (uint32_t)(uintptr_t)path->user_data;
}

static uint32_t number_now(const struct quic_conn *q)
{
	return number_of(ngtcp2_conn_get_path(q->wire));
}

static void set_alias(const struct datagram_path *real, uint32_t number, ngtcp2_path_storage *ret)
{
	struct datagram_path path = *real;

	path.local.port = (uint16_t)(path.local.port + number);
	quic_path_set(ret, &path);
	ret->path.user_data = (void *)(uintptr_t)number;
}

void quic_alias_real(const ngtcp2_path *from, struct datagram_path *ret)
{
	quic_path_get(from, ret);
	ret->local.port = (uint16_t)(ret->local.port - number_of(from));
}

/* ---- The round trip ---- */

static void keep_rtt(struct quic_conn *q)
{
	ngtcp2_conn_info info;

	ngtcp2_conn_get_conn_info(q->wire, &info);
	if (info.latest_rtt)
		q->alias.rtt_ns = (int64_t)info.smoothed_rtt;
}

int64_t quic_alias_rtt(const struct quic_conn *q, ngtcp2_duration rtt, ngtcp2_duration latest)
{
	return latest ? (int64_t)rtt : q->alias.rtt_ns;
}

/* ---- The dialer ---- */

static void plan(struct quic_conn *q)
{
	int64_t life_ms = q->limits.cid_life_ms;

	q->alias.next_at = life_ms ? mono_add_ms(q->now, rng_jitter(q->ep->opts.rng, life_ms,
								 LIFE_SPREAD_PERCENT))
				   : MONO_NEVER;
}

void quic_alias_set_life(struct quic_conn *q, uint32_t before_ms)
{
	if (q->is_dialer && q->limits.cid_life_ms != before_ms)
		plan(q);
}

static void ask(struct quic_conn *q,
	int (*migrate)(ngtcp2_conn *wire, const ngtcp2_path *path, ngtcp2_tstamp now))
{
	ngtcp2_path_storage along;
	struct datagram_path real;
	int liberr;

	quic_alias_real(ngtcp2_conn_get_path(q->wire), &real);
	set_alias(&real, q->alias.newest + 1, &along);
	liberr = migrate(q->wire, &along.path, quic_stamp(q->now));
	if (liberr && ngtcp2_err_is_fatal(liberr))
		quic_failed(q, liberr);
	/* Else the peer has forbidden it, or has no id to spare: until the next time. */
	if (liberr)
		return;
	q->alias.newest++;
	q->alias.is_asking = true;
	keep_rtt(q);
}

/* Only on hearing the peer is it asked, and not while it asks itself: behind a NAT that has given
 * us another address the challenge would be among the first that the peer hears from there.
 * ngtcp2 1.11 binds an id to the answer, and loses count of ids when the path moves on before that
 * is used. */
static void ask_if_due(struct quic_conn *q)
{
	mono_t due = mono_max(q->alias.next_at, mono_add_ms(q->alias.challenged_at, CALM_MS));

	if (!mono_reached(due, q->now))
		return;
	plan(q);
	if (!q->alias.is_asking)
		ask(q, ngtcp2_conn_initiate_migration);
}

void quic_alias_answered(struct quic_conn *q)
{
	q->alias.is_asking = false;
}

/* ---- The listener ---- */

/* The number of that id of ours to which a datagram came; most come to the same as the one before.
 * Long headers are of the handshake. Nobody else can know an id that the peer has not used. */
static uint32_t number_heard(struct quic_conn *q, struct bytes data)
{
	struct quic_alias *a = &q->alias;
	struct quic_route *r;

	if (data.len <= QUIC_CID_BYTES || data.at[0] & 0x80)
		return 0;
	if (memcmp(data.at + 1, a->heard_cid, QUIC_CID_BYTES) == 0)
		return a->heard;
	r = quic_routes_find(&q->ep->routes, QUIC_NAME_CID, bytes_of(data.at + 1, QUIC_CID_BYTES));
	if (!r || r->conn != q)
		return 0;
	if (r->number == QUIC_NAME_UNUSED)
		r->number = ++a->newest;
	memcpy(a->heard_cid, r->name, QUIC_CID_BYTES);
	return a->heard = r->number;
}

/* A peer that wants us to stay where we are would not be heard along an alias. */
static bool lets_us_move(const struct quic_conn *q)
{
	const ngtcp2_transport_params *theirs = ngtcp2_conn_get_remote_transport_params(q->wire);

	return theirs && !theirs->disable_active_migration;
}

/* Whether to go over to another id of the peer's now. Not soon after the peer has really moved:
 * ngtcp2 1.11 would give its old id back and go on counting it, and the next one that the peer
 * gives would be one too many. */
static bool may_follow(const struct quic_conn *q)
{
	int64_t life_ms = q->limits.cid_life_ms;

	return life_ms && lets_us_move(q) &&
	       mono_since_ms(q->now, q->alias.followed_at) >= life_ms / FOLLOW_PART;
}

/* Challenges fill a datagram (RFC 9000 section 8.2.1). Along an alias of its own each would cost an
 * id for the answer; along the path in use it costs none. */
static bool is_challenge(struct bytes data)
{
	return data.len >= QUIC_PAYLOAD_BYTES_MIN;
}

/* One that changes nothing was in vain: so many, and then not for a while. */
static uint32_t follow(struct quic_conn *q, uint32_t number)
{
	keep_rtt(q);
	if (++q->alias.tries == FOLLOW_TRIES) {
		q->alias.tries = 0;
		q->alias.followed_at = q->now;
	}
	return number;
}

/* The alias along which a datagram is shown to a listener. An answer that is still owed is owed
 * along the alias of its challenge, and ngtcp2 1.11, when it has left that for good, gives back one
 * id after the other without ever answering. */
static uint32_t number_for(struct quic_conn *q, struct bytes data)
{
	uint32_t number = number_now(q), heard = number_heard(q, data);
	struct quic_alias *a = &q->alias;

	if (is_challenge(data))
		return number;
	if (a->is_leaving) {
		a->is_leaving = false;
		return follow(q, ++a->newest);
	}
	if (a->owed)
		return a->owed_along;
	return heard > number && may_follow(q) ? follow(q, heard) : number;
}

void quic_alias_set(struct quic_conn *q, const struct datagram *in, ngtcp2_path_storage *ret)
{
	uint32_t number = q->is_dialer ? number_now(q) : number_for(q, in->data);

	q->alias.shown = number;
	set_alias(&in->path, number, ret);
}

static void note_path(struct quic_conn *q)
{
	const ngtcp2_path *along = ngtcp2_conn_get_path(q->wire);
	struct quic_alias *a = &q->alias;
	struct datagram_path path;

	quic_alias_real(along, &path);
	if (number_of(along) == a->followed && quic_path_eq(&path, &a->path))
		return;
	a->followed = number_of(along);
	a->path = path;
	a->followed_at = q->now;
	a->tries = 0;
}

/* ---- A full window ---- */

/* Whether the window has been full for long, with nothing acknowledged, while the peer is heard. */
static bool is_stuck(struct quic_conn *q)
{
	struct quic_alias *a = &q->alias;
	ngtcp2_conn_info info;

	ngtcp2_conn_get_conn_info(q->wire, &info);
	if (info.bytes_in_flight < info.cwnd || a->full_acked != q->acked_newest) {
		a->full_acked = q->acked_newest;
		a->full_at = MONO_NEVER;
		return false;
	}
	if (mono_is_never(a->full_at))
		a->full_at = q->now;
	return mono_since_ms(q->now, a->full_at) >= STUCK_MS;
}

/* Answers to challenges count against the congestion window, but ngtcp2 1.11 sets no timer for
 * them: if three fill a window that loss has made small, and the acknowledgement of them is lost,
 * nothing is ever sent again. Along another alias the window begins anew. */
static void leave(struct quic_conn *q)
{
	q->alias.full_at = MONO_NEVER;
	if (q->is_dialer)
		ask(q, ngtcp2_conn_initiate_immediate_migration);
	else
		q->alias.is_leaving = lets_us_move(q);
}

/* ---- Both ---- */

void quic_alias_challenged(struct quic_conn *q)
{
	struct quic_alias *a = &q->alias;

	a->challenged_at = q->now;
	a->owed_along = a->shown;
	if (a->owed < OWED_MAX)
		a->owed++;
}

void quic_alias_answers(struct quic_conn *q)
{
	if (q->alias.owed)
		q->alias.owed--;
}

void quic_alias_heard(struct quic_conn *q)
{
	if (q->state.state != QUIC_LIVE)
		return;
	if (!q->is_dialer)
		note_path(q);
	if (is_stuck(q))
		leave(q);
	else if (q->is_dialer)
		ask_if_due(q);
}
