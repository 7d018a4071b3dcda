/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/events.h"

#include <string.h>

#include "daemon/control/around.h"
#include "daemon/control/client.h"
#include "daemon/control/server.h"
#include "daemon/control/shape.h"
#include "daemon/sys/log.h"
#include "proto/base/err.h"

/* ---- subscriptions ---- */

static const char *const type_names[] = {
#define X(id, name) name,
	EVENT_TYPE_LIST(X)
#undef X
};

const char *event_type_name(enum event_type type)
{
	return type_names[type];
}

int event_type_parse(const char *word, enum event_type *ret)
{
	for (unsigned i = 0; i < EVENT_TYPE_COUNT; i++)
		if (strcmp(type_names[i], word) == 0) {
			*ret = (enum event_type)i;
			return 0;
		}
	return P2P_ERR_INVALID;
}

static unsigned wanted_by(const struct client *c)
{
	unsigned types = 0;

	for (size_t i = 0; i < CLIENT_SUBSCRIPTIONS_MAX; i++)
		if (c->subs[i].number)
			types |= c->subs[i].types;
	return types;
}

bool events_is_subscribed(const struct client *c)
{
	for (size_t i = 0; i < CLIENT_SUBSCRIPTIONS_MAX; i++)
		if (c->subs[i].number)
			return true;
	return false;
}

bool events_wanted(const struct control *c, enum event_type type)
{
	for (const struct list *n = c->clients.next; n != &c->clients; n = n->next)
		if (wanted_by(list_entry(n, struct client, node)) & EVENT_BIT(type))
			return true;
	return false;
}

static void on_log_line(void *arg, const struct log_line *line)
{
	struct control *c = arg;

	if (!events_wanted(c, EVENT_LOG)) { /* the last one has gone */
		c->hears_log = false;
		log_set_listener(NULL, NULL);
		return;
	}
	events_send(c, EVENT_LOG,
		json_pack("{s:s, s:s, s:o}", "level", log_level_name(line->level), "module",
			line->module, "text", shape_text(line->text)));
}

unsigned events_subscribe(struct client *c, unsigned types)
{
	struct control *control = c->control;

	for (size_t i = 0; i < CLIENT_SUBSCRIPTIONS_MAX; i++) {
		if (c->subs[i].number)
			continue;
		c->subs[i] = (struct subscription){.number = ++c->subs_given, .types = types};
		if ((types & EVENT_BIT(EVENT_LOG)) && !control->hears_log) {
			control->hears_log = true;
			log_set_listener(on_log_line, control);
		}
		return c->subs[i].number;
	}
	return 0;
}

bool events_unsubscribe(struct client *c, unsigned number)
{
	for (size_t i = 0; i < CLIENT_SUBSCRIPTIONS_MAX; i++)
		if (number != 0 && c->subs[i].number == number) {
			c->subs[i] = (struct subscription){0};
			return true;
		}
	return false;
}

/* One event for one subscription. Its number is used up also when it is left out. */
static void send_one(struct client *c, struct subscription *s, enum event_type type,
	const json_t *fields, json_t *time)
{
	json_t *params;

	s->seq++;
	if (client_backlog(c) >= CLIENT_BACKLOG_BYTES_HIGH)
		return;
	params = json_pack("{s:i, s:I, s:O, s:s}", "subscription", (int)s->number, "seq",
		(json_int_t)s->seq, "time", time, "type", type_names[type]);
	json_object_update(params, (json_t *)fields);
	client_send(c, rpc_notification("event", params));
}

void events_send(struct control *c, enum event_type type, json_t *take_fields)
{
	struct client *all[CONTROL_CLIENTS_MAX];
	json_t *time = shape_time(loop_wall(c->loop));
	size_t count = 0;

	/* A client that turns out too slow is closed on the way, and what that logs is an event
	 * again: so the walk is over a copy. The doomed stay in memory until the turn ends. */
	list_each (node, &c->clients)
		all[count++] = list_entry(node, struct client, node);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < CLIENT_SUBSCRIPTIONS_MAX && all[i]->flow; j++) {
			struct subscription *s = &all[i]->subs[j];

			if (s->number && (s->types & EVENT_BIT(type)))
				send_one(all[i], s, type, take_fields, time);
		}
	json_decref(time);
	json_decref(take_fields);
}

/* ---- news of the core ---- */

static void tell_state(struct control *c, const struct core_state_change *s)
{
	events_send(c, EVENT_STATE,
		json_pack("{s:s, s:s, s:o, s:I, s:I, s:I}", "from", core_state_name(s->prev), "to",
			core_state_name(s->next), "reason", shape_text(s->reason), "members",
			(json_int_t)s->members, "online", (json_int_t)s->online, "quorum",
			(json_int_t)s->needed));
}

static void tell_member(struct control *c, const struct core_decision *d, bool online)
{
	events_send(c, EVENT_MEMBER,
		json_pack("{s:o, s:s, s:o}", "peer_id", shape_peer(&d->peer), "state",
			online ? "online" : "offline", "reason", shape_text(d->why)));
}

