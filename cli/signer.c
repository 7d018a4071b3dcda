/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/out.h"
#include "proto/base/buf.h"
#include "proto/base/text.h"

#define ANSWER_BYTES_MAX 1024 /* a signature has 88 characters */

struct signer {
	struct cli *c;
	pid_t pid;
	int to, from; /* its standard input and output; -1 = closed */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void run_shell(const char *command, int in, int out)
{
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0) {
		signal(SIGPIPE, SIG_DFL);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	}
	_exit(127);
}

static int start(struct signer *s, const char *command)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) != 0)
		return out_fail(s->c, CLI_SOFTWARE, NULL, "no pipe for the signer: %s", strerror(errno));
	if (pipe2(out, O_CLOEXEC) != 0) {
		close(in[0]);
		close(in[1]);
		return out_fail(s->c, CLI_SOFTWARE, NULL, "no pipe for the signer: %s", strerror(errno));
	}
	s->pid = fork();
	if (s->pid == 0)
		run_shell(command, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	s->to = in[1];
	s->from = out[0];
	if (s->pid < 0)
		return out_fail(s->c, CLI_SOFTWARE, NULL, "the signer cannot be started: %s", strerror(errno));
	(void)fcntl(s->to, F_SETFL, O_NONBLOCK); /* a fresh pipe takes it */
	return 0;
}

/* Writes as it reads, and reads to the end; false when the time is over. */
static bool converse(struct signer *s, struct bytes text, struct buf *answer, int64_t until)
{
	uint8_t chunk[512];

	while (s->from >= 0) {
		struct pollfd p[2] = {{.fd = s->from, .events = POLLIN}, {.fd = s->to, .events = POLLOUT}};
		int64_t left = until - cli_clock_ms();
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(p, 2, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
			return false;
		if (p[1].revents) {
			n = text.len ? write(s->to, text.at, text.len) : 0;
			if (n > 0)
				text = bytes_from(text, (size_t)n);
			if (!text.len || (n < 0 && errno != EAGAIN && errno != EINTR))
				close_fd(&s->to); /* one that reads no further may still answer */
		}
		if (p[0].revents) {
			n = read(s->from, chunk, sizeof(chunk));
			if (n == 0 || (n < 0 && errno != EINTR) ||
				(n > 0 && buf_put(answer, bytes_of(chunk, (size_t)n))))
				close_fd(&s->from);
		}
	}
	return true;
}

int signer_run(struct cli *c, const char *command, struct bytes text, uint8_t ret_sig[KEY_SIGNATURE_BYTES])
{
	struct signer s = {.c = c, .to = -1, .from = -1};
	struct buf answer = BUF_WITH_MAX(ANSWER_BYTES_MAX);
	int status = 0, code = start(&s, command);
	bool in_time = true;

	if (!code)
		in_time = converse(&s, text, &answer, cli_clock_ms() + (c->timeout_ms ? c->timeout_ms : SIGNER_MS));
	close_fd(&s.to);
	close_fd(&s.from);
	if (s.pid > 0) {
		if (!in_time)
			(void)kill(s.pid, SIGTERM); /* it may have ended a moment ago */
		while (waitpid(s.pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (!code && !in_time)
		code = out_fail_reason(c, CLI_TEMPFAIL, 1003, "timeout", "allow more time: --timeout", NULL,
			"the signer gave no signature in time");
	else if (!code && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		code = out_fail(c, CLI_FAILED, "run it by hand: it gets the text on standard input",
			"the signer failed (%s %d)", WIFEXITED(status) ? "exit code" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	else if (!code && key_signature_parse(text_trim(buf_bytes(&answer)), ret_sig))
		code = out_fail(c, CLI_DATAERR, "it has to print the base64 of the 64 bytes of an Ed25519 signature",
			"the signer gave no signature");
	buf_deinit(&answer);
	return code;
}
