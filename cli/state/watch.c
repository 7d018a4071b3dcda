/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state/watch.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/base/err.h"
#include "proto/base/text.h"

void watch_init(struct watch *w, const char *path)
{
	*w = (struct watch){.path = path, .fd = -1, .due = MONO_ZERO};
}

static void hang_up(struct watch *w, const char *why, mono_t now)
{
	watch_deinit(w);
	w->report = (struct state_report){.state = STATE_UNKNOWN};
	(void)text_copy(w->report.reason, sizeof(w->report.reason), bytes_str(why));
	w->due = mono_add_ms(now, WATCH_RETRY_MS);
}

void watch_deinit(struct watch *w)
{
	if (w->fd < 0)
		return;
	close(w->fd);
	rpc_lines_deinit(&w->lines);
	w->fd = -1;
	w->is_waiting = false;
}

/* ---- asking ---- */

static int say(struct watch *w, const char *method, json_t *take_params)
{
	json_t *request = rpc_request_new(++w->last_id, method, take_params);
	struct buf out = BUF_INIT;
	int err = rpc_put(&out, request);

	json_decref(request);
	/* A few hundred bytes: a socket that does not take them whole belongs to a node that hangs. */
	if (!err && send(w->fd, out.data, out.len, MSG_NOSIGNAL) != (ssize_t)out.len)
		err = P2P_ERR_IO;
	buf_deinit(&out);
	return err;
}

static void ask(struct watch *w, mono_t now)
{
	if (say(w, "node.health", NULL)) {
		hang_up(w, "p2posd does not listen", now);
		return;
	}
	w->is_waiting = true;
	w->due = mono_add_ms(now, WATCH_ANSWER_MS);
}

static void call_in(struct watch *w, mono_t now)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	w->due = mono_add_ms(now, WATCH_RETRY_MS);
	if (!text_copy(to.sun_path, sizeof(to.sun_path), bytes_str(w->path)))
		return; /* main() has checked its length */
	w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->fd < 0)
		return;
	rpc_lines_init(&w->lines, WATCH_ANSWER_MAX);
	if (connect(w->fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
		say(w, "events.subscribe", json_pack("{s:[s]}", "types", "state")))
		hang_up(w, "p2posd does not answer", now);
	else
		ask(w, now);
}

/* ---- hearing ---- */

static void take_report(struct watch *w, const json_t *o, const char *state_key)
{
	const char *reason = json_string_value(json_object_get(o, "reason"));

	w->report.state = state_word_parse(json_string_value(json_object_get(o, state_key)));
	(void)text_copy(w->report.reason, sizeof(w->report.reason), bytes_str(reason ? reason : ""));
	w->report.online = json_integer_value(json_object_get(o, "online"));
	w->report.members = json_integer_value(json_object_get(o, "members"));
}

static void take_reply(struct watch *w, const struct rpc_reply *r, mono_t now)
{
	if (r->kind == RPC_REPLY_NOTIFICATION) {
		if (strcmp(r->method, "event") == 0 && json_object_get(r->params, "to"))
			take_report(w, r->params, "to");
		return;
	}
	if (!w->is_waiting || r->id != w->last_id)
		return; /* the subscription; without it there is still the asking */
	w->is_waiting = false;
	if (r->kind == RPC_REPLY_RESULT) {
		take_report(w, r->result, "state");
		w->due = mono_add_ms(now, WATCH_ASK_MS);
	} else {
		w->report = (struct state_report){.state = STATE_UNKNOWN};
		(void)text_copy(w->report.reason, sizeof(w->report.reason), bytes_str(r->message));
		w->due = mono_add_ms(now, WATCH_RETRY_MS);
	}
}

/* 0 when all lines of `lines` were answers. */
static int take_lines(struct watch *w, mono_t now)
{
	struct bytes line;
	int got;

	while ((got = rpc_lines_next(&w->lines, &line)) > 0) {
		struct rpc_reply r;

		if (rpc_reply_parse(line, &r))
			return P2P_ERR_PROTOCOL;
		take_reply(w, &r, now);
		rpc_reply_deinit(&r);
	}
	return got;
}

static void hear(struct watch *w, mono_t now)
{
	uint8_t chunk[4096];

	for (;;) {
		ssize_t n = recv(w->fd, chunk, sizeof(chunk), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			hang_up(w, "p2posd ended", now);
			return;
		}
		rpc_lines_feed(&w->lines, bytes_of(chunk, (size_t)n));
		if (take_lines(w, now)) {
			hang_up(w, "nonsense on the control socket", now);
			return;
		}
	}
}

void watch_turn(struct watch *w, mono_t now)
{
	if (w->fd >= 0)
		hear(w, now);
	if (!mono_reached(w->due, now))
		return;
	if (w->fd < 0)
		call_in(w, now);
	else if (w->is_waiting)
		hang_up(w, "p2posd does not answer in time", now);
	else
		ask(w, now);
}
