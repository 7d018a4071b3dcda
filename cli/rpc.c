/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rpc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/out.h"
#include "config/readers.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/rpc/errors.h"
#include "proto/rpc/jsonrpc.h"

#define RETRY_MS 50 /* between two tries while --wait waits */
#define HELD_EVENTS_MAX 256 /* events that arrive while an answer is waited for; older ones go */

struct rpc_client {
	int fd;
	long long last_id;
	struct rpc_lines lines;
	json_t *events; /* held back while an answer was waited for */
};

const char *rpc_socket_path(const struct cli *c)
{
	const char *env = getenv("P2POS_SOCKET");

	if (c->socket)
		return c->socket;
	return env && *env ? env : CLI_SOCKET_DEFAULT;
}

void rpc_close(struct cli *c)
{
	if (!c->client)
		return;
	if (c->client->fd >= 0)
		close(c->client->fd);
	rpc_lines_deinit(&c->client->lines);
	json_decref(c->client->events);
	free(c->client);
	c->client = NULL;
}

/* 0 or an errno. */
static int connect_to(const char *path, int *ret_fd)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		int e = errno;

		close(fd);
		return e;
	}
	*ret_fd = fd;
	return 0;
}

/* Whom the socket does not let in, the readers' door may: the kernel knows which. */
static int connect_once(const char *path, int *ret_fd)
{
	char readers[READERS_PATH_SIZE];
	int e = connect_to(path, ret_fd), again;

	if (e != EACCES || !readers_path(path, readers))
		return e;
	again = connect_to(readers, ret_fd);
	return again == ENOENT || again == EACCES ? e : again;
}

static int fail_connect(struct cli *c, const char *path, int e)
{
	if (e == EACCES || e == EPERM)
		return out_fail_reason(c, CLI_NOPERM, RPC_ERR_PERMISSION_DENIED, "permission_denied",
			"use sudo, or join the group of the service: usermod -aG p2pos YOU", NULL,
			"you may not open %s", path);
	if (e == ENAMETOOLONG)
		return out_fail(c, CLI_USAGE, "a socket path has 107 characters at most",
			"the path of the socket is too long: %s", path);
	return out_fail(c, CLI_UNAVAILABLE,
		"start it:  systemctl start p2posd        why it stopped:  journalctl -u p2posd -n 30",
		"p2posd is not running (no %s at %s)", e == ENOENT ? "socket" : "answer", path);
}

static int ensure_connected(struct cli *c, int64_t until, bool print)
{
	const char *path = rpc_socket_path(c);
	int fd = -1, e;

	if (c->client)
		return 0;
	while ((e = connect_once(path, &fd)) != 0) {
		bool may_come = e == ENOENT || e == ECONNREFUSED || e == EAGAIN;

		if (!may_come || cli_clock_ms() >= until)
			return print ? fail_connect(c, path, e) : CLI_UNAVAILABLE;
		(void)poll(NULL, 0, RETRY_MS);
	}
	c->client = xcalloc(1, sizeof(*c->client));
	c->client->fd = fd;
	c->client->events = json_array();
	rpc_lines_init(&c->client->lines, RPC_ANSWER_BYTES_MAX);
	return 0;
}

