/* SPDX-License-Identifier: Apache-2.0 */
/* report.h: what was found wrong with a configuration, each fault with its place.
 *
 * One parse collects every fault it meets, so that an operator repairs a file in one go. */
#ifndef P2POS_CONFIG_REPORT_H
#define P2POS_CONFIG_REPORT_H

#include "proto/base/buf.h"

#define CONFIG_FAULTS_MAX    32  /* further ones are counted, not kept */
#define CONFIG_POINTER_SIZE  128 /* a longer JSON pointer is cut */
#define CONFIG_MESSAGE_SIZE  256 /* a longer message is cut */

struct config_fault {
	bool is_error;                     /* false: a warning, the file is still good */
	int line, column;                  /* from 1; 0 = not known (only bad JSON has them) */
	char pointer[CONFIG_POINTER_SIZE]; /* JSON pointer, "/auto_tls/port"; "" = the whole file */
	char message[CONFIG_MESSAGE_SIZE]; /* one sentence without a full stop, printable ASCII */
};

struct config_report {
	unsigned errors, warnings; /* all of them, also those beyond the maximum */
	unsigned count;            /* faults kept */
	struct config_fault faults[CONFIG_FAULTS_MAX];
};

/* Each notes one fault. The text may quote a stranger's: what is not printable is escaped. */
void config_error(struct config_report *r, const char *pointer, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void config_warning(struct config_report *r, const char *pointer, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* One line for people, without newline: "line 3, column 7: …" or "/auto_tls/port: …". */
int config_fault_text(const struct config_fault *f, struct buf *out);

#endif
