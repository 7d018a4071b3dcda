/* SPDX-License-Identifier: Apache-2.0 */
/* streams.h: protocol name → who answers; opening a stream; a deadline on each.
 *
 * A `struct stream *` is good from stream_open() (or the acceptor's call) until on_gone, or until
 * the owner gives it up with stream_reset(). on_gone comes exactly once, for every stream that was
 * not given up, whatever happened to it; all callbacks run on the loop, and each may call any
 * function here on its own stream. */
#ifndef P2POS_NET_STREAMS_H
#define P2POS_NET_STREAMS_H

#include "daemon/net/swarm.h"

#define STREAMS_MAX           8192 /* of the process; the next inbound one is reset, the next
                                    * outbound one P2P_ERR_FULL */
#define STREAMS_PROTOCOLS_MAX 32   /* names served */

struct stream;

/* Static tables; any entry but on_gone may be NULL (NULL on_data drops the bytes). */
struct stream_handler {
	void (*on_agreed)(struct stream *s); /* outbound: the peer speaks the protocol */
	void (*on_data)(struct stream *s, struct bytes in);
	void (*on_end)(struct stream *s);    /* the peer has written all it wants */
	void (*on_room)(struct stream *s);   /* stream_write() took less than offered; now it takes more */
	/* The pointer is dead after this. 0: both directions ended properly. P2P_ERR_UNSUPPORTED: the
	 * peer does not speak it; P2P_ERR_RESET, P2P_ERR_TIMEOUT (its deadline, or the peer never
	 * agreed), P2P_ERR_CLOSED (the connection went), P2P_ERR_PROTOCOL. */
	void (*on_gone)(struct stream *s, int err);
};

struct streams;

/* One for a swarm; takes its stream events. */
struct streams *streams_new(struct swarm *s);
/* Frees all streams without a callback. NULL is fine. */
void streams_free(struct streams *st);
struct swarm *streams_swarm(const struct streams *st);

/* Serves `protocol` (borrowed: a literal) to those whose grant names it. `on_open` must call
 * stream_attach() and return true, or return false to have the stream reset. P2P_ERR_EXISTS,
 * P2P_ERR_FULL. */
int streams_serve(struct streams *st, const char *protocol,
	bool (*on_open)(void *arg, struct stream *s), void *arg);

/* A copy of `what` that lives as long as `st`: for the `arg` of streams_serve(). */
void *streams_keep(struct streams *st, const void *what, size_t len);

/* The names served, in the order of registration; for identify. `ret` has STREAMS_PROTOCOLS_MAX. */
size_t streams_protocols(const struct streams *st, const char **ret);

/* Opens one. Bytes may be written at once: they travel together with the proposal. P2P_ERR_CLOSED
 * (no such connection), P2P_ERR_FULL, P2P_ERR_AGAIN (not admitted yet). */
int stream_open(struct streams *st, uint64_t conn, const char *protocol,
	const struct stream_handler *handler, void *user, mono_t deadline, struct stream **ret);

/* Makes an inbound stream the caller's, inside on_open; or hands a live stream on to another
 * handler and user. */
void stream_attach(struct stream *s, const struct stream_handler *handler, void *user,
	mono_t deadline);

void *stream_user(const struct stream *s);
uint64_t stream_conn(const struct stream *s);
const struct peer_id *stream_peer(const struct stream *s);
const char *stream_protocol(const struct stream *s);
bool stream_is_inbound(const struct stream *s);
struct loop *stream_loop(const struct stream *s);

/* At this time the stream is reset and on_gone says P2P_ERR_TIMEOUT. MONO_NEVER: no deadline. */
void stream_set_deadline(struct stream *s, mono_t when);

/* Takes as much as there is room for; on_room follows when that was not all. */
size_t stream_write(struct stream *s, struct bytes data);

/* We have written all we want. */
void stream_end(struct stream *s);

/* Gives it up in both directions. No callback follows; the pointer is dead for the caller. */
void stream_reset(struct stream *s);

/* Live streams by protocol, for `debug streams`; returns false at the end. Start with *iter 0. */
struct stream_line {
	uint64_t conn;
	const char *protocol;
	bool is_inbound;
	int64_t age_ms;
};
bool streams_list(const struct streams *st, size_t *iter, struct stream_line *ret);

#endif
