/* SPDX-License-Identifier: Apache-2.0 */
/* call.h: one request of a client, answered exactly once, now or later (STYLE section 10).
 *
 * A handler is `struct answer *do_something(struct call *c)`. Only call_ok(), call_fail() and
 * call_later() make an answer, so that it cannot forget to give one; a second answer to the same
 * call is our bug and hits an assert. call_later() hands out a ticket, and whoever holds it answers
 * with ticket_ok() or ticket_fail(), once, whatever has become of the client meanwhile: if it is
 * gone, or has been told `timeout`, the answer goes nowhere. */
#ifndef P2POS_CONTROL_CALL_H
#define P2POS_CONTROL_CALL_H

#include <jansson.h>

#include "daemon/io/uv_loop.h"
#include "proto/multi/maddr.h"
#include "proto/rpc/jsonrpc.h"
#include "proto/rpc/methods.h"

#define CALL_MS_MAX 60000 /* a ticket without another limit: the client is then told `timeout` */

struct answer;
struct call;
struct ticket;
struct client;
struct control;
struct control_node;

/* ---- what is asked ---- */

const struct control_node *call_node(const struct call *c);
struct client *call_client(const struct call *c);
const struct rpc_method *call_method(const struct call *c);

/* A parameter; NULL when it was left out or null. Types have been checked against methods.h. */
const json_t *call_param(const struct call *c, const char *name);
/* A text; NULL when left out. */
const char *call_text(const struct call *c, const char *name);
/* A boolean; false when left out. */
bool call_flag(const struct call *c, const char *name);

/* Each writes `ret` and returns NULL, or returns the answer that refuses the parameter. */
struct answer *call_uint(struct call *c, const char *name, uint64_t low, uint64_t high,
	uint64_t otherwise, uint64_t *ret);
/* WALL_ZERO when left out. */
struct answer *call_time(struct call *c, const char *name, wall_t *ret);
/* An address that must be there. */
struct answer *call_addr(struct call *c, const char *name, struct maddr *ret);

/* ---- the answer, now ---- */

/* `take_result` is an object. */
struct answer *call_ok(struct call *c, json_t *take_result);

/* `fmt` may be NULL for the sentence of errors.h. */
struct answer *call_fail(struct call *c, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* With more for data (an object, owned from now on), and a hint of its own (NULL: the usual one). */
struct answer *call_fail_with(struct call *c, int code, json_t *take_data, const char *hint,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* -32602 with data.param. */
struct answer *call_refuse_param(struct call *c, const char *param, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- the answer, later ---- */

/* The ticket answers `timeout` by itself after CALL_MS_MAX; it is still to be answered then. */
struct answer *call_later(struct call *c, struct ticket **ret_ticket);

/* Another limit than CALL_MS_MAX, from now. */
void ticket_limit(struct ticket *t, int64_t ms);
/* False when the answer would go nowhere: work for it may be left out. */
bool ticket_is_wanted(const struct ticket *t);
const struct control_node *ticket_node(const struct ticket *t);

/* Each answers and frees the ticket. */
void ticket_ok(struct ticket *t, json_t *take_result);
void ticket_fail(struct ticket *t, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void ticket_fail_with(struct ticket *t, int code, json_t *take_data, const char *hint,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* A `progress` notification of the call; nothing for a call without an id. */
void ticket_progress(struct ticket *t, unsigned num, unsigned total, const char *stage,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* ---- for client.c and dispatch.c ---- */

typedef struct answer *call_handler(struct call *c);

/* A whole request: finds the handler, checks role and parameters, runs it. Whatever happens,
 * the client gets one answer (unless `req` is a notification). `batch` may be NULL. */
struct batch;
void call_run(struct client *client, struct batch *batch, const struct rpc_request *req);

/* The client is gone: the ticket's answer goes nowhere from now on. */
void ticket_orphan(struct list *node);

#endif
