/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h: one run of p2posctl: what was asked for, and how it may be answered. */
#ifndef P2POS_CLI_CLI_H
#define P2POS_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/clock.h"
#include "proto/base/rng.h"

/* Exit codes (operator.md, "Exit codes"); sysexits where they have one. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_UNCONFIGURED = 2, /* `health` alone */
	CLI_USAGE = 64,
	CLI_DATAERR = 65,
	CLI_NOINPUT = 66,
	CLI_UNAVAILABLE = 69,
	CLI_SOFTWARE = 70,
	CLI_CANTCREAT = 73,
	CLI_IOERR = 74,
	CLI_TEMPFAIL = 75,
	CLI_PROTOCOL = 76,
	CLI_NOPERM = 77,
	CLI_CONFIG = 78,
};

#define CLI_SOCKET_DEFAULT "/run/p2pos/p2posd.sock"
#define CLI_CONFIG_DEFAULT "/etc/p2pos/config.json"
#define CLI_STATE_DEFAULT  "/var/lib/p2pos"
#define CLI_ARGS_MAX       16640 /* words after the command: every member of the largest cluster */
#define CLI_OPTIONS_MAX    12    /* options of one command */
#define CLI_REPEATS_MAX    8     /* of one option that may be given again */

struct cli_command;
struct rpc_client;

enum cli_color { CLI_COLOR_AUTO, CLI_COLOR_ALWAYS, CLI_COLOR_NEVER };

struct cli {
	/* Global options. */
	bool json;
	bool quiet;
	bool verbose;
	bool yes;
	bool no_input;
	const char *field;   /* NULL, or the path of the one value to print */
	const char *socket;  /* where the daemon listens */
	int64_t timeout_ms;  /* of one call; 0: each command's own */
	int64_t wait_ms;     /* for the daemon to answer; 0: not at all */
	enum cli_color color;

	/* The command and what follows it. */
	const struct cli_command *command;
	int argc;
	char **argv; /* words that are no options; borrowed from main() */
	const char *values[CLI_OPTIONS_MAX][CLI_REPEATS_MAX]; /* of command->options, in its order */

	struct rpc_client *client; /* NULL until the first call */
	struct rng *rng;
	bool tty; /* standard output is a terminal */
};

/* The value of an option of the command: NULL when it was not given, "" for one without a value.
 * `name` must be one of the command's. */
const char *cli_value(const struct cli *c, const char *name);
/* The n-th value of an option that may be given again, NULL past the last. */
const char *cli_value_at(const struct cli *c, const char *name, int n);
static inline bool cli_given(const struct cli *c, const char *name)
{
	return cli_value(c, name) != NULL;
}

/* Reads the command line into `c`. 0, or an exit code after the message was printed;
 * -1 when help was asked for and shown. */
int cli_parse(struct cli *c, int argc, char **argv);

/* UTC, now. */
wall_t cli_now(void);

/* Milliseconds on a clock that does not jump. */
int64_t cli_clock_ms(void);

/* Waits; for asking again a little later. */
void cli_pause_ms(int ms);

/* "500ms", "30s", "5m", "2h", "365d"; a bare number counts seconds. P2P_ERR_INVALID. */
int cli_duration_ms(const char *text, int64_t *ret_ms);

/* "64MiB", "1GiB", "10KiB", "100B"; a bare number counts bytes. P2P_ERR_INVALID. */
int cli_bytes(const char *text, int64_t *ret_bytes);

#endif
