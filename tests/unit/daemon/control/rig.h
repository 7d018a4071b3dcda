/* SPDX-License-Identifier: Apache-2.0 */
/* rig.h: a control socket over a pretend node in one process, and clients that speak to it through
 * the real Unix socket. The loop is turned by whoever waits for an answer. */
#ifndef P2POS_TESTS_CONTROL_RIG_H
#define P2POS_TESTS_CONTROL_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/control/client.h"
#include "daemon/control/control.h"
#include "daemon/control/events.h"
#include "daemon/control/server.h"
#include "daemon/sys/log.h"
#include "proto/base/mem.h"
#include "proto/base/rng.h"
#include "proto/rpc/jsonrpc.h"
#include "tests/lib/p2ptest.h"

/* Of the loop before a wait counts as a hang. At a millisecond each they must not add up to one of
 * the deadlines under test. */
#define RIG_TURNS_MAX   4000
#define RIG_LOOKUPS_MAX 64

typedef void rig_lookup_fn(void *arg, int err, const struct control_lookup *r);

struct rig {
	char dir[64], path[96];
	struct loop *loop;
	struct control_node node;
	struct control *control;
	struct key_pair identity;
	struct config config;
	struct rng_seeded rng;
	struct timer tick; /* each millisecond, so that a turn always ends */
	/* Look-ups that the pretend node has been asked for. */
	rig_lookup_fn *lookup_done[RIG_LOOKUPS_MAX];
	void *lookup_arg[RIG_LOOKUPS_MAX];
	size_t lookups;
	unsigned stops;
	int reload_err;
};

/* ---- the pretend node ---- */

static void rig_stop(void *arg)
{
	((struct rig *)arg)->stops++;
}

static int rig_reload(void *arg, struct config_report *report, struct config_change *ret_changes,
	size_t *ret_count)
{
	struct rig *r = arg;

	if (r->reload_err) {
		config_error(report, "/log/level", "is no level");
		return r->reload_err;
	}
	ret_changes[0] = (struct config_change){"log.level", false};
	ret_changes[1] = (struct config_change){"listen", true};
	*ret_count = 2;
	return 0;
}

static void rig_lookup(void *arg, const char *name,
	void (*on_done)(void *arg, int err, const struct control_lookup *r), void *done_arg)
{
	struct rig *r = arg;

	(void)name;
	assert_true(r->lookups < RIG_LOOKUPS_MAX);
	r->lookup_done[r->lookups] = on_done;
	r->lookup_arg[r->lookups++] = done_arg;
}

/* Answers the oldest look-up that is open. */
static inline void rig_answer_lookup(struct rig *r, int err, const struct control_lookup *found)
{
	rig_lookup_fn *done = r->lookup_done[0];
	void *arg = r->lookup_arg[0];

	assert_true(r->lookups > 0);
	r->lookups--;
	memmove(r->lookup_done, r->lookup_done + 1, r->lookups * sizeof(r->lookup_done[0]));
	memmove(r->lookup_arg, r->lookup_arg + 1, r->lookups * sizeof(r->lookup_arg[0]));
	done(arg, err, found);
}

/* ---- building and turning ---- */

/* Goes on by itself: a timer that fires before the wait does not end a turn. */
static void rig_tick(void *arg, mono_t now)
{
	struct rig *r = arg;

	(void)now;
	loop_timer_in_ms(r->loop, &r->tick, 1);
}

static inline void rig_turn(struct rig *r)
{
	loop_turn(r->loop);
}

static inline struct control_opts rig_opts(struct rig *r)
{
	return (struct control_opts){.node = &r->node, .path = r->path, .group = PIPE_NO_GROUP,
		.sees_users = true, .inherited_fd = -1};
}

/* A loop and a pretend node; nothing listens yet. */
static inline void rig_init_closed(struct rig *r)
{
	const uint8_t seed[32] = {1};

	memset(r, 0, sizeof(*r));
	snprintf(r->dir, sizeof(r->dir), "/tmp/p2pos-control-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->path, sizeof(r->path), "%s/p2posd.sock", r->dir);
	assert_ok(loop_new(&r->loop));
	rng_seed(&r->rng, 1);
	key_from_seed(seed, &r->identity);
	snprintf(r->config.cluster_id, sizeof(r->config.cluster_id), "prod");
	r->config.limits.connections = 1024;
	r->config.limits.guests = 16;
	r->tick = TIMER(rig_tick, r);
	loop_timer_in_ms(r->loop, &r->tick, 1);
	r->node = (struct control_node){
		.loop = r->loop,
		.config = &r->config,
		.identity = &r->identity,
		.config_path = "/nonexistent/config.json",
		.version = "20261120-0800",
		.name = "fra1-a",
		.started = loop_now(r->loop),
		.network_mode = NETWORK_PRIVATE,
		.arg = r,
		.stop = rig_stop,
		.reload = rig_reload,
		.lookup = rig_lookup,
	};
}

static inline void rig_init(struct rig *r)
{
	struct control_opts opts;

	rig_init_closed(r);
	opts = rig_opts(r);
	assert_ok(control_open(&opts, &r->control));
	control_set_ready(r->control);
}

static inline void rig_deinit(struct rig *r)
{
	control_close(r->control);
	for (int i = 0; i < 10; i++)
		rig_turn(r);
	loop_timer_stop(r->loop, &r->tick);
	loop_free(r->loop);
	unlink(r->path);
	rmdir(r->dir);
}

/* For cmocka: a rig of its own for each test. */
static inline int rig_setup(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));

	rig_init(r);
	*state = r;
	return 0;
}

