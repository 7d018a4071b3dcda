/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/buf.h"
#include "proto/base/err.h"

#define CONFIGURED  "configured"
#define UNFINISHED  ".new"
#define TEXT_MAX    1024

static int path_of(const char *dir, const char *name, char to[PATH_MAX])
{
	int n = snprintf(to, PATH_MAX, "%s/%s", dir, name);

	return n < 0 || n >= PATH_MAX ? P2P_ERR_IO : 0;
}

static int remove_mark(const char *dir, const char *name)
{
	char path[PATH_MAX];

	if (path_of(dir, name, path))
		return P2P_ERR_IO;
	return unlink(path) == 0 || errno == ENOENT ? 0 : P2P_ERR_IO;
}

static int write_whole(const char *path, struct bytes text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	bool ok = fd >= 0 && write(fd, text.at, text.len) == (ssize_t)text.len;

	if (fd >= 0 && close(fd) != 0)
		ok = false;
	return ok ? 0 : P2P_ERR_IO;
}

static int make_mark(const char *dir, const char *name, struct bytes text)
{
	char fresh[PATH_MAX], path[PATH_MAX];

	if (path_of(dir, UNFINISHED, fresh) || path_of(dir, name, path) || write_whole(fresh, text))
		return P2P_ERR_IO;
	return rename(fresh, path) == 0 ? 0 : P2P_ERR_IO;
}

/* A value between double quotes, without anything that systemd or a shell would read into. */
static void put_value(struct buf *out, const char *key, const char *value)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.,:;/()%+";

	(void)buf_printf(out, "%s=\"", key); /* all of it fits into TEXT_MAX */
	for (; *value; value++)
		(void)buf_printf(out, "%c", strchr(harmless, *value) ? *value : '?');
	(void)buf_printf(out, "\"\n");
}

static bool is_configured(enum state_word state)
{
	return state == STATE_DEGRADED || state == STATE_HEALTHY;
}

int marks_clear(const char *dir)
{
	int err = remove_mark(dir, CONFIGURED);

	for (enum state_word s = STATE_UNCONFIGURED; s <= STATE_HEALTHY; s++)
		if (remove_mark(dir, state_word_text(s)))
			err = P2P_ERR_IO;
	return err;
}

int marks_set(const char *dir, enum state_word from, const struct state_report *now)
{
	struct buf text = BUF_WITH_MAX(TEXT_MAX);
	int err = 0;

	if (from != STATE_UNKNOWN && from != now->state)
		err = remove_mark(dir, state_word_text(from));
	if (is_configured(from) && !is_configured(now->state) && remove_mark(dir, CONFIGURED))
		err = P2P_ERR_IO;
	put_value(&text, "P2POS_STATE", state_word_text(now->state));
	put_value(&text, "P2POS_PREVIOUS", state_word_text(from));
	put_value(&text, "P2POS_REASON", now->reason);
	(void)buf_printf(&text, "P2POS_ONLINE=%lld\nP2POS_MEMBERS=%lld\n", now->online, now->members);
	if (now->state != STATE_UNKNOWN && make_mark(dir, state_word_text(now->state), buf_bytes(&text)))
		err = P2P_ERR_IO;
	if (is_configured(now->state) && !is_configured(from) && make_mark(dir, CONFIGURED, buf_bytes(&text)))
		err = P2P_ERR_IO;
	buf_deinit(&text);
	return err;
}
