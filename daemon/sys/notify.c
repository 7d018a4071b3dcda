/* SPDX-License-Identifier: Apache-2.0 */
/* notify.c: datagrams of KEY=value lines to the socket that systemd names (sd_notify(3)). */
#include "daemon/sys/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int notify_fd = -1;
static struct sockaddr_un supervisor;
static socklen_t supervisor_len;
static int64_t watchdog_ms;

static bool read_socket_name(const char *name)
{
	size_t len = strlen(name);

	/* "/path" or "@abstract"; systemd's vsock form is for virtual machines, not for services. */
	if ((name[0] != '/' && name[0] != '@') || len >= sizeof(supervisor.sun_path))
		return false;
	supervisor.sun_family = AF_UNIX;
	memcpy(supervisor.sun_path, name, len + 1);
	supervisor_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (name[0] == '@')
		supervisor.sun_path[0] = '\0';
	return true;
}

static int64_t read_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long us;

	if (!usec || sscanf(usec, "%llu", &us) != 1 || us == 0 || us > INT64_MAX)
		return 0;
	if (pid && strtoll(pid, NULL, 10) != getpid())
		return 0; /* meant for another process of the service */
	return us < 4000 ? 1 : (int64_t)(us / 2000);
}

bool notify_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	notify_close();
	if (name && read_socket_name(name))
		notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	watchdog_ms = notify_fd >= 0 ? read_watchdog() : 0;
	(void)unsetenv("NOTIFY_SOCKET"); /* fixed names are always valid */
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	return notify_fd >= 0;
}

void notify_close(void)
{
	if (notify_fd >= 0)
		close(notify_fd);
	notify_fd = -1;
	watchdog_ms = 0;
}

static void tell(const char *what, const char *status)
{
	char text[NOTIFY_STATUS_MAX + 128];
	int n = snprintf(text, sizeof(text), "%s%s%.*s", what, status ? "STATUS=" : "",
		NOTIFY_STATUS_MAX, status ? status : "");

	if (notify_fd < 0)
		return;
	/* A status is one line; a newline in it would begin another assignment. */
	for (char *c = text + strlen(what); *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	(void)sendto(notify_fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL,
		(struct sockaddr *)&supervisor, supervisor_len); /* lost when it is full */
}

void notify_ready(const char *status)
{
	tell("READY=1\n", status);
}

void notify_status(const char *status)
{
	tell("", status);
}

void notify_reloading(mono_t now)
{
	char what[80];

	/* Both in one message: from version 253 on systemd ignores the one without the other. */
	snprintf(what, sizeof(what), "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n", now.ns / 1000);
	tell(what, "reloading the configuration");
}

void notify_stopping(const char *status)
{
	tell("STOPPING=1\n", status);
}

bool notify_keep_fd(const char *name, int fd)
{
	char text[128];
	union {
		struct cmsghdr head; /* for its alignment */
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = text};
	struct msghdr m = {.msg_name = &supervisor, .msg_namelen = supervisor_len, .msg_iov = &part,
		.msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	if (notify_fd < 0)
		return false;
	part.iov_len = (size_t)snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%.64s\nFDPOLL=0", name);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(notify_fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

void notify_drop_fd(const char *name)
{
	char what[128];

	snprintf(what, sizeof(what), "FDSTOREREMOVE=1\nFDNAME=%.64s", name);
	tell(what, NULL);
}

int64_t notify_watchdog_ms(void)
{
	return watchdog_ms;
}

bool notify_watchdog(mono_t due, mono_t now, mono_t waiting_since)
{
	if (mono_since_ms(now, due) > NOTIFY_LATE_MS)
		return false;
	if (!mono_is_never(waiting_since) && mono_since_ms(now, waiting_since) >= NOTIFY_COMMIT_MS)
		return false;
	tell("WATCHDOG=1", NULL);
	return true;
}
