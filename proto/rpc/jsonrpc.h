/* SPDX-License-Identifier: Apache-2.0 */
/* jsonrpc.h: JSON-RPC 2.0, one compact document a line each way: lines out of bytes, requests
 * out of lines, answers into bytes; and the same from the client's side.
 *
 * Nothing here reads or writes a socket. Texts of strangers are counted and checked by jsonscan
 * before jansson sees them (reliability.md R-31). */
#ifndef P2POS_RPC_JSONRPC_H
#define P2POS_RPC_JSONRPC_H

#include <jansson.h>

#include "proto/base/buf.h"
#include "proto/rpc/errors.h"

/* A signed snapshot may fill 1 MiB (p2pos.md 3.5); the rest is the request around it. A client
 * that sends a longer line is told so once and closed. */
#define RPC_LINE_BYTES_MAX   (1024 * 1024 + 64 * 1024)
#define RPC_BATCH_MAX        32            /* a longer batch is refused whole */
#define RPC_DEPTH_MAX        16            /* a deeper document is refused as no JSON of ours */
#define RPC_VALUES_MAX       (16384 + 512) /* a snapshot of the largest cluster, and the rest */
#define RPC_STRING_BYTES_MAX (256 * 1024)  /* config.check takes a whole file as one string */
#define RPC_ID_BYTES_MAX     128           /* a longer text as an id is an invalid request */
#define RPC_ANSWER_BYTES_MAX (8 * 1024 * 1024) /* what a client must be ready to read in one line */

/* ---- lines ------------------------------------------------------------------------------- */

/* Bytes in, lines out. Everything zero is a fresh one except `max`. */
struct rpc_lines {
	struct buf held; /* what has arrived and is not given out yet */
	size_t given;    /* bytes at the front that the last rpc_lines_next() gave out */
	size_t searched; /* bytes behind `given` known to hold no newline */
	size_t max;      /* of one line, its newline not counted */
};

void rpc_lines_init(struct rpc_lines *l, size_t line_bytes_max);
void rpc_lines_deinit(struct rpc_lines *l);

/* Takes in bytes, cut anywhere. The caller takes out all lines with rpc_lines_next() before it
 * feeds again, so that at most one unfinished line and one piece of input are held. */
void rpc_lines_feed(struct rpc_lines *l, struct bytes in);

/* The next line without its newline (and without a carriage return before it), good until the
 * next call. 1 with a line, 0 when more bytes are needed, P2P_ERR_TOO_LARGE once a line, even an
 * unfinished one, is longer than the limit: the stream cannot be followed any further. */
int rpc_lines_next(struct rpc_lines *l, struct bytes *ret_line);

/* True while part of a line is waiting for its end. */
bool rpc_lines_is_partial(const struct rpc_lines *l);

/* ---- the server's side ------------------------------------------------------------------- */

/* One request of a line. All pointers are borrowed from the document. */
struct rpc_request {
	const json_t *id;    /* a string, a number or null; NULL for a notification */
	const char *method;  /* NULL when `error` is set */
	const json_t *params; /* NULL when there are none; of any type */
	int error;           /* 0, or RPC_ERR_REQUEST: answer that instead of calling anything */
};

struct rpc_requests {
	json_t *doc; /* owned */
	bool is_batch;
	size_t count;
	struct rpc_request at[RPC_BATCH_MAX];
};

/* Reads one line. 0, also when some requests in it are invalid (each says so itself); else the
 * line as a whole is answered with id null and the code that `*ret_error` names: RPC_ERR_PARSE
 * (P2P_ERR_JSON) or RPC_ERR_REQUEST (P2P_ERR_INVALID: no object, empty or too long a batch). */
int rpc_requests_parse(struct bytes line, struct rpc_requests *ret, int *ret_error);
void rpc_requests_deinit(struct rpc_requests *r);

/* Whole answers and notifications as JSON. `id` is borrowed (NULL = null); the `take_` ones are
 * owned from now on. The error carries data.reason and data.hint: `message` and `hint` may be
 * NULL for the standing ones of errors.h; `take_data` (an object or NULL) is what data has beside them. */
json_t *rpc_answer_result(const json_t *id, json_t *take_result);
json_t *rpc_answer_error(const json_t *id, int code, const char *message, const char *hint,
			 json_t *take_data);
json_t *rpc_notification(const char *method, json_t *take_params);

/* Appends a document and its newline. P2P_ERR_TOO_LARGE with nothing appended. */
int rpc_put(struct buf *out, const json_t *doc);

/* ---- the client's side ------------------------------------------------------------------- */

/* A whole request as JSON; `take_params` may be NULL. */
json_t *rpc_request_new(long long id, const char *method, json_t *take_params);

enum rpc_reply_kind { RPC_REPLY_RESULT, RPC_REPLY_ERROR, RPC_REPLY_NOTIFICATION };

/* One line of the daemon. All pointers are borrowed from the document. */
struct rpc_reply {
	json_t *doc; /* owned */
	enum rpc_reply_kind kind;
	long long id;        /* -1 when it is null or no integer, and for a notification */
	json_t *result;      /* RESULT: the object */
	long code;           /* ERROR */
	const char *message; /* ERROR: never NULL */
	const char *reason;  /* ERROR: data.reason, or the word of the code, or "unknown" */
	const char *hint;    /* ERROR: data.hint, or the standing one, or "" */
	json_t *data;        /* ERROR: the object, or NULL */
	const char *method;  /* NOTIFICATION: "event" or "progress" */
	json_t *params;      /* NOTIFICATION: the object */
};

/* Reads one line. P2P_ERR_JSON, P2P_ERR_PROTOCOL (JSON, but no JSON-RPC 2.0 answer). The daemon
 * is trusted more than its clients: only depth and size are limited. */
int rpc_reply_parse(struct bytes line, struct rpc_reply *ret);
void rpc_reply_deinit(struct rpc_reply *r);

#endif
