/* SPDX-License-Identifier: Apache-2.0 */
/* ask.h: one question, one answer, one deadline: how most of our protocols use a stream.
 *
 * Question and answer are one JSON object each (p2pos.md section 2); either may be missing. An
 * answer counts as complete with its last brace, without waiting for the end of the stream; what
 * the object says is the caller's to parse. */
#ifndef P2POS_NET_ASK_H
#define P2POS_NET_ASK_H

#include "daemon/net/streams.h"
#include "proto/base/jsonscan.h"

#define ASK_REQUEST_MS 10000 /* the whole question within this, from the stream's opening */
#define ASK_ANSWER_MS  30000 /* a handler's own time, and then the same for the peer to take the
                              * answer; beyond: reset */

/* --- asking --- */

struct ask;

/* Told once, unless cancelled; never from inside ask_send(). `answer` is the object (scanned
 * against the limits), borrowed; empty for a question that expects none. err: as on_gone of
 * streams.h, P2P_ERR_JSON and P2P_ERR_TOO_LARGE for the answer, P2P_ERR_TRUNCATED when the stream
 * ended before the object did. */
typedef void ask_done_fn(void *arg, int err, struct bytes answer);

struct ask_opts {
	uint64_t conn;
	const char *protocol;
	struct bytes question;                  /* copied as far as needed; a newline is written behind
	                                         * it unless it is empty */
	const struct json_limits *answer_limits; /* copied; NULL: no answer is expected, and `on_done` says
	                                         * 0 once the peer has ended the stream in its turn */
	int64_t timeout_ms;                     /* from now to the complete answer */
	bool is_spoken;                         /* the peer took the protocol before on this connection: our side
	                                         * ends with the question, a flight earlier. One that lacks it
	                                         * after all can but reset the stream (P2P_ERR_RESET) */
	ask_done_fn *on_done;                   /* may be NULL: nobody wants to know */
	void *arg;
};

/* P2P_ERR_CLOSED, P2P_ERR_FULL, P2P_ERR_AGAIN. `ret` may be NULL; it is dead after on_done. */
int ask_send(struct streams *st, const struct ask_opts *opts, struct ask **ret);
/* No callback follows. */
void ask_cancel(struct ask *a);

/* --- answering --- */

struct ask_call;

struct ask_service {
	const char *protocol;                 /* a literal */
	const struct json_limits *limits;     /* static; of the question. NULL: there is no question, the
	                                       * handler is called as soon as the stream is open */
	bool may_be_empty;                    /* an end of stream instead of an object is a question too */
	bool is_silent;                       /* no answer: the handler's ask_answer() takes BYTES_NONE */
	bool forgives_json;                   /* a question that is no JSON, or too large, reaches the
	                                       * handler with `err` set instead of being reset */
	/* Must see to it that ask_answer() or ask_refuse() is called once for `call`, now or later,
	 * even when the peer is gone meanwhile. `question` is borrowed. `err` is 0 unless forgiven. */
	void (*on_question)(void *arg, struct ask_call *call, int err, struct bytes question);
	void *arg;
};

/* `service` is copied. P2P_ERR_EXISTS, P2P_ERR_FULL. They end with `st`: answer or refuse every
 * open call before freeing that. */
int ask_serve(struct streams *st, const struct ask_service *service);

uint64_t ask_call_conn(const struct ask_call *call);
const struct peer_id *ask_call_peer(const struct ask_call *call);
/* False when the asker is gone: the answer will go nowhere. */
bool ask_call_is_alive(const struct ask_call *call);

/* Sends the answer (copied) and a newline, ends the stream, frees `call`. */
void ask_answer(struct ask_call *call, struct bytes answer);
/* Resets the stream and frees `call`. */
void ask_refuse(struct ask_call *call);

#endif
