/* SPDX-License-Identifier: Apache-2.0 */
/* log_sink.c: carries a finished line away without ever waiting (FM-45). The native journal
 * protocol is a datagram of KEY=value lines to a well-known socket; it is spoken here directly,
 * because the library's own call waits when that socket is full. */
#include "daemon/sys/log_parts.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static int journal_fd = -1;
static bool is_torn; /* the stream took only part of the last line: start on a new one */

static bool is_journal_stream(const struct stat *st)
{
	const char *env = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	char end;

	return env && sscanf(env, "%llu:%llu%c", &dev, &ino, &end) == 2 && st->st_dev == dev &&
	       st->st_ino == ino;
}

enum log_sink log_sink_detect(int fd, const char *journal)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return LOG_TEXT;
	if (is_journal_stream(&st))
		return access(journal ? journal : JOURNAL_SOCKET, W_OK) == 0 ? LOG_JOURNAL
									      : LOG_PREFIX;
	/* Terminals started by systemd pass INVOCATION_ID on to shells, so it alone proves nothing. */
	return getenv("INVOCATION_ID") && S_ISSOCK(st.st_mode) ? LOG_PREFIX : LOG_TEXT;
}

static ssize_t write_now(int fd, const void *at, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	ssize_t n;

	n = send(fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0 || errno != ENOTSOCK)
		return n;
	/* A pipe with room for PIPE_BUF is writable, and a line is shorter than that; the flag
	 * O_NONBLOCK would be shared with whoever started us. */
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return -1;
	return write(fd, at, len);
}

bool log_sink_stream(int fd, struct bytes line)
{
	char whole[LOG_LINE_BYTES_MAX + 8];
	size_t n = 0;
	ssize_t done;

	line = bytes_head(line, LOG_LINE_BYTES_MAX);
	if (is_torn)
		whole[n++] = '\n';
	memcpy(whole + n, line.at, line.len);
	n += line.len;
	whole[n++] = '\n';
	done = write_now(fd, whole, n);
	if (done > 0)
		is_torn = (size_t)done < n;
	return done == (ssize_t)n;
}

bool log_sink_journal(const char *journal, struct bytes fields)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (journal_fd < 0)
		journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", journal ? journal : JOURNAL_SOCKET);
	/* Not connected: after a restart of the journal the next datagram finds the new socket. */
	return journal_fd >= 0 &&
	       sendto(journal_fd, fields.at, fields.len, MSG_DONTWAIT | MSG_NOSIGNAL,
		       (struct sockaddr *)&to, sizeof(to)) == (ssize_t)fields.len;
}

void log_sink_close(void)
{
	if (journal_fd >= 0)
		close(journal_fd);
	journal_fd = -1;
	is_torn = false;
}