static inline int rig_teardown(void **state)
{
	rig_deinit(*state);
	free(*state);
	return 0;
}

/* ---- clients ---- */

struct rig_client {
	struct rig *rig;
	int fd;
	struct rpc_lines lines;
};

static inline struct rig_client rig_connect_to(struct rig *r, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct rig_client c = {.rig = r, .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)};

	assert_true(c.fd >= 0);
	assert_true(strlen(path) < sizeof(addr.sun_path));
	memcpy(addr.sun_path, path, strlen(path) + 1);
	assert_int_equal(connect(c.fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	rpc_lines_init(&c.lines, RPC_ANSWER_BYTES_MAX);
	return c;
}

static inline struct rig_client rig_connect(struct rig *r)
{
	return rig_connect_to(r, r->path);
}

static inline void rig_disconnect(struct rig_client *c)
{
	close(c->fd);
	c->fd = -1;
	rpc_lines_deinit(&c->lines);
}

/* Sends bytes, turning the loop while the other side is slow. False when it has closed. */
static inline bool rig_send(struct rig_client *c, const void *data, size_t len)
{
	const char *at = data;

	for (int i = 0; i < RIG_TURNS_MAX && len > 0; i++) {
		ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else {
			rig_turn(c->rig);
		}
	}
	assert_int_equal(len, 0);
	return true;
}

static inline void rig_say(struct rig_client *c, const char *line)
{
	assert_true(rig_send(c, line, strlen(line)));
	assert_true(rig_send(c, "\n", 1));
}

/* The next line, NULL when the other side has closed. Owned by the caller. */
static inline json_t *rig_hear(struct rig_client *c)
{
	static char piece[64 * 1024];
	struct bytes line;

	for (int i = 0; i < RIG_TURNS_MAX; i++) {
		int got = rpc_lines_next(&c->lines, &line);
		ssize_t n;

		if (got == 1)
			return json_loadb((const char *)line.at, line.len, 0, NULL);
		n = recv(c->fd, piece, sizeof(piece), 0);
		if (n > 0)
			rpc_lines_feed(&c->lines, bytes_of(piece, (size_t)n));
		else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
			return NULL;
		else
			rig_turn(c->rig);
	}
	fail_msg("no answer came");
	return NULL;
}

/* Nothing has come, and some turns of the loop bring nothing either. */
static inline void rig_assert_silent(struct rig_client *c)
{
	char byte;

	for (int i = 0; i < 20; i++)
		rig_turn(c->rig);
	assert_int_equal(recv(c->fd, &byte, 1, MSG_PEEK), -1);
	assert_int_equal(errno, EAGAIN);
}

static inline void rig_assert_closed(struct rig_client *c)
{
	json_t *last = rig_hear(c);

	assert_null(last);
}

/* Asks and hears; the whole document, owned by the caller. */
static inline json_t *rig_ask(struct rig_client *c, const char *line)
{
	json_t *doc;

	rig_say(c, line);
	doc = rig_hear(c);
	assert_non_null(doc);
	return doc;
}

static inline json_t *rig_call(struct rig_client *c, const char *method, const char *params)
{
	char line[4096];

	snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"%s%s}", method,
		params ? ",\"params\":" : "", params ? params : "");
	return rig_ask(c, line);
}

/* ---- reading answers ---- */

static inline json_int_t rig_code(const json_t *doc)
{
	return json_integer_value(json_object_get(json_object_get(doc, "error"), "code"));
}

static inline const char *rig_reason(const json_t *doc)
{
	const json_t *data = json_object_get(json_object_get(doc, "error"), "data");

	return json_string_value(json_object_get(data, "reason"));
}

static inline const json_t *rig_result(const json_t *doc, const char *field)
{
	return json_object_get(json_object_get(doc, "result"), field);
}

/* The document is an error with this code; frees it. */
static inline void rig_assert_error(json_t *take_doc, int code)
{
	if (rig_code(take_doc) != code)
		fail_msg("wanted error %d, got %s", code, json_dumps(take_doc, JSON_COMPACT));
	json_decref(take_doc);
}

/* The document is a result with exactly the fields that the list promises; frees it. */
static inline void rig_assert_result(json_t *take_doc, const char *method)
{
	struct rpc_params_fault fault;

	if (!rpc_result_check(rpc_method_find(method), json_object_get(take_doc, "result"), &fault))
		fail_msg("%s: %s %s in %s", method, fault.param, fault.message,
			json_dumps(take_doc, JSON_COMPACT));
	json_decref(take_doc);
}

#endif
