/* SPDX-License-Identifier: Apache-2.0 */
/* status.h: who has seen whom, and how several views become one (p2pos.md section 3.4;
 * features.md P-091 to P-099).
 *
 * Request {"scope":"local"|"cluster"}. Answer {"generated_at","peers":[RECORD…],"error"} with
 * records {"peer_id","last_remote_addr","last_seen_at","reachability","observed_by"} and, where
 * there is something to say, "addrs":[…], "skewed":true, and in the answer "incomplete":[peer…]
 * and "truncated":true. Records are hearsay: shown, never counted as evidence (reliability.md
 * TA-4). */
#ifndef P2POS_P2POS_STATUS_H
#define P2POS_P2POS_STATUS_H

#include "proto/base/clock.h"
#include "proto/base/jsonscan.h"
#include "proto/multi/peer_id.h"

#define STATUS_REQUEST_LIMITS    ((struct json_limits){256, 8, 256})
#define STATUS_BYTES_MAX         (4 * 1024 * 1024)
#define STATUS_LIMITS            ((struct json_limits){STATUS_BYTES_MAX, 128 * 1024, 4096})
#define STATUS_RECORDS_MAX       16384 /* adding more is refused; read ones beyond are skipped */
#define STATUS_INCOMPLETE_MAX    256   /* members named as silent; further ones are dropped */
#define STATUS_ADDRS_MAX         8     /* P-095; further ones are dropped */
#define STATUS_ADDR_TEXT_MAX     256   /* a longer address is dropped */
#define STATUS_ERROR_SIZE        256   /* a longer error text is cut */
#define STATUS_FUTURE_SEC        300   /* a last_seen_at further ahead is set to now (P-097) */
#define STATUS_ERR_UNCONFIGURED  "node is unconfigured"

enum status_scope { STATUS_LOCAL = 0, STATUS_CLUSTER };

/* Never fails: missing, empty, unreadable and unknown all mean local (P-091). */
enum status_scope status_request_parse(struct bytes json);
int status_request_print(struct buf *out, enum status_scope scope);

struct status_record {
	struct peer_id peer;
	char *last_remote_addr; /* multiaddr text, "" or NULL when unknown */
	wall_t last_seen_at;    /* WALL_ZERO: never */
	bool online;            /* counted in k by the observer */
	bool skewed;            /* last_seen_at was ahead of the reader's clock and has been cut */
	struct peer_id observed_by;
	size_t addr_count;
	char *addrs[STATUS_ADDRS_MAX]; /* hints where to find it, public ones first */
};

/* An answer, or a view that is being put together. Zero is empty; it owns its records and their
 * texts. */
struct status_answer {
	wall_t generated_at;
	size_t count, cap;
	struct status_record *records; /* by peer ID, each peer once */
	char error[STATUS_ERROR_SIZE]; /* "" = none */
	size_t incomplete_count, incomplete_cap;
	struct peer_id *incomplete;    /* members that were asked and did not answer (P-096) */
	size_t skipped;                /* records read that were not well-formed */
	bool truncated;                /* the sender had more than fits */
};

void status_answer_deinit(struct status_answer *a);

/* Puts in a copy of `r`, at its place; a record of the same peer is replaced if `r` prevails: the
 * later last_seen_at, at the same instant the lower observed_by, so that the order in which views
 * arrive does not matter. P2P_ERR_FULL, P2P_ERR_INVALID (no peer). */
int status_answer_put(struct status_answer *a, const struct status_record *r);

/* Notes a member that did not answer in time. One already noted, and any beyond
 * STATUS_INCOMPLETE_MAX, is dropped. */
void status_answer_incomplete(struct status_answer *a, const struct peer_id *peer);

struct status_merge_rules {
	wall_t now;
	/* Records about peers for whom this is false are dropped. */
	bool (*is_member)(const void *who_knows, const struct peer_id *peer);
	const void *who_knows;
};

/* Merges the answer of another node into a view (P-097): the later last_seen_at of a peer wins,
 * records about non-members are dropped, times ahead of now + STATUS_FUTURE_SEC become now and are
 * marked. What the answer says of itself (error, incomplete) stays out. */
void status_merge(struct status_answer *into, const struct status_answer *from,
	const struct status_merge_rules *rules);

/* Appends the answer with its newline. `with_addrs` only for members (P-095). When it would pass
 * STATUS_BYTES_MAX it is written without addresses, then with as many records as fit and
 * "truncated":true. P2P_ERR_TOO_LARGE only from `out` itself. */
int status_answer_print(struct buf *out, const struct status_answer *a, bool with_addrs);

/* P2P_ERR_JSON, P2P_ERR_TRUNCATED, P2P_ERR_TOO_LARGE, P2P_ERR_INVALID. Records that are not
 * well-formed are skipped alone and counted. */
int status_answer_parse(struct bytes json, struct status_answer *ret);

#endif
