/* SPDX-License-Identifier: Apache-2.0 */
/* A protocol for each stream, within what the peer is granted.
 *
 * The opener proposes one protocol and may send its first data right behind the proposal
 * (tcp-stack.md 2.4). A stream of the peer without a protocol is ours alone to refuse: the owner
 * never hears of it. */
#include <assert.h>

#include "proto/base/err.h"
#include "proto/conn/stream.h"

/* The largest answer to what one data frame can propose: header, all refusals, one name. */
#define ANSWER_BYTES_MAX (20 + 4 * SELECT_REFUSALS_MAX + SELECT_NAME_BYTES_MAX + 2)

static const char *name_in(const struct conn_grant *g, const char *protocol)
{
	for (size_t i = 0; i < g->protocol_count; i++)
		if (strcmp(g->protocols[i], protocol) == 0)
			return g->protocols[i];
	return NULL;
}

void agree_admit(struct conn *c, const struct conn_grant *grant)
{
	mux_set_grant(&c->mux, grant);
	c->grant = *grant;
	/* The old list of names may go away now. */
	for (int i = 0; i < CONN_BUCKETS; i++) {
		list_each (node, &c->streams[i]) {
			struct conn_stream *s = list_entry(node, struct conn_stream, bucket);

			if (!s->is_inbound)
				continue;
			if (stream_is_negotiating(s))
				select_set_names(&s->select, grant->protocols, grant->protocol_count);
			else if (s->protocol)
				s->protocol = name_in(grant, s->protocol);
		}
	}
}

static uint32_t live_with(const struct conn *c, const char *protocol)
{
	uint32_t count = 0;

	for (int i = 0; i < CONN_BUCKETS; i++) {
		list_each (node, &c->streams[i]) {
			const struct conn_stream *s = list_entry(node, struct conn_stream, bucket);

			if (s->is_inbound && !stream_is_negotiating(s) && s->protocol == protocol)
				count++;
		}
	}
	return count;
}

void agree_begin_inbound(struct conn *c, uint32_t id)
{
	struct conn_stream *s;

	/* How many may live is the muxer's own limit. */
	if (c->negotiating_in >= c->grant.negotiating_max) {
		mux_reset(&c->mux, id, MUX_RESET_LIMIT);
		return;
	}
	s = stream_add(c, id, true);
	select_init(&s->select, SELECT_LISTENER, c->grant.protocols, c->grant.protocol_count);
}

/* What the negotiation has to say goes into the stream. False when there is no room for it. */
static bool say(struct conn *c, struct conn_stream *s)
{
	uint8_t room[ANSWER_BYTES_MAX];
	struct buf text = {.data = room, .cap = sizeof(room), .max = sizeof(room)};

	if (select_send(&s->select, &text) || mux_room(&c->mux, s->id) < text.len)
		return false;
	return text.len == 0 || mux_write(&c->mux, s->id, buf_bytes(&text)) == text.len;
}

bool agree_begin_outbound(struct conn *c, struct conn_stream *s, struct bytes protocol)
{
	assert(protocol.len < sizeof(s->own_protocol));
	memcpy(s->own_protocol, protocol.at, protocol.len);
	s->protocol = s->own_protocol;
	select_init(&s->select, SELECT_DIALER, &s->protocol, 1);
	return say(c, s);
}

bool agree_fail(
	struct conn *c, struct conn_stream *s, int err, enum mux_reset code, struct conn_event *ret)
{
	bool is_news = !s->is_inbound; /* of the peer's nothing was told yet */

	*ret = (struct conn_event){.kind = CONN_STREAM_REFUSED, .stream = s->id, .err = err};
	stream_kill(c, s, code);
	return is_news;
}

static bool agree(struct conn *c, struct conn_stream *s, struct conn_event *ret)
{
	const char *protocol = select_agreed(&s->select);

	if (s->is_inbound && live_with(c, protocol) >= c->grant.per_protocol_max)
		return agree_fail(c, s, P2P_ERR_FULL, MUX_RESET_LIMIT, ret);
	if (!say(c, s))
		return agree_fail(c, s, P2P_ERR_FULL, MUX_RESET_LIMIT, ret);
	list_remove(&s->negotiating);
	if (s->is_inbound)
		c->negotiating_in--;
	s->protocol = protocol;
	c->unread_stream = s->id;
	*ret = (struct conn_event){
		.kind = s->is_inbound ? CONN_STREAM_IN : CONN_STREAM_AGREED,
		.stream = s->id,
		.protocol = protocol,
	};
	return true;
}

bool agree_recv(struct conn *c, struct conn_stream *s, struct bytes data, struct conn_event *ret)
{
	struct bytes left = data;
	int err = select_recv(&s->select, &left);

	mux_consumed(&c->mux, s->id, data.len - left.len);
	if (err)
		return agree_fail(c, s, err, MUX_RESET_NEGOTIATION, ret);
	if (select_agreed(&s->select))
		return agree(c, s, ret);
	if (!say(c, s))
		return agree_fail(c, s, P2P_ERR_FULL, MUX_RESET_LIMIT, ret);
	return false;
}

bool agree_expire(struct conn *c, struct conn_event *ret)
{
	struct list *node;

	while ((node = list_first(&c->negotiating))) {
		struct conn_stream *s = list_entry(node, struct conn_stream, negotiating);

		if (!mono_reached(s->agree_by, c->now))
			return false;
		if (agree_fail(c, s, P2P_ERR_TIMEOUT, MUX_RESET_NEGOTIATION, ret))
			return true;
	}
	return false;
}
