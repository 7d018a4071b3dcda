/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/shape.h"

#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"

json_t *shape_text(const char *text)
{
	return text && text[0] ? shape_bytes(bytes_str(text)) : json_null();
}

json_t *shape_bytes(struct bytes text)
{
	struct buf safe = BUF_INIT;
	json_t *value;

	if (text.len == 0)
		return json_null();
	(void)text_escape(&safe, text, text.len);
	value = json_string(buf_cstr(&safe));
	buf_deinit(&safe);
	return value;
}

json_t *shape_time(wall_t t)
{
	t.nsec -= t.nsec % NS_PER_MS;
	return shape_stamp(t);
}

json_t *shape_stamp(wall_t t)
{
	char text[RFC3339_SIZE];

	return wall_is_zero(t) ? json_null() : json_string(rfc3339_text(t, text));
}

json_t *shape_mono(const struct control_node *n, mono_t t)
{
	int64_t ago_ns;

	if (t.ns == 0 || mono_is_never(t))
		return json_null();
	ago_ns = mono_since_ns(loop_now(n->loop), t);
	return shape_time(wall_add_ns(loop_wall(n->loop), -ago_ns));
}

json_t *shape_peer(const struct peer_id *id)
{
	char text[PEER_ID_TEXT_SIZE];

	return peer_id_is_none(id) ? json_null() : json_string(peer_id_text(id, text));
}

json_t *shape_peers(const struct peer_id *ids, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, shape_peer(&ids[i]));
	return list;
}

json_t *shape_addr(const struct maddr *a)
{
	char text[MADDR_TEXT_MAX + 1];

	return a->len == 0 ? json_null() : json_string(maddr_text(a, text));
}

json_t *shape_addrs(const struct maddr *addrs, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, shape_addr(&addrs[i]));
	return list;
}

json_t *shape_ms(int64_t ns)
{
	/* Whole microseconds first, so that no digits are printed that nobody measured. */
	return ns <= 0 ? json_null() : json_real((double)((ns + 500) / 1000) / 1000.0);
}

json_t *shape_err(int err)
{
	return err ? json_string(err_text(err)) : json_null();
}

char *shape_hash_text(const uint8_t hash[SNAPSHOT_HASH_BYTES], char to[SHAPE_HASH_SIZE])
{
	struct buf hex = BUF_INIT;

	(void)text_hex(&hex, bytes_of(hash, SNAPSHOT_HASH_BYTES));
	(void)text_copy(to, SHAPE_HASH_SIZE, buf_bytes(&hex));
	buf_deinit(&hex);
	return to;
}

json_t *shape_hash(const uint8_t hash[SNAPSHOT_HASH_BYTES])
{
	char text[SHAPE_HASH_SIZE];

	return json_string(shape_hash_text(hash, text));
}

const char *shape_source(enum snapshot_source source)
{
	switch (source) {
	case SNAPSHOT_STORED:
		return "stored";
	case SNAPSHOT_PULLED:
		return "sync";
	case SNAPSHOT_PUSHED:
		return "push";
	case SNAPSHOT_LOCAL:
		return "local";
	}
	return NULL;
}

json_t *shape_snapinfo(const struct snapshot *s, const char *source)
{
	if (!s)
		return json_null();
	return json_pack("{s:o, s:o, s:I, s:o, s:o}", "issued_at", shape_stamp(s->issued_at),
		"issuer_peer_id", shape_peer(&s->issuer), "members", (json_int_t)s->member_count,
		"hash", shape_hash(s->hash), "source", shape_text(source));
}

json_t *shape_snapinfo_now(const struct core_view *view)
{
	return shape_snapinfo(view->snapshot, shape_source(view->source));
}

static const char *member_state(const struct core_member *m)
{
	if (m->self)
		return "self";
	return m->online ? "online" : "offline";
}

/* The identity of a member that is no peer id is the text that the snapshot has for it. */
static json_t *member_id(const struct core_member *m)
{
	return peer_id_is_none(&m->peer) ? shape_text(m->text) : shape_peer(&m->peer);
}

