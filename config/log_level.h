/* SPDX-License-Identifier: Apache-2.0 */
/* log_level.h: how much a module says. The configuration names it, the log obeys it. */
#ifndef P2POS_CONFIG_LOG_LEVEL_H
#define P2POS_CONFIG_LOG_LEVEL_H

/* Not named LOG_…: <syslog.h> has macros of those names. */
enum log_level {
	LEVEL_ERROR, /* something that an operator must repair */
	LEVEL_WARN,  /* refused, lost or degraded; the node goes on */
	LEVEL_INFO,  /* what happened; the default */
	LEVEL_DEBUG, /* every step; never flood-limited, so not for always */
};

#define LOG_LEVEL_WORDS "error|warn|info|debug"

#endif