static int send_all(int fd, struct bytes b)
{
	while (b.len) {
		ssize_t n = send(fd, b.at, b.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return P2P_ERR_IO;
		b = bytes_from(b, (size_t)n);
	}
	return 0;
}

/* One line of the daemon, or P2P_ERR_TIMEOUT, P2P_ERR_CLOSED, P2P_ERR_PROTOCOL. */
static int next_reply(struct rpc_client *cl, int64_t until, struct rpc_reply *ret)
{
	uint8_t chunk[65536];

	for (;;) {
		struct pollfd p = {.fd = cl->fd, .events = POLLIN};
		struct bytes line;
		int64_t left = until < 0 ? -1 : until - cli_clock_ms();
		ssize_t n;
		int got = rpc_lines_next(&cl->lines, &line);

		if (got < 0)
			return P2P_ERR_PROTOCOL;
		if (got > 0)
			return rpc_reply_parse(line, ret) ? P2P_ERR_PROTOCOL : 0;
		if (until >= 0 && left <= 0)
			return P2P_ERR_TIMEOUT;
		if (poll(&p, 1, left < 0 || left > INT32_MAX ? -1 : (int)left) <= 0)
			continue;
		n = read(cl->fd, chunk, sizeof(chunk));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return P2P_ERR_CLOSED;
		rpc_lines_feed(&cl->lines, bytes_of(chunk, (size_t)n));
	}
}

/* Notifications that come before the answer: progress is shown on a terminal, events are kept. */
static void take_notification(struct cli *c, struct rpc_reply *r)
{
	json_t *held = c->client->events;

	if (strcmp(r->method, "event") == 0) {
		if (json_array_size(held) >= HELD_EVENTS_MAX)
			json_array_remove(held, 0);
		json_array_append(held, r->params);
	} else if (strcmp(r->method, "progress") == 0 && c->verbose && !c->json) {
		fprintf(stderr, "%s: %s\n", out_text(r->params, "stage"), out_text(r->params, "message"));
	}
}

static int exchange(struct cli *c, const char *method, json_t *params, int64_t until,
	struct rpc_reply *ret)
{
	struct rpc_client *cl = c->client;
	json_t *request = rpc_request_new(++cl->last_id, method, params ? json_incref(params) : NULL);
	struct buf out = BUF_INIT;
	int err = rpc_put(&out, request);

	json_decref(request);
	if (!err)
		err = send_all(cl->fd, buf_bytes(&out));
	buf_deinit(&out);
	while (!err) {
		err = next_reply(cl, until, ret);
		if (err)
			break;
		if (ret->kind == RPC_REPLY_NOTIFICATION)
			take_notification(c, ret);
		else if (ret->id == cl->last_id || ret->id < 0)
			return 0;
		rpc_reply_deinit(ret);
	}
	return err;
}

static int fail_exchange(struct cli *c, int err, const char *method)
{
	if (err == P2P_ERR_TIMEOUT)
		return out_fail_reason(c, CLI_TEMPFAIL, RPC_ERR_TIMEOUT, "timeout",
			"try again, or allow more time: --timeout", NULL, "no answer to %s in time", method);
	if (err == P2P_ERR_PROTOCOL)
		return out_fail(c, CLI_PROTOCOL, "is this the socket of p2posd?",
			"nonsense came from %s", rpc_socket_path(c));
	return out_fail(c, CLI_UNAVAILABLE, "why it stopped:  journalctl -u p2posd -n 30",
		"p2posd closed the connection while it was asked %s", method);
}

static int exit_of(const struct rpc_reply *r)
{
	const struct rpc_error_info *info = rpc_error_find(r->code);

	return info ? info->exit_code : CLI_FAILED;
}

static int fail_reply(struct cli *c, const struct rpc_reply *r)
{
	json_t *data = r->data ? json_copy(r->data) : NULL;

	/* These two stand beside it already. */
	json_object_del(data, "reason");
	json_object_del(data, "hint");
	return out_fail_reason(c, exit_of(r), r->code, r->reason, r->hint, data, "%s", r->message);
}

/* Asks once or, while --wait lasts, until the daemon is there and ready. */
static int call(struct cli *c, const char *method, json_t *params, int64_t own_ms, bool print,
	json_t **ret_result, char *ret_reason)
{
	int64_t patience = c->timeout_ms ? c->timeout_ms : own_ms ? own_ms : RPC_TIMEOUT_MS_DEFAULT;
	int64_t wait_until = cli_clock_ms() + c->wait_ms;

	for (;;) {
		struct rpc_reply r;
		int code = ensure_connected(c, wait_until, print), err;

		if (code)
			return code;
		err = exchange(c, method, params, cli_clock_ms() + patience, &r);
		if (err) {
			rpc_close(c);
			if (err == P2P_ERR_CLOSED && cli_clock_ms() < wait_until)
				continue;
			if (print)
				return fail_exchange(c, err, method);
			return err == P2P_ERR_TIMEOUT ? CLI_TEMPFAIL : CLI_UNAVAILABLE;
		}
		if (r.kind == RPC_REPLY_RESULT) {
			*ret_result = json_incref(r.result);
			rpc_reply_deinit(&r);
			return 0;
		}
		if (r.code == RPC_ERR_NOT_READY && cli_clock_ms() < wait_until) {
			rpc_reply_deinit(&r);
			(void)poll(NULL, 0, RETRY_MS);
			continue;
		}
		code = print ? fail_reply(c, &r) : exit_of(&r);
		if (ret_reason)
			snprintf(ret_reason, 32, "%s", r.reason);
		rpc_reply_deinit(&r);
		return code;
	}
}

int rpc_call(struct cli *c, const char *method, json_t *take_params, int64_t own_ms,
	json_t **ret_result)
{
	int code = call(c, method, take_params, own_ms, true, ret_result, NULL);

	json_decref(take_params);
	return code;
}

int rpc_try(struct cli *c, const char *method, json_t *take_params, int64_t own_ms,
	json_t **ret_result, char *ret_reason)
{
	int code;

	ret_reason[0] = '\0';
	code = call(c, method, take_params, own_ms, false, ret_result, ret_reason);
	json_decref(take_params);
	return code;
}

int rpc_next_event(struct cli *c, int64_t wait_ms, json_t **ret_event)
{
	int64_t until = wait_ms < 0 ? -1 : cli_clock_ms() + wait_ms;
	struct rpc_reply r;

	if (json_array_size(c->client->events)) {
		*ret_event = json_incref(json_array_get(c->client->events, 0));
		json_array_remove(c->client->events, 0);
		return 0;
	}
	for (;;) {
		int err = next_reply(c->client, until, &r);

		if (err == P2P_ERR_TIMEOUT)
			return CLI_TEMPFAIL;
		if (err)
			return fail_exchange(c, err, "events");
		if (r.kind == RPC_REPLY_NOTIFICATION && strcmp(r.method, "event") == 0) {
			*ret_event = json_incref(r.params);
			rpc_reply_deinit(&r);
			return 0;
		}
		rpc_reply_deinit(&r);
	}
}
