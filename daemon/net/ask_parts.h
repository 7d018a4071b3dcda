/* SPDX-License-Identifier: Apache-2.0 */
/* ask_parts.h: what the asking and the answering side share. */
#ifndef P2POS_NET_ASK_PARTS_H
#define P2POS_NET_ASK_PARTS_H

#include "daemon/net/streams.h"

/* One message on its way out; owns memory only while some of it still waits. */
struct outbox {
	struct buf data;
	size_t sent;
	bool waits_for_agreement; /* ours to open: a peer that lacks the protocol must find the stream
	                           * whole to say so, instead of an early end that it resets */
};

/* Writes as much as the stream takes, and ends our side when that was all. Call again on_room. */
void outbox_send(struct outbox *o, struct stream *s);

/* on_agreed of a stream that we opened. */
void outbox_agreed(struct outbox *o, struct stream *s);

#endif
