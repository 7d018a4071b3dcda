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
/* Growth of all receive windows together, in windows of full size. */
#define GROWN_WINDOWS_MAX 4

static uint32_t at_most(uint32_t wanted, uint32_t max)
{
	return wanted < max ? wanted : max;
}

static struct yamux_limits limits_of(const struct conn_grant *g)
{
	uint32_t window = at_most(g->window_bytes_max, YAMUX_BODY_BYTES_MAX);
	size_t queue = g->send_bytes_max;

	if (window < YAMUX_INITIAL_WINDOW)
		window = YAMUX_INITIAL_WINDOW;
	if (queue > YAMUX_BODY_BYTES_MAX)
		queue = YAMUX_BODY_BYTES_MAX;
	return (struct yamux_limits){
		.inbound_max = (uint16_t)at_most(g->streams_in_max, YAMUX_STREAMS_MAX),
		.outbound_max = CONN_STREAMS_OUT_MAX,
		.queue_bytes_max = (uint32_t)queue,
		/* Nothing is ever left unread; this is a net below that. */
		.unread_bytes_max = YAMUX_INITIAL_WINDOW,
		.window_max = window,
		.grown_bytes_max = GROWN_WINDOWS_MAX * (window - YAMUX_INITIAL_WINDOW),
	};
}

static const char *name_in(const struct conn_grant *g, const char *protocol)
{
	for (size_t i = 0; i < g->protocol_count; i++)
		if (strcmp(g->protocols[i], protocol) == 0)
			return g->protocols[i];
	return NULL;
}

void agree_admit(struct conn *c, const struct conn_grant *grant)
{
	struct yamux_limits limits = limits_of(grant);

	yamux_set_limits(&c->yamux, &limits);
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
		(void)yamux_reset(&c->yamux, id, YAMUX_RESET_LIMIT); /* it exists */
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

	if (select_send(&s->select, &text) || yamux_room(&c->yamux, s->id) < text.len)
		return false;
	return text.len == 0 || yamux_write(&c->yamux, s->id, buf_bytes(&text)) == (int)text.len;
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
	struct conn *c, struct conn_stream *s, int err, uint32_t code, struct conn_event *ret)
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
		return agree_fail(c, s, P2P_ERR_FULL, YAMUX_RESET_LIMIT, ret);
	if (!say(c, s))
		return agree_fail(c, s, P2P_ERR_FULL, YAMUX_RESET_LIMIT, ret);
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

	(void)yamux_consumed(&c->yamux, s->id, data.len - left.len); /* it exists */
	if (err)
		return agree_fail(c, s, err, YAMUX_RESET_NEGOTIATION, ret);
	if (select_agreed(&s->select))
		return agree(c, s, ret);
	if (!say(c, s))
		return agree_fail(c, s, P2P_ERR_FULL, YAMUX_RESET_LIMIT, ret);
	return false;
}

bool agree_expire(struct conn *c, struct conn_event *ret)
{
	struct list *node;

	while ((node = list_first(&c->negotiating))) {
		struct conn_stream *s = list_entry(node, struct conn_stream, negotiating);

		if (!mono_reached(s->agree_by, c->now))
			return false;
		if (agree_fail(c, s, P2P_ERR_TIMEOUT, YAMUX_RESET_NEGOTIATION, ret))
			return true;
	}
	return false;
}
