/* SPDX-License-Identifier: Apache-2.0 */
/* p2posctl: parses the command line, runs one command, ends with its exit code. */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/out.h"
#include "cli/rpc.h"

static void fill_random(struct rng *r, void *out, size_t len)
{
	(void)r; /* the kernel's generator has no state of ours */
	randombytes_buf(out, len);
}

/* GnuTLS comes along with proto/conn and is not used here; its set-up, which it would do before main(),
 * takes longer than everything that most commands do. This is how it is told to leave that. */
int _gnutls_global_init_skip(void);
int _gnutls_global_init_skip(void)
{
	return 1;
}

int main(int argc, char **argv)
{
	struct rng rng = {fill_random};
	struct cli c = {.rng = &rng, .tty = isatty(STDOUT_FILENO)};
	int code;

	if (sodium_init() < 0) {
		fprintf(stderr, "p2posctl: no source of randomness\n");
		return CLI_SOFTWARE;
	}
	/* Ending in the middle of a change because nobody reads would be worse than printing in vain. */
	signal(SIGPIPE, SIG_IGN);
	/* Files made here hold keys more often than not. */
	umask(077);
	code = cli_parse(&c, argc, argv);
	if (code == 0)
		code = c.command->run(&c);
	rpc_close(&c);
	return out_finish(code < 0 ? CLI_OK : code);
}
