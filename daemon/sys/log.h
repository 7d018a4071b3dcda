/* SPDX-License-Identifier: Apache-2.0 */
/* log.h: one event is one line (operator.md "Logs", features.md P-170, rule R-39).
 *
 *     log_info("MEMBERSHIP", "apply_snapshot", kv_uint("members", n), kv_peer("peer_id", &id));
 *     [MEMBERSHIP] action=apply_snapshot members=3 peer_id=12D3KooW…
 *
 * Keys come out sorted, values quoted where they need it and cut where they come from strangers.
 * Lines go to the journal with fields, to stderr as text or as JSON; a sink that does not take
 * them at once loses them, counted: the loop never waits (FM-45). The same (action, peer, reason)
 * more than once a minute is counted and told as suppressed=N, except for the actions that
 * log_actions.h marks as ALWAYS and for debug lines. All of it belongs to the loop's thread. */
#ifndef P2POS_SYS_LOG_H
#define P2POS_SYS_LOG_H

#include "config/log_level.h"
#include "proto/base/buf.h"
#include "proto/base/clock.h"
#include "proto/multi/peer_id.h"

#define LOG_LINE_BYTES_MAX  4000 /* a longer line is cut and ends in "..."; below PIPE_BUF */
#define LOG_VALUE_BYTES_MAX 128  /* of a stranger's text (kv_bytes); the rest is cut */
#define LOG_KEYS_MAX        16   /* pairs a line; further ones are dropped */

enum kv_kind { KV_TEXT, KV_BYTES, KV_PEER, KV_INT, KV_UINT, KV_DOUBLE, KV_BOOL, KV_WALL, KV_ERR };

/* One key and its value. Borrowed until the log call returns. */
struct kv {
	const char *key; /* [a-z0-9_]+ */
	enum kv_kind kind;
	union {
		const char *text;
		struct bytes bytes;
		const struct peer_id *peer;
		int64_t i;
		uint64_t u;
		double d;
		bool b;
		wall_t wall;
		int err;
	};
};

/* clang-format off */
/* Text of our own (NULL prints as ""). */
static inline struct kv kv_text(const char *key, const char *text)
{ return (struct kv){key, KV_TEXT, {.text = text}}; }
/* Text of a stranger: cut at LOG_VALUE_BYTES_MAX, everything odd escaped. */
static inline struct kv kv_bytes(const char *key, struct bytes text)
{ return (struct kv){key, KV_BYTES, {.bytes = text}}; }
static inline struct kv kv_peer(const char *key, const struct peer_id *peer)
{ return (struct kv){key, KV_PEER, {.peer = peer}}; }
static inline struct kv kv_int(const char *key, int64_t v)
{ return (struct kv){key, KV_INT, {.i = v}}; }
static inline struct kv kv_uint(const char *key, uint64_t v)
{ return (struct kv){key, KV_UINT, {.u = v}}; }
/* Up to three digits behind the point, zeros trimmed. */
static inline struct kv kv_double(const char *key, double v)
{ return (struct kv){key, KV_DOUBLE, {.d = v}}; }
static inline struct kv kv_bool(const char *key, bool v)
{ return (struct kv){key, KV_BOOL, {.b = v}}; }
static inline struct kv kv_wall(const char *key, wall_t v)
{ return (struct kv){key, KV_WALL, {.wall = v}}; }
/* The name of a result code ("timeout"). */
static inline struct kv kv_err(const char *key, int err)
{ return (struct kv){key, KV_ERR, {.err = err}}; }
/* clang-format on */

/* LOG(level, module, action, kv…): module and action are literals; the values are computed only
 * when the line will be printed. */
#define LOG(level, module, action, ...)                                                            \
	do {                                                                                       \
		if (log_is_on(level, module))                                                      \
			log_event(level, module, action, __func__,                                 \
				(const struct kv[]){{0}, ##__VA_ARGS__},                           \
				sizeof((const struct kv[]){{0}, ##__VA_ARGS__}) /                  \
					sizeof(struct kv));                                        \
	} while (0)
#define log_error(module, action, ...) LOG(LEVEL_ERROR, module, action, ##__VA_ARGS__)
#define log_warn(module, action, ...)  LOG(LEVEL_WARN, module, action, ##__VA_ARGS__)
#define log_info(module, action, ...)  LOG(LEVEL_INFO, module, action, ##__VA_ARGS__)
#define log_debug(module, action, ...) LOG(LEVEL_DEBUG, module, action, ##__VA_ARGS__)

/* Behind the macros: `kvs` begins with one empty entry, and `count` includes it. */
void log_event(enum log_level level, const char *module, const char *action, const char *func,
	const struct kv *kvs, size_t count);
bool log_is_on(enum log_level level, const char *module);

/* Where lines go. */
enum log_sink {
	LOG_AUTO,    /* the journal if stderr is its stream, "<N>" prefixes if systemd only
		        started us, plain text otherwise */
	LOG_TEXT,    /* stderr, plain */
	LOG_PREFIX,  /* stderr, "<N>" of the priority in front */
	LOG_JSON,    /* stderr, one JSON object a line */
	LOG_JOURNAL, /* native journal socket */
};

struct log_opts {
	enum log_sink sink;
	int fd;                           /* the stream; 2 */
	const char *journal;              /* socket path; NULL = the system's */
	mono_t (*mono)(void);             /* for the flood rule; NULL = it is off */
	wall_t (*wall)(void);             /* time of JSON and published lines; NULL = none */
};

/* Before it, lines go to stderr as text at level info. May be called again. */
void log_open(const struct log_opts *opts);
void log_close(void);

/* The sink that LOG_AUTO came to. */
enum log_sink log_sink_in_use(void);

/* One module's level; NULL = all of them, now and later. Names match in either case.
 * P2P_ERR_NOT_FOUND for a module that log_actions.h does not list. */
int log_set_level(const char *module, enum log_level level);
/* P2P_ERR_NOT_FOUND as above; NULL gives the level of modules that were not set by name. */
int log_get_level(const char *module, enum log_level *ret);
/* The modules, for `log level`: the i-th name, NULL past the end. */
const char *log_module(size_t i);

/* A field that every line carries in the journal and in JSON ("cluster_id"); copied. */
void log_set_cluster(const char *cluster_id);

/* A printed line, for `log tail`. Borrowed during the call. */
struct log_line {
	enum log_level level;
	const char *module, *action;
	const char *text; /* as in the text form, without newline */
	wall_t at;        /* WALL_ZERO without a clock */
};

/* At most one listener; NULL ends it. Lines that it logs itself are not told to it. */
void log_set_listener(void (*on_line)(void *arg, const struct log_line *line), void *arg);

/* Tells what was suppressed in buckets whose minute is over; call it every few seconds, the
 * result is when there will be something to do (MONO_NEVER = nothing suppressed). */
mono_t log_tick(mono_t now);

struct log_counts {
	uint64_t lines[LEVEL_DEBUG + 1]; /* printed, by level */
	uint64_t suppressed;             /* by the flood rule */
	uint64_t lost;                   /* the sink did not take them */
};
struct log_counts log_counts(void);

#endif
