/* SPDX-License-Identifier: Apache-2.0 */
/* client.h: one client of the control socket: lines in, answers out, slow readers dropped.
 *
 *   reading ──► doomed          a doomed client takes and sends nothing, and is freed at the end of
 *                               the turn, so that nobody frees his own caller */
#ifndef P2POS_CONTROL_CLIENT_H
#define P2POS_CONTROL_CLIENT_H

#include <jansson.h>

#include "daemon/control/call.h"
#include "daemon/io/uv_pipe.h"
#include "proto/rpc/jsonrpc.h"

#define CLIENT_CALLS_MAX          16     /* unfinished calls; the next is answered `busy` */
#define CLIENT_LINE_MS            10000  /* for a line to end once it has begun; then closed */
#define CLIENT_IDLE_MS            300000 /* without a line, a call or a subscription; then closed */
#define CLIENT_LINGER_MS          2000   /* for a last answer to leave before the socket is shut */
#define CLIENT_SUBSCRIPTIONS_MAX  8      /* the next is answered `busy` */
#define CLIENT_BACKLOG_BYTES_MAX  (8u * 1024 * 1024) /* unread answers; beyond: closed */
#define CLIENT_BACKLOG_BYTES_HIGH (1024u * 1024) /* above it no further line is taken up, and events are
                                                  * left out (their numbers tell) */

/* What one subscription wants. */
struct subscription {
	unsigned number; /* 0 = free */
	unsigned types;  /* bits of enum event_type */
	uint64_t seq;    /* of the last event, sent or left out */
};

struct client {
	struct list node; /* in control.clients or control.doomed */
	struct control *control;
	struct flow *flow; /* owned; NULL once doomed */
	struct rpc_lines lines;
	enum rpc_role role;
	struct pipe_caller who;
	struct list tickets; /* unfinished calls */
	unsigned calls;      /* how many */
	struct list batches; /* unfinished batches */
	struct timer timer;  /* the nearer of line and idle deadline */
	mono_t line_since;   /* a line has begun then; MONO_NEVER = none */
	mono_t idle_since;
	bool is_paused;      /* its backlog is high: we do not read */
	bool is_working;     /* its lines are being carried out */
	struct subscription subs[CLIENT_SUBSCRIPTIONS_MAX];
	unsigned subs_given; /* numbers handed out so far */
};

/* Takes a flow that has been let in. */
void client_open(struct control *control, struct flow *take_flow, const struct pipe_caller *who,
	enum rpc_role role);

/* Sends a document. A client whose backlog passes a limit is doomed (reason logged). */
void client_send(struct client *c, json_t *take_doc);

/* Bytes it has not read yet. */
size_t client_backlog(const struct client *c);

/* Closes it, once what is queued has left if `linger_ms` > 0. `why` is a word for the log, NULL for
 * an ordinary end. */
void client_doom(struct client *c, const char *why, int64_t linger_ms);

/* Frees a doomed client. */
void client_free(struct client *c);

/* The calls of a batch, answered as one array when the last of them is done. */
struct batch {
	struct list node; /* in client.batches */
	json_t *answers;  /* owned */
	unsigned open;    /* answers still to come; one more while the batch is being read */
};

/* Hands in the answer of one call (NULL: of a notification) to the batch, or to the client when
 * `b` is NULL. */
void client_answer(struct client *c, struct batch *b, json_t *take_doc);

/* Deadlines changed: a call ended, a subscription began. */
void client_touch(struct client *c);

#endif
