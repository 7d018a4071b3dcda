/* SPDX-License-Identifier: Apache-2.0 */
/* news.c: decisions wait here until the owner pulls them. Orders and answers are never dropped:
 * each is bounded by what it is about (one verdict a token, one close a conn). Alerts are. */
#include "proto/cluster/core_parts.h"

#include "proto/p2pos/suspect.h"
#include <stdarg.h>
#include <stdio.h>

#define ALERT_BYTES_MAX 512 /* a longer sentence is cut */

struct news *news_add(struct core *c, enum core_decision_kind kind)
{
	struct news *n;

	if (kind == CORE_ALERT && c->news_count >= CORE_NEWS_MAX) {
		c->news_dropped++;
		return NULL;
	}
	n = xcalloc(1, sizeof(*n));
	n->d.kind = kind;
	list_append(&c->news, &n->node);
	c->news_count++;
	return n;
}

struct news *news_link(
	struct core *c, enum core_decision_kind kind, const struct link *l, const char *why)
{
	struct news *n = news_add(c, kind);

	n->d.conn = l->conn;
	n->d.why = why;
	if (l->peer)
		n->d.peer = l->peer->id;
	return n;
}

void news_alert(struct core *c, const char *kind, const struct peer_id *peer, const char *fmt, ...)
{
	struct news *n = news_add(c, CORE_ALERT);
	char text[ALERT_BYTES_MAX];
	va_list ap;

	if (!n)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut is fine */
	va_end(ap);
	n->d.why = kind;
	if (peer)
		n->d.peer = *peer;
	(void)buf_put_str(&n->bytes, text); /* no maximum, cannot fail */
	n->d.text = buf_cstr(&n->bytes);
}

static void news_free(struct news *n)
{
	if (!n)
		return;
	buf_deinit(&n->bytes);
	free(n->ids);
	free(n->more_ids);
	free(n->dial);
	free(n);
}

void news_free_all(struct core *c)
{
	list_each (node, &c->news)
		news_free(list_entry(node, struct news, node));
	list_init(&c->news);
	news_free(c->told);
	c->told = NULL;
}

/* What a conn waits for, one thing at a time. */
static bool next_of_link(struct core *c, struct link *l, struct core_decision *ret)
{
	unsigned what = l->wants & -l->wants;

	l->wants &= ~what;
	if (!l->wants)
		list_remove(&l->dirty);
	if (!what || l->closing || !l->peer)
		return false;
	*ret = (struct core_decision){.conn = l->conn, .peer = l->peer->id};
	switch ((enum link_want)what) {
	case WANT_PING: ret->kind = CORE_PING; return true;
	case WANT_BEAT:
		ret->kind = CORE_SEND_HEARTBEAT;
		ret->json = buf_bytes(&c->beat_json);
		return ret->json.len > 0;
	case WANT_URGE:
		ret->kind = CORE_SEND_SUSPECT;
		buf_reset(&c->scratch);
		(void)suspect_print(&c->scratch, &l->peer->id); /* no maximum, cannot fail */
		ret->json = buf_bytes(&c->scratch);
		return true;
	case WANT_PEERS: ret->kind = CORE_ASK_PEERS; return true;
	case WANT_POKE: ret->kind = CORE_POKE; return true;
	}
	return false;
}

static bool next_of_peer(struct peer *p, struct core_decision *ret)
{
	list_remove(&p->dirty);
	if (p->online == p->told_online)
		return false;
	p->told_online = p->online;
	*ret = (struct core_decision){.peer = p->id, .conn = p->link ? p->link->conn : 0};
	ret->kind = p->online ? CORE_MEMBER_UP : CORE_MEMBER_DOWN;
	if (p->online)
		ret->why = alive_kind_name(p->alive.kind);
	else if (!p->is_member)
		ret->why = "removed";
	else if (p->alive.loss != LOSS_NONE && !mono_before(p->alive.lost, p->alive.seen))
		ret->why = alive_loss_name(p->alive.loss);
	else
		ret->why = "heartbeat_expired";
	return true;
}

bool core_next(struct core *c, struct core_decision *ret)
{
	struct list *node = list_first(&c->news);

	news_free(c->told);
	c->told = NULL;
	if (node) {
		struct news *n = list_entry(node, struct news, node);

		list_remove(node);
		c->news_count--;
		n->d.json = n->d.json.len ? n->d.json : buf_bytes(&n->bytes);
		c->told = n;
		*ret = n->d;
		return true;
	}
	while ((node = list_first(&c->dirty_links)))
		if (next_of_link(c, list_entry(node, struct link, dirty), ret))
			return true;
	while ((node = list_first(&c->dirty_peers)))
		if (next_of_peer(list_entry(node, struct peer, dirty), ret))
			return true;
	return false;
}

const char *core_decision_name(enum core_decision_kind k)
{
	switch (k) {
	case CORE_DIAL: return "dial";
	case CORE_RESOLVE: return "resolve";
	case CORE_CLOSE: return "close";
	case CORE_GRANT: return "grant";
	case CORE_PING: return "ping";
	case CORE_POKE: return "poke";
	case CORE_PULL: return "pull";
	case CORE_PUSH: return "push";
	case CORE_ASK_PEERS: return "ask_peers";
	case CORE_SEND_HEARTBEAT: return "send_heartbeat";
	case CORE_SEND_DIGEST: return "send_digest";
	case CORE_SEND_SUSPECT: return "send_suspect";
	case CORE_SEND_RESTART: return "send_restart";
	case CORE_STORE_SNAPSHOT: return "store_snapshot";
	case CORE_STORE_RECORD: return "store_record";
	case CORE_STORE_MARK: return "store_mark";
	case CORE_EQUIVOCATION: return "equivocation";
	case CORE_VERDICT: return "verdict";
	case CORE_STATE: return "state";
	case CORE_MEMBER_UP: return "member_up";
	case CORE_MEMBER_DOWN: return "member_down";
	case CORE_MEMBERSHIP: return "membership";
	case CORE_PUSH_FAILED: return "push_failed";
	case CORE_PULL_REFUSED: return "pull_refused";
	case CORE_ALERT: return "alert";
	}
	return "unknown";
}
