/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sys/handover.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/sys/notify.h"

#define FD_FIRST 3 /* sd_listen_fds(3) */

static struct {
	struct {
		char name[HANDOVER_NAME_SIZE];
		int fd;
	} inherited[HANDOVER_MAX];
	size_t inherited_count;
	char kept[HANDOVER_MAX][HANDOVER_NAME_SIZE];
	size_t kept_count;
	bool is_restart, is_stopping;
} the;

static size_t count_of_environment(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	long n = fds ? strtol(fds, NULL, 10) : 0;

	return pid && strtol(pid, NULL, 10) == getpid() && n > 0 && n < 65536 ? (size_t)n : 0;
}

/* Copies the next of the names that ':' separates, cut; "" when there is none. */
static const char *next_name(const char *names, char to[HANDOVER_NAME_SIZE])
{
	size_t len = strcspn(names, ":");

	snprintf(to, HANDOVER_NAME_SIZE, "%.*s", (int)len, names);
	return names[len] ? names + len + 1 : names + len;
}

size_t handover_open(void)
{
	const char *names = getenv("LISTEN_FDNAMES");
	size_t count = count_of_environment();

	memset(&the, 0, sizeof(the));
	if (!names)
		names = "";
	for (size_t i = 0; i < count; i++) {
		int fd = FD_FIRST + (int)i;
		char name[HANDOVER_NAME_SIZE];

		names = next_name(names, name);
		if (the.inherited_count == HANDOVER_MAX || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
			close(fd);
			continue;
		}
		the.inherited[the.inherited_count].fd = fd;
		memcpy(the.inherited[the.inherited_count++].name, name, sizeof(name));
	}
	the.is_restart = the.inherited_count > 0;
	(void)unsetenv("LISTEN_PID"); /* fixed names are always valid */
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	return the.inherited_count;
}

bool handover_is_restart(void)
{
	return the.is_restart;
}

void handover_close_rest(void)
{
	for (size_t i = 0; i < the.inherited_count; i++)
		if (the.inherited[i].fd >= 0)
			handover_refuse(the.inherited[i].name, the.inherited[i].fd);
	the.inherited_count = 0;
}

void handover_close(void)
{
	for (size_t i = 0; i < the.inherited_count; i++)
		if (the.inherited[i].fd >= 0)
			close(the.inherited[i].fd);
	memset(&the, 0, sizeof(the));
}

int handover_take(const char *name)
{
	for (size_t i = 0; i < the.inherited_count; i++) {
		int fd = the.inherited[i].fd;

		if (fd < 0 || strcmp(the.inherited[i].name, name) != 0)
			continue;
		the.inherited[i].fd = -1;
		return fd;
	}
	return -1;
}

static size_t find_kept(const char *name)
{
	size_t i = 0;

	while (i < the.kept_count && strcmp(the.kept[i], name) != 0)
		i++;
	return i;
}

void handover_keep(const char *name, int fd)
{
	size_t at = find_kept(name);

	if (at == HANDOVER_MAX || !notify_keep_fd(name, fd) || at < the.kept_count)
		return;
	snprintf(the.kept[at], HANDOVER_NAME_SIZE, "%s", name);
	the.kept_count++;
}

bool handover_is_kept(const char *name)
{
	return find_kept(name) < the.kept_count;
}

void handover_forget(const char *name)
{
	size_t at = find_kept(name);

	if (the.is_stopping || at == the.kept_count)
		return;
	notify_drop_fd(name);
	memcpy(the.kept[at], the.kept[--the.kept_count], HANDOVER_NAME_SIZE);
}

void handover_refuse(const char *name, int take_fd)
{
	close(take_fd);
	notify_drop_fd(name);
}

void handover_stopping(void)
{
	the.is_stopping = true;
}
