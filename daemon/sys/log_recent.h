/* SPDX-License-Identifier: Apache-2.0 */
/* log_recent.h: the newest lines of the log once more in memory, for `p2posctl log tail`. */
#ifndef P2POS_SYS_LOG_RECENT_H
#define P2POS_SYS_LOG_RECENT_H

#include "daemon/sys/log.h"

#define LOG_RECENT_LINES 256  /* older ones go */
#define LOG_RECENT_BYTES 1024 /* of one line; a longer one is cut */

/* Keeps a copy. `module` and `action` are static. */
void log_recent_put(const struct log_line *line);

/* The i-th of `wanted` newest lines, oldest of them first; false past the end. The text is borrowed
 * until the next line. */
bool log_recent_at(size_t wanted, size_t i, struct log_line *ret);

void log_recent_clear(void);

#endif
