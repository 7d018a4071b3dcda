/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h: the one table of commands. Help, completion, the reference in the docs and the
 * parser come from it; a command that is not in it does not exist. */
#ifndef P2POS_CLI_COMMANDS_H
#define P2POS_CLI_COMMANDS_H

#include <stdbool.h>

#include "cli/cli.h"

#define CLI_EXAMPLES 2

struct cli_option {
	const char *name;  /* without the dashes; NULL ends a list */
	const char *value; /* NULL: none; "DIR": needed; "=60s": may follow after '=' */
	const char *about;
	char letter;       /* 0: none */
	bool repeats;
};

struct cli_command {
	const char *words;       /* "member approve" */
	const char *args;        /* as help shows them: "ID...", "" for none */
	int args_min, args_max;
	const char *method;      /* the RPC method behind it; NULL: needs no daemon */
	const char *about;       /* one sentence, without its full stop */
	const char *examples[CLI_EXAMPLES];
	const char *next;        /* what people mostly do after it; placeholders in capitals */
	struct cli_option options[CLI_OPTIONS_MAX];
	int (*run)(struct cli *c); /* returns the exit code */
};

extern const struct cli_option cli_global_options[];

/* The commands in the order of help; NULL past the end. */
const struct cli_command *cli_command_at(unsigned index);

/* By one or two words (`second` may be NULL or an argument). NULL when there is none. */
const struct cli_command *cli_command_find(const char *first, const char *second);

/* True when `noun` begins some command of two words. */
bool cli_is_noun(const char *noun);

#endif