static void tell_membership(struct control *c, const struct core_membership *m)
{
	json_t *fields = json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:o, s:s}", "action", "applied",
		"added", shape_peers(m->added, m->added_count), "removed",
		shape_peers(m->removed, m->removed_count), "issuer_peer_id",
		shape_peer(&m->snapshot->issuer), "issued_at", shape_stamp(m->snapshot->issued_at),
		"members", (json_int_t)m->snapshot->member_count, "hash",
		shape_hash(m->snapshot->hash), "source", shape_source(m->source));

	events_send(c, EVENT_MEMBERSHIP, fields);
}

static void tell_alert(struct control *c, const struct core_decision *d)
{
	const char *kind = d->why ? d->why : "alert", *text = d->text ? d->text : "";

	alerts_note(&c->alerts, kind, text, loop_wall(c->loop));
	events_send(c, EVENT_ALERT,
		json_pack("{s:s, s:o, s:o}", "alert", kind, "text", shape_text(text), "peer_id",
			shape_peer(&d->peer)));
}

void control_hear_decision(struct control *c, const struct core_decision *d)
{
	switch (d->kind) {
	case CORE_STATE:
		if (events_wanted(c, EVENT_STATE))
			tell_state(c, &d->u.state);
		break;
	case CORE_MEMBER_UP:
	case CORE_MEMBER_DOWN:
		if (events_wanted(c, EVENT_MEMBER))
			tell_member(c, d, d->kind == CORE_MEMBER_UP);
		break;
	case CORE_MEMBERSHIP:
		if (events_wanted(c, EVENT_MEMBERSHIP))
			tell_membership(c, &d->u.membership);
		break;
	case CORE_ALERT:
		tell_alert(c, d);
		break;
	case CORE_DIAL:
	case CORE_RESOLVE:
	case CORE_CLOSE:
	case CORE_GRANT:
	case CORE_PING:
	case CORE_POKE:
	case CORE_PULL:
	case CORE_PUSH:
	case CORE_ASK_PEERS:
	case CORE_SEND_HEARTBEAT:
	case CORE_SEND_DIGEST:
	case CORE_SEND_SUSPECT:
	case CORE_SEND_RESTART:
	case CORE_STORE_SNAPSHOT:
	case CORE_STORE_RECORD:
	case CORE_STORE_MARK:
	case CORE_EQUIVOCATION: /* an alert comes with it */
	case CORE_VERDICT:
	case CORE_PUSH_FAILED:
	case CORE_PULL_REFUSED: /* the drive tells it as any other that is refused */
		break;
	}
}

void control_hear_rejected(struct control *c, enum snapshot_reason reason,
	enum snapshot_source source, const struct peer_id *from)
{
	events_send(c, EVENT_MEMBERSHIP,
		json_pack("{s:s, s:s, s:s, s:o}", "action", "rejected", "reason",
			snapshot_reason_name(reason), "source", shape_source(source), "peer_id",
			shape_peer(from)));
}

/* ---- news of the network ---- */

static void tell_conn(struct control *c, const struct swarm_conn *conn, const char *action,
	const char *why)
{
	events_send(c, EVENT_PEER,
		json_pack("{s:o, s:s, s:o, s:s, s:o, s:o, s:b}", "peer_id", shape_peer(&conn->peer),
			"action", action, "transport", shape_text(conn->transport), "direction",
			conn->side == CONN_DIALER ? "out" : "in", "address",
			shape_addr(&conn->remote), "reason", shape_text(why), "member",
			core_is_member(c->node->core, &conn->peer) ? 1 : 0));
}

static void tell_pending(struct control *c, const struct peer_id *peer)
{
	struct core_knock k;

	for (size_t i = 0; core_pending_at(c->node->core, i, &k); i++)
		if (peer_id_eq(&k.peer, peer)) {
			events_send(c, EVENT_PENDING,
				json_pack("{s:o, s:o, s:I}", "peer_id", shape_peer(&k.peer),
					"address", shape_addr(&k.from), "tries",
					(json_int_t)k.tries));
			return;
		}
}

void control_hear_up(struct control *c, const struct swarm_conn *conn)
{
	around_note_starved(c);
	if (events_wanted(c, EVENT_PEER))
		tell_conn(c, conn, "connected", NULL);
	if (events_wanted(c, EVENT_PENDING) &&
		core_conn_class(c->node->core, conn->id) == CORE_GUEST)
		tell_pending(c, &conn->peer);
}

void control_hear_gone(struct control *c, const struct swarm_conn *conn, const char *why)
{
	around_note_starved(c);
	if (events_wanted(c, EVENT_PEER))
		tell_conn(c, conn, "disconnected", why);
}

void control_hear_push(struct control *c, const struct peer_id *peer, int err, bool applied)
{
	list_each (node, &c->waits) {
		struct wait *w = list_entry(node, struct wait, node);

		if (w->on_push)
			w->on_push(w, peer, err, applied);
	}
}

void control_hear_pull(struct control *c, const struct peer_id *peer, int err)
{
	list_each (node, &c->waits) {
		struct wait *w = list_entry(node, struct wait, node);

		if (w->on_pull)
			w->on_pull(w, peer, err);
	}
}

void control_hear_identified(struct control *c, const struct identify_news *news)
{
	if (news->observed.len > 0)
		observed_note(&c->observed, news->peer, &news->observed);
	list_each (node, &c->waits) {
		struct wait *w = list_entry(node, struct wait, node);

		if (w->on_identified)
			w->on_identified(w, news);
	}
}
