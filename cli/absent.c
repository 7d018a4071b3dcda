/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/absent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/out.h"
#include "cli/place.h"
#include "cli/rpc.h"
#include "cli/secret.h"
#include "config/config.h"
#include "config/file.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/rfc3339.h"
#include "proto/base/text.h"

#define WORDS_BYTES_MAX 1024
#define DISK_BYTES_LEAST (1024 * 1024) /* the daemon needs some room to start */

struct absent {
	struct cli *c;
	char *dir, *config; /* of the node that should answer there */
	char cause[ABSENT_CAUSE_SIZE];
	const char *word, *hint;
};

/* A node of its own has all its files beside its socket. */
static void locate(struct absent *a)
{
	const char *path = rpc_socket_path(a->c), *slash = strrchr(path, '/');
	char *dir = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	char *config = secret_path(dir, "config.json");

	if (access(config, F_OK) == 0) {
		a->dir = dir;
		a->config = config;
		return;
	}
	free(dir);
	free(config);
	a->dir = xstrdup(CLI_STATE_DEFAULT);
	a->config = xstrdup(CLI_CONFIG_DEFAULT);
}

static bool found(struct absent *a, const char *word, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static bool found(struct absent *a, const char *word, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->cause, sizeof(a->cause), fmt, ap);
	va_end(ap);
	a->word = word;
	a->hint = hint;
	return true;
}

static bool config_is_bad(struct absent *a)
{
	struct config_report *r = xcalloc(1, sizeof(*r));
	struct config *cfg = xcalloc(1, sizeof(*cfg));
	int err;
	bool bad;

	config_init(cfg);
	err = config_load(a->config, cfg, r);
	config_deinit(cfg);
	free(cfg);
	bad = err == P2P_ERR_CONFIG || err == P2P_ERR_NOT_FOUND;
	if (err == P2P_ERR_NOT_FOUND)
		found(a, "no_config", "p2posctl init makes a new cluster, p2posctl join joins one",
			"there is no configuration (%s)", a->config);
	else if (bad)
		found(a, "config_invalid", "p2posctl config check names each fault", "%s is not valid: %s", a->config,
			r->count ? r->faults[0].message : "not usable");
	free(r);
	return bad;
}

/* The file system first: where it takes nothing, the daemon could leave no word about it. */
static bool disk_is_bad(struct absent *a)
{
	char *db = secret_path(a->dir, "p2pos.db");
	struct statvfs fs;
	bool bad = false;

	if (statvfs(a->dir, &fs) == 0 && fs.f_flag & ST_RDONLY)
		bad = found(a, "database_read_only", "mount it writable, then start p2posd",
			"the database cannot be written: the file system of %s is read-only", a->dir);
	else if (statvfs(db, &fs) == 0 && fs.f_flag & ST_RDONLY)
		bad = found(a, "database_read_only", "mount it writable, then start p2posd",
			"the database %s is on a read-only file system", db);
	else if (statvfs(a->dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < DISK_BYTES_LEAST)
		bad = found(a, "disk_full", "make room there, then start p2posd",
			"the disk is full: nothing can be written to %s", a->dir);
	free(db);
	return bad;
}

static bool left_words(struct absent *a)
{
	char *path = secret_path(a->dir, "last-failure"), at[RFC3339_SIZE] = "";
	struct buf text = BUF_WITH_MAX(WORDS_BYTES_MAX);
	struct stat st;
	bool has = file_read(path, &text, NULL) == 0 && text.len > 0;

	if (has) {
		struct bytes line = text_trim(buf_bytes(&text));

		if (stat(path, &st) == 0)
			rfc3339_text((wall_t){st.st_mtim.tv_sec, 0}, at);
		found(a, "start_failed", "when that is cured, start it: systemctl start p2posd",
			"at its last start (%s) it failed: %.*s", at, (int)(line.len < 300 ? line.len : 300),
			(const char *)line.at);
	}
	buf_deinit(&text);
	free(path);
	return has;
}

/* It holds the lock of its directory as long as it lives, frozen or not. */
static bool holds_lock(struct absent *a)
{
	char *path = secret_path(a->dir, "p2pos.lock");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool held;

	free(path);
	if (fd < 0)
		return false;
	held = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held && found(a, "other_socket", "name its socket: --socket PATH, or P2POS_SOCKET",
			       "a p2posd runs with %s and answers at another socket", a->dir);
}

void absent_find(struct cli *c, char *cause, const char **ret_word, const char **ret_hint)
{
	struct absent a = {.c = c};

	locate(&a);
	if (!disk_is_bad(&a) && !left_words(&a) && !config_is_bad(&a) && !holds_lock(&a))
		found(&a, "stopped", "start it: systemctl start p2posd; why it ended: journalctl -u p2posd -n 30",
			"no failure is known of, so it was stopped or killed");
	free(a.dir);
	free(a.config);
	memcpy(cause, a.cause, sizeof(a.cause));
	*ret_word = a.word;
	*ret_hint = a.hint;
}

int absent_explain(struct cli *c)
{
	char cause[ABSENT_CAUSE_SIZE];
	const char *word, *hint;

	absent_find(c, cause, &word, &hint);
	return out_fail_reason(c, CLI_UNAVAILABLE, 0, word, hint, NULL, "p2posd is not running: %s", cause);
}
