/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "proto/base/mem.h"
#include "proto/quic/endpoint.h"

void quic_closed_add(
	struct quic_endpoint *ep, struct list *routes, struct buf *take_farewell, mono_t until)
{
	struct quic_closed *c;

	if (ep->stats.closed == QUIC_CLOSED_MAX)
		quic_closed_remove(ep, list_entry(ep->closed.next, struct quic_closed, node));
	c = xcalloc(1, sizeof(*c));
	c->until = until;
	list_init(&c->routes);
	list_each (node, routes) {
		struct quic_route *r = list_entry(node, struct quic_route, of_owner);

		if (r->kind == QUIC_NAME_TOKEN)
			continue;
		r->conn = NULL;
		r->closed = c;
		list_remove(node);
		list_append(&c->routes, node);
	}
	buf_swap(&c->farewell, take_farewell);
	list_append(&ep->closed, &c->node);
	ep->stats.closed++;
}

void quic_closed_remove(struct quic_endpoint *ep, struct quic_closed *c)
{
	quic_routes_remove_all(&ep->routes, &c->routes);
	list_remove(&c->node);
	buf_deinit(&c->farewell);
	free(c);
	ep->stats.closed--;
}

/* Times differ from connection to connection, so the list is not in their order; but each is short,
 * and those that wait behind a later one go with it. */
void quic_closed_expire(struct quic_endpoint *ep, mono_t now)
{
	while (!list_is_empty(&ep->closed)) {
		struct quic_closed *c = list_entry(ep->closed.next, struct quic_closed, node);

		if (!mono_reached(c->until, now))
			return;
		quic_closed_remove(ep, c);
	}
}

bool quic_closed_answer(struct quic_closed *c, const struct datagram *in, struct buf *out,
	struct datagram_train *ret_train)
{
	c->heard++;
	/* The 1st, 2nd, 4th, 8th … datagram: two ends that both believe in their close must not keep
	 * each other busy. And never much more than was received: the sender's address may be
	 * forged. */
	if ((c->heard & (c->heard - 1)) || c->farewell.len == 0 ||
		c->farewell.len > 3 * in->data.len || buf_put(out, buf_bytes(&c->farewell)))
		return false;
	quic_answer_train(in, c->farewell.len, ret_train);
	return true;
}
