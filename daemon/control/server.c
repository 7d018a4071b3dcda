/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: who gets in, how many, and how they go. */
#include "daemon/control/server.h"

#include <assert.h>
#include <stdlib.h>

#include "config/readers.h"
#include "daemon/control/client.h"
#include "daemon/io/inherited.h"
#include "daemon/sys/log.h"
#include "daemon/sys/metrics.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

size_t server_backlog(const struct control *c)
{
	size_t sum = 0;

	for (const struct list *n = c->clients.next; n != &c->clients; n = n->next)
		sum += client_backlog(list_entry(n, struct client, node));
	return sum;
}

static struct client *with_largest_backlog(struct control *c)
{
	struct client *largest = list_entry(list_first(&c->clients), struct client, node);

	list_each (node, &c->clients) {
		struct client *other = list_entry(node, struct client, node);

		if (client_backlog(other) > client_backlog(largest))
			largest = other;
	}
	return largest;
}

static void bury_doomed(struct control *c)
{
	list_each (node, &c->doomed)
		client_free(list_entry(node, struct client, node));
}

static void on_turn_end(void *arg)
{
	struct control *c = arg;

	while (server_backlog(c) > CONTROL_BACKLOG_BYTES_MAX)
		client_doom(with_largest_backlog(c), "backlog_of_all", 0);
	bury_doomed(c);
}

void server_mind_backlog(struct control *c)
{
	loop_at_turn_end(c->loop, &c->chores);
}

void server_bury(struct control *c, struct client *client)
{
	list_remove(&client->node);
	list_append(&c->doomed, &client->node);
	c->client_count--;
	loop_at_turn_end(c->loop, &c->chores);
}

/* Tells why in one line, so that a person at `nc` sees more than a closed door. */
static void turn_away(struct flow *flow, int code, const char *message)
{
	json_t *doc = rpc_answer_error(NULL, code, message, NULL, NULL);
	struct buf line = BUF_INIT;

	if (rpc_put(&line, doc) == 0)
		(void)flow_write(flow, buf_bytes(&line));
	flow_close_after_write(flow, CLIENT_LINGER_MS);
	buf_deinit(&line);
	json_decref(doc);
}

static void let_in(struct control *c, struct flow *take_flow, const struct pipe_caller *who,
	enum rpc_role role)
{
	if (role == RPC_ROLE_NONE) {
		log_warn("CONTROL", "client_refused", kv_text("reason", "permission_denied"),
			kv_uint("uid", who->uid), kv_int("pid", who->pid));
		turn_away(take_flow, RPC_ERR_PERMISSION_DENIED, NULL);
	} else if (c->client_count >= CONTROL_CLIENTS_MAX) {
		log_warn("CONTROL", "client_refused", kv_text("reason", "busy"),
			kv_uint("uid", who->uid), kv_int("pid", who->pid));
		turn_away(take_flow, RPC_ERR_BUSY, "no further client fits; try again when one has left");
	} else {
		client_open(c, take_flow, who, role);
	}
}

static void on_accept(void *arg, struct flow *take_flow, const struct pipe_caller *who)
{
	struct control *c = arg;

	let_in(c, take_flow, who, role_of(&c->roles, who));
}

/* Whoever came through the directory of the readers is one, root, too. */
static void on_accept_reader(void *arg, struct flow *take_flow, const struct pipe_caller *who)
{
	let_in(arg, take_flow, who, RPC_ROLE_READER);
}

/* The directory is the unit's to make: it alone may give it to the group. */
static void open_readers(struct control *c, const struct control_opts *opts)
{
	char path[READERS_PATH_SIZE];
	struct pipe_listen_opts listen = {
		.path = path,
		.mode = 0666, /* the directory decides */
		.group = PIPE_NO_GROUP,
		.inherited_fd = inherited_local(INHERITED_READERS),
		.kept_as = INHERITED_READERS,
		.on_accept = on_accept_reader,
		.arg = c,
	};
	int err = readers_path(opts->path, path) ? pipe_listen(c->loop, &listen, &c->readers)
						 : P2P_ERR_INVALID;

	if (err)
		log_warn("CONTROL", "readers_shut_out", kv_text("path", path), kv_err("reason", err),
			kv_text("text", "the unit makes the directory for control.read_only_group when p2posd starts"));
}

/* The table of metrics is the process's, and takes the words of a label once. */
static void name_methods_for_metrics(void)
{
	static const char *names[METHOD_COUNT];

	if (names[0])
		return;
	for (unsigned i = 0; i < METHOD_COUNT; i++)
		names[i] = rpc_method_at(i)->name;
	metrics_set_words(METRIC_LABEL_METHOD, names, METHOD_COUNT);
}

int control_open(const struct control_opts *opts, struct control **ret)
{
	struct control *c = xcalloc(1, sizeof(*c));
	struct pipe_listen_opts listen = {
		.path = opts->path,
		.group = opts->group,
		.inherited_fd = opts->inherited_fd,
		.kept_as = INHERITED_CONTROL,
		.on_accept = on_accept,
		.arg = c,
	};
	int err;

	c->node = opts->node;
	c->loop = opts->node->loop;
	c->starved_at = WALL_ZERO;
	c->chores = (struct turn_end){.run = on_turn_end, .arg = c};
	list_init(&c->clients);
	list_init(&c->doomed);
	list_init(&c->waits);
	err = role_rules_init(&c->roles, opts->group, opts->read_only_group, opts->sees_users);
	if (!err) {
		listen.mode = role_socket_mode(&c->roles);
		err = pipe_listen(c->loop, &listen, &c->listener);
	}
	if (err) {
		role_rules_deinit(&c->roles);
		free(c);
		return err;
	}
	if (c->roles.readers_have_door)
		open_readers(c, opts);
	name_methods_for_metrics();
	*ret = c;
	return 0;
}

void control_set_ready(struct control *c)
{
	c->is_ready = true;
}

void control_set_stopping(struct control *c)
{
	c->is_stopping = true;
}

unsigned control_clients(const struct control *c)
{
	return c->client_count;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	pipe_listener_close(c->listener);
	pipe_listener_close(c->readers);
	/* Those who wait for news hear that there will be none, and free themselves. */
	list_each (node, &c->waits) {
		struct wait *w = list_entry(node, struct wait, node);

		w->on_close(w);
	}
	assert(list_is_empty(&c->waits));
	list_each (node, &c->clients)
		client_doom(list_entry(node, struct client, node), NULL, CLIENT_LINGER_MS);
	loop_turn_end_cancel(&c->chores);
	bury_doomed(c);
	if (c->hears_log)
		log_set_listener(NULL, NULL);
	role_rules_deinit(&c->roles);
	free(c);
}
