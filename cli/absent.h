/* SPDX-License-Identifier: Apache-2.0 */
/* absent.h: why nobody answers at the socket: what the daemon left behind, and what can be seen from
 * outside. */
#ifndef P2POS_CLI_ABSENT_H
#define P2POS_CLI_ABSENT_H

#include "cli/cli.h"

#define ABSENT_CAUSE_SIZE 512

/* Writes the clause that names the cause (ABSENT_CAUSE_SIZE bytes), its word and what to do; both
 * static. */
void absent_find(struct cli *c, char *cause, const char **ret_word, const char **ret_hint);

/* Prints the error with the cause in its sentence. Returns CLI_UNAVAILABLE. */
int absent_explain(struct cli *c);

#endif
