/* SPDX-License-Identifier: Apache-2.0 */
/* p2pos-state: lets systemd follow the state of the node (packaging/README.md, "The state drives
 * systemd").
 *
 * The daemon may not touch units, and neither does this: it keeps files in a directory, and units
 * watch those. It needs the control socket, its directory, and no right of any kind. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli/state/hold.h"
#include "cli/state/watch.h"
#include "proto/base/err.h"

#define SOCKET_DEFAULT  "/run/p2pos/p2posd.sock"
#define DIR_DEFAULT     "/run/p2pos-state"
#define UP_AFTER_SEC    5    /* so long better before it counts */
#define DOWN_AFTER_SEC  0    /* a lost quorum counts at once */
#define AFTER_SEC_MAX   3600
#define PATH_BYTES_MAX  (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

enum { EXIT_OK = 0, EXIT_USAGE = 64, EXIT_CANTCREAT = 73, EXIT_IOERR = 74 };

struct arguments {
	const char *socket, *dir, *hold;
	long up_sec, down_sec;
};

static const char usage[] =
	"usage: p2pos-state [--socket PATH] [--dir DIR] [--up-after SECONDS] [--down-after SECONDS]\n"
	"       p2pos-state --hold FILE\n\n"
	"Keeps files in DIR (default " DIR_DEFAULT ") that say what state the node of this machine is\n"
	"in: unconfigured, degraded or healthy, and configured. With --hold: waits until FILE is gone.\n\n"
	"  --socket PATH         control socket (default " SOCKET_DEFAULT ")\n"
	"  --up-after SECONDS    a better state counts after it has lasted so long (default 5)\n"
	"  --down-after SECONDS  a worse one so long after the better one was left (default 0)\n\n"
	"p2pos-state.service runs it; see the README of the package.\n";

static int parse_seconds(const char *name, const char *text, long *ret)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 0 || n > AFTER_SEC_MAX) {
		fprintf(stderr, "p2pos-state: --%s is a number of seconds from 0 to %d, not '%s'\n", name,
			AFTER_SEC_MAX, text);
		return EXIT_USAGE;
	}
	*ret = n;
	return 0;
}

/* -1: go on. */
static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'}, {"dir", required_argument, NULL, 'd'},
		{"up-after", required_argument, NULL, 'u'}, {"down-after", required_argument, NULL, 'o'},
		{"hold", required_argument, NULL, 'k'}, {"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'}, {0},
	};
	int o, bad = 0;

	while (!bad && (o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 's': a->socket = optarg; break;
		case 'd': a->dir = optarg; break;
		case 'u': bad = parse_seconds("up-after", optarg, &a->up_sec); break;
		case 'o': bad = parse_seconds("down-after", optarg, &a->down_sec); break;
		case 'k': a->hold = optarg; break;
		case 'v': printf("p2pos-state %s\n", P2POS_VERSION); return EXIT_OK;
		case 'h': fputs(usage, stdout); return EXIT_OK;
		default: fputs(usage, stderr); return EXIT_USAGE;
		}
	}
	if (!bad && optind < argc) {
		fprintf(stderr, "p2pos-state: one word too many: '%s'\n", argv[optind]);
		bad = EXIT_USAGE;
	}
	if (!bad && strlen(a->socket) > PATH_BYTES_MAX) {
		fprintf(stderr, "p2pos-state: the path of the socket is too long: %s\n", a->socket);
		bad = EXIT_USAGE;
	}
	return bad ? bad : -1;
}

/* On the clock that goes on while the machine sleeps, as the daemon's. */
static mono_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (mono_t){t.tv_sec * NS_PER_SEC + t.tv_nsec};
}

static int signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int wait_ms(mono_t due, mono_t now)
{
	int64_t ms = mono_since_ns(due, now) / NS_PER_MS + 1; /* rounded up: not too early */

	return ms > AFTER_SEC_MAX * 1000 ? AFTER_SEC_MAX * 1000 : (int)ms;
}

static int tell(const char *dir, enum state_word from, const struct state_report *r)
{
	printf("%s -> %s%s%s\n", state_word_text(from), state_word_text(r->state), r->reason[0] ? ": " : "",
		r->reason);
	fflush(stdout);
	if (marks_set(dir, from, r) == 0)
		return 0;
	fprintf(stderr, "p2pos-state: cannot write to %s: %s\n", dir, strerror(errno));
	return EXIT_IOERR;
}

static int follow(const struct arguments *a, int signal_fd)
{
	struct watch w;
	struct settle s;
	int code = 0;

	watch_init(&w, a->socket);
	settle_init(&s, a->up_sec * 1000, a->down_sec * 1000);
	while (!code) {
		struct pollfd p[2] = {{.fd = signal_fd, .events = POLLIN}, {.events = POLLIN}};
		enum state_word before = s.settled;
		mono_t now = clock_now();

		watch_turn(&w, now);
		settle_hear(&s, w.report.state, now);
		if (settle_tick(&s, now))
			code = tell(a->dir, before, &w.report);
		p[1].fd = w.fd; /* negative: poll() leaves it out */
		if (code || (poll(p, 2, wait_ms(mono_min(w.due, settle_deadline(&s)), now)) > 0 && p[0].revents))
			break;
	}
	watch_deinit(&w);
	return code;
}

static int run(const struct arguments *a)
{
	int signal_fd, code;

	if (mkdir(a->dir, 0755) != 0 && errno != EEXIST) {
		fprintf(stderr, "p2pos-state: cannot make %s: %s\n", a->dir, strerror(errno));
		return EXIT_CANTCREAT;
	}
	if (marks_clear(a->dir)) {
		fprintf(stderr, "p2pos-state: cannot write to %s: %s\n", a->dir, strerror(errno));
		return EXIT_CANTCREAT;
	}
	signal_fd = signals();
	if (signal_fd < 0)
		return EXIT_IOERR;
	code = follow(a, signal_fd);
	/* Whoever follows the state must not take a stale one for it. */
	if (marks_clear(a->dir) && !code)
		code = EXIT_IOERR;
	close(signal_fd);
	return code;
}

int main(int argc, char **argv)
{
	struct arguments a = {.socket = SOCKET_DEFAULT, .dir = DIR_DEFAULT, .up_sec = UP_AFTER_SEC,
		.down_sec = DOWN_AFTER_SEC};
	int code = parse(argc, argv, &a);

	if (code >= 0)
		return code;
	if (!a.hold)
		return run(&a);
	if (hold_while_there(a.hold) == 0)
		return EXIT_OK;
	fprintf(stderr, "p2pos-state: cannot watch %s: %s\n", a.hold, strerror(errno));
	return EXIT_IOERR;
}
