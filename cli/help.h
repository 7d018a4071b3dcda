/* SPDX-License-Identifier: Apache-2.0 */
/* help.h: help, "did you mean" and the reference, all out of the table of commands. */
#ifndef P2POS_CLI_HELP_H
#define P2POS_CLI_HELP_H

#include "cli/commands.h"

/* Prints the help of a command; of a noun when `cmd` is NULL and `noun` is one; else of all. */
void help_show(const struct cli_command *cmd, const char *noun);

/* Says that there is no such command, and the nearest one. Returns CLI_USAGE. */
int help_unknown(struct cli *c, const char *first, const char *second);

/* Prints the whole table as Markdown, for docs/p2posctl.md. */
void help_reference(void);

#endif
