/* SPDX-License-Identifier: Apache-2.0 */
/* p2posd: arguments, configuration, node, exit code. */
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/io/clocks.h"
#include "daemon/io/rng_sodium.h"
#include "daemon/node.h"
#include "daemon/sys/handover.h"
#include "daemon/sys/log.h"
#include "daemon/sys/memory.h"
#include "daemon/sys/notify.h"
#include "daemon/sys/privs.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define CONFIG_DEFAULT "/etc/p2pos/config.json"
#define STATE_DEFAULT  "/var/lib/p2pos"
#define SOCKET_DEFAULT "/run/p2pos/p2posd.sock"

struct arguments {
	const char *config, *data_dir, *socket;
	bool check;
	enum log_sink sink;
	bool sink_given;
};

static const char usage[] =
	"usage: p2posd [--config FILE] [--data-dir DIR] [--socket PATH] [--check]\n"
	"              [--log-format text|json] [--version] [--help]\n\n"
	"  --config FILE      configuration (default " CONFIG_DEFAULT ", or DIR/config.json)\n"
	"  --data-dir DIR     keep everything in DIR: config.json, node.key, p2pos.db, p2posd.sock\n"
	"  --socket PATH      control socket (default " SOCKET_DEFAULT ", or DIR/p2posd.sock)\n"
	"  --check            check the configuration and end: 0 when it is good, 78 when not\n"
	"  --log-format FORM  text or json (default: the journal under systemd, else text)\n\n"
	"Runs in the foreground and logs to stderr. Ask it with p2posctl.\n";

/* -1: go on. */
static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"data-dir", required_argument, NULL, 'd'},
		{"socket", required_argument, NULL, 's'}, {"check", no_argument, NULL, 'k'},
		{"log-format", required_argument, NULL, 'l'}, {"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'}, {0},
	};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'c': a->config = optarg; break;
		case 'd': a->data_dir = optarg; break;
		case 's': a->socket = optarg; break;
		case 'k': a->check = true; break;
		case 'l':
			a->sink = strcmp(optarg, "json") == 0 ? LOG_JSON : LOG_TEXT;
			a->sink_given = true;
			if (strcmp(optarg, "json") != 0 && strcmp(optarg, "text") != 0) {
				fprintf(stderr, "p2posd: --log-format is text or json, not '%s'\n", optarg);
				return NODE_EXIT_USAGE;
			}
			break;
		case 'v': printf("p2posd %s\n", P2POS_VERSION); return NODE_EXIT_OK;
		case 'h': fputs(usage, stdout); return NODE_EXIT_OK;
		default: fputs(usage, stderr); return NODE_EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "p2posd: one word too many: '%s'\n", argv[optind]);
		return NODE_EXIT_USAGE;
	}
	return -1;
}

static char *joined(const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path = xmalloc(size);

	snprintf(path, size, "%s/%s", dir, name);
	return path;
}

static char *choose(const char *given, const char *dir, const char *name, const char *fallback)
{
	if (given)
		return xstrdup(given);
	return dir ? joined(dir, name) : xstrdup(fallback);
}

static void print_faults(const struct config_report *r, const char *path)
{
	struct buf line = BUF_INIT;

	for (unsigned i = 0; i < r->count; i++) {
		buf_reset(&line);
		(void)config_fault_text(&r->faults[i], &line);
		fprintf(stderr, "p2posd: %s: %s: %s\n", path, r->faults[i].is_error ? "error" : "warning",
			buf_cstr(&line));
	}
	buf_deinit(&line);
}

/* 0, or an exit code after it said why. A missing file is made, with the defaults. */
static int load_config(const char *path, bool check_only, struct config *cfg)
{
	struct config_report *report = xcalloc(1, sizeof(*report));
	int err = config_load(path, cfg, report), code = 0;

	if (err == P2P_ERR_NOT_FOUND && !check_only) {
		err = config_create(path);
		if (!err)
			log_info("CONFIG", "config_created", kv_text("path", path));
		else
			fprintf(stderr, "p2posd: there is no %s, and it cannot be made: %s\n", path, err_text(err));
		if (!err)
			err = config_load(path, cfg, report);
	} else if (err == P2P_ERR_NOT_FOUND) {
		fprintf(stderr, "p2posd: there is no %s\n", path);
	}
	if (err || check_only || report->warnings)
		print_faults(report, path);
	if (err)
		code = NODE_EXIT_CONFIG;
	free(report);
	return code;
}

static void open_log(const struct arguments *a, const struct config *cfg)
{
	struct log_opts opts = {.sink = a->sink, .fd = 2, .mono = clock_mono, .wall = clock_wall};

	if (!a->sink_given && cfg->log.format != LOG_FORMAT_AUTO)
		opts.sink = cfg->log.format == LOG_FORMAT_JSON ? LOG_JSON : LOG_TEXT;
	log_open(&opts);
	(void)log_set_level(NULL, cfg->log.level); /* NULL is always known */
}

static int start(const struct arguments *a)
{
	const char *state = getenv("STATE_DIRECTORY"), *env = getenv("P2POS_CONFIG");
	/* It may hold the node's key: locked in memory, left out of dumps, wiped when freed. */
	struct config *cfg = sodium_malloc(sizeof(*cfg));
	char *config = choose(a->config ? a->config : env, a->data_dir, "config.json", CONFIG_DEFAULT);
	char *data = xstrdup(a->data_dir ? a->data_dir : state && *state ? state : STATE_DEFAULT);
	char *socket = choose(a->socket, a->data_dir, "p2posd.sock", SOCKET_DEFAULT);
	struct node_paths paths = {config, data, socket, a->data_dir == NULL};
	int code;

	if (!cfg) {
		fprintf(stderr, "p2posd: out of memory\n");
		code = NODE_EXIT_SOFTWARE;
		goto out;
	}
	config_init(cfg);
	/* A directory of one's own is made; that of the service is systemd's business. */
	if (a->data_dir)
		(void)mkdir(data, 0700);
	code = load_config(config, a->check, cfg);
	if (!code && a->check) {
		printf("%s: ok\n", config);
	} else if (!code) {
		open_log(a, cfg);
		(void)notify_open(); /* without systemd there is nobody to tell */
		(void)handover_open();
		code = node_run(&paths, cfg);
		handover_close();
		notify_close();
		log_close();
	}
	sodium_free(cfg);
out:
	free(config);
	free(data);
	free(socket);
	return code;
}

int main(int argc, char **argv)
{
	struct arguments a = {.sink = LOG_AUTO};
	int code = parse(argc, argv, &a);

	if (code >= 0)
		return code;
	(void)privs_apply();
	memory_share();
	if (rng_system_init()) {
		fprintf(stderr, "p2posd: the kernel gives no randomness; not starting\n");
		return NODE_EXIT_SOFTWARE;
	}
	return start(&a);
}
