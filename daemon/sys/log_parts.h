/* SPDX-License-Identifier: Apache-2.0 */
/* log_parts.h: the pieces that log.c puts together: forms, sinks, flood buckets. For log*.c only. */
#ifndef P2POS_SYS_LOG_PARTS_H
#define P2POS_SYS_LOG_PARTS_H

#include "daemon/sys/log.h"

/* ---- forms (log_format.c) ---- */

#define LOG_TEXT_BYTES_MAX 1024 /* of one of our own texts; the rest is cut */
#define LOG_RENDER_MAX     (LOG_TEXT_BYTES_MAX * 4 + 8) /* a value with every byte escaped */

struct log_record {
	enum log_level level;
	const char *module, *action, *func;
	const char *message_id; /* "" = none */
	wall_t at;              /* WALL_ZERO = no clock */
	size_t count;
	const struct kv *kvs[LOG_KEYS_MAX]; /* sorted by key */
};

/* Each appends one line without newline. A line that would pass LOG_LINE_BYTES_MAX is cut. */
void log_form_text(struct buf *out, const struct log_record *r);
void log_form_json(struct buf *out, const struct log_record *r);
/* The journal's native fields, of which `text` becomes MESSAGE. */
void log_form_journal(struct buf *out, const struct log_record *r, const char *text);

/* The plain value of a pair ("12D3KooW…"), appended; nothing is quoted or escaped. */
void log_value(struct buf *out, const struct kv *kv);

/* syslog priority of a level. */
int log_priority(enum log_level level);

/* ---- sinks (log_sink.c) ---- */

/* Decides LOG_AUTO from the environment and the stream. */
enum log_sink log_sink_detect(int fd, const char *journal);
/* Writes a line and its newline without waiting; false = the stream did not take it whole. */
bool log_sink_stream(int fd, struct bytes line);
/* Sends one datagram to the journal; false = not taken. */
bool log_sink_journal(const char *journal, struct bytes fields);
void log_sink_close(void);

/* ---- flood buckets (log_flood.c) ---- */

#define LOG_FLOOD_WINDOW_MS    60000 /* one line a window of each (action, peer, reason) */
#define LOG_FLOOD_BUCKETS      256   /* when all are in use the oldest is told and reused */
#define LOG_FLOOD_ACTION_LINES 120   /* of one action a window, whatever peer and reason */
#define LOG_FLOOD_TEXT_SIZE    64

/* What was held back, to be told in one line. */
struct log_flood_due {
	uint64_t suppressed; /* 0 = nothing to tell */
	enum log_level level;
	const char *module, *action;
	char peer[LOG_FLOOD_TEXT_SIZE], reason[LOG_FLOOD_TEXT_SIZE];
};

/* Whether this line may be printed now. If so, `ret_suppressed` says how many like it were held
 * back before. `ret_due` is what an evicted bucket still had to tell. */
bool log_flood_pass(const struct log_flood_due *line, mono_t now, uint64_t *ret_suppressed,
	struct log_flood_due *ret_due);
/* The next bucket whose window is over and that held lines back; false when there is none. */
bool log_flood_next_due(mono_t now, struct log_flood_due *ret);
/* When the next one will be. */
mono_t log_flood_deadline(void);
void log_flood_reset(void);

#endif