static json_t *dial_error(const struct core_member *m)
{
	char text[128];

	if (m->dial_err == 0 || m->online)
		return json_null();
	(void)snprintf(text, sizeof(text), "%s: %s", core_stage_name(m->dial_stage),
		err_text(m->dial_err));
	return json_string(text);
}

json_t *shape_member(const struct control_node *n, const struct core_member *m)
{
	struct swarm_conn conn = {0};
	bool connected = m->conn != 0 && n->swarm && swarm_get(n->swarm, m->conn, &conn);

	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "peer_id", member_id(m), "name",
		m->self ? shape_text(n->name) : json_null(), "state", member_state(m),
		"last_seen_at", shape_time(m->last_seen), "rtt_ms",
		m->has_rtt ? shape_ms(m->rtt_ns) : json_null(), "transport",
		connected ? shape_text(conn.transport) : json_null(), "address",
		shape_addr(connected ? &conn.remote : &m->addr), "error", dial_error(m));
}

/* A member with its place in the snapshot, for sorting without copying whole structs about. */
struct place {
	struct peer_id peer;
	bool self;
	size_t at;
};

static int by_peer(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->self != y->self)
		return x->self ? -1 : 1;
	return peer_id_cmp(&x->peer, &y->peer);
}

json_t *shape_members(const struct control_node *n, const struct core_view *view)
{
	wall_t wall = loop_wall(n->loop);
	mono_t now = loop_now(n->loop);
	struct place *places = xcalloc(view->members + 1, sizeof(*places));
	json_t *list = json_array();
	struct core_member m;
	size_t count = 0;

	while (count < view->members && core_member_at(n->core, count, wall, now, &m)) {
		places[count] = (struct place){m.peer, m.self, count};
		count++;
	}
	qsort(places, count, sizeof(*places), by_peer);
	for (size_t i = 0; i < count; i++)
		if (core_member_at(n->core, places[i].at, wall, now, &m))
			json_array_append_new(list, shape_member(n, &m));
	free(places);
	return list;
}

json_t *shape_conn(const struct control_node *n, const struct swarm_conn *c)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:b}", "peer_id",
		shape_peer(&c->peer), "transport", shape_text(c->transport), "security",
		shape_text(c->security), "muxer", shape_text(c->muxer), "direction",
		c->side == CONN_DIALER ? "out" : "in", "address", shape_addr(&c->remote), "since",
		shape_mono(n, c->up_at), "rtt_ms", shape_ms(c->rtt_ns), "streams",
		(json_int_t)c->streams_in + c->streams_out, "bytes_in", (json_int_t)c->bytes_in,
		"bytes_out", (json_int_t)c->bytes_out, "member",
		core_is_member(n->core, &c->peer) ? 1 : 0);
}

json_t *shape_failed(const struct peer_id *peer, int err)
{
	return json_pack("{s:o, s:s, s:o}", "peer_id", shape_peer(peer), "reason",
		err == P2P_ERR_UNREACHABLE ? "not_connected" : err_name(err), "error",
		err == P2P_ERR_UNREACHABLE ? json_string("it will fetch on return") : shape_err(err));
}

json_t *shape_records(const struct status_answer *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->count; i++) {
		const struct status_record *r = &a->records[i];
		const char *addr = r->last_remote_addr ? r->last_remote_addr : "";
		json_t *text = shape_text(addr);

		json_array_append_new(list,
			json_pack("{s:o, s:o, s:o, s:s, s:o}", "peer_id", shape_peer(&r->peer),
				"last_remote_addr", json_is_null(text) ? json_string("") : text,
				"last_seen_at", shape_time(r->last_seen_at), "reachability",
				r->online ? "online" : "offline", "observed_by",
				shape_peer(&r->observed_by)));
	}
	return list;
}

static json_t *number_or_null(int n)
{
	return n > 0 ? json_integer(n) : json_null();
}

json_t *shape_faults(const struct config_report *report, bool errors)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < report->count; i++) {
		const struct config_fault *f = &report->faults[i];

		if (f->is_error == errors)
			json_array_append_new(list,
				json_pack("{s:s, s:s, s:o, s:o}", "pointer", f->pointer, "message",
					f->message, "line", number_or_null(f->line), "column",
					number_or_null(f->column)));
	}
	return list;
}
