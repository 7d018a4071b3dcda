/* SPDX-License-Identifier: Apache-2.0 */
/* rpc.* and events.*: the control socket about itself. */
#include <unistd.h>

#include "daemon/control/client.h"
#include "daemon/control/dispatch.h"
#include "daemon/control/events.h"
#include "daemon/control/server.h"
#include "daemon/sys/log.h"

struct answer *do_RPC_HELLO(struct call *c)
{
	const struct client *client = call_client(c);

	if (call_text(c, "version"))
		log_debug("CONTROL", "hello", kv_bytes("version", bytes_str(call_text(c, "version"))));
	return call_ok(c,
		json_pack("{s:s, s:s, s:i, s:s, s:i, s:b}", "server", "p2posd", "version",
			call_node(c)->version, "api", RPC_API, "role", rpc_role_name(client->role),
			"pid", (int)getpid(), "ready", client->control->is_ready ? 1 : 0));
}

struct answer *do_RPC_LIST(struct call *c)
{
	json_t *list = json_array();
	const struct rpc_method *m;

	for (unsigned i = 0; (m = rpc_method_at(i)); i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", m->name, "role",
						    rpc_role_name(m->role), "about", m->about));
	return call_ok(c, json_pack("{s:o}", "methods", list));
}

static json_t *params_of(const struct rpc_method *m)
{
	json_t *list = json_array();

	for (const struct rpc_param *p = m->params; p->name; p++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:b, s:s}", "name", p->name, "type",
				rpc_type_name(p->type), "must", p->must ? 1 : 0, "about", p->about));
	return list;
}

static json_t *errors_of(const struct rpc_method *m)
{
	json_t *list = json_array();

	for (const int *code = m->errors; *code; code++) {
		const struct rpc_error_info *e = rpc_error_find(*code);

		json_array_append_new(list, json_pack("{s:i, s:s, s:s}", "code", (int)e->code,
						    "reason", e->reason, "about", e->text));
	}
	return list;
}

struct answer *do_RPC_DESCRIBE(struct call *c)
{
	const char *name = call_text(c, "method");
	const struct rpc_method *m = rpc_method_find(name);

	if (!m)
		return call_fail_with(c, RPC_ERR_NOT_FOUND, NULL, "rpc.list names all methods",
			"there is no method %.64s", name);
	return call_ok(c,
		json_pack("{s:s, s:s, s:s, s:o, s:s, s:o}", "name", m->name, "role",
			rpc_role_name(m->role), "about", m->about, "params", params_of(m), "result",
			m->result, "errors", errors_of(m)));
}

/* NULL with the bits of the words asked for, or the refusal. */
static struct answer *types_of(struct call *c, unsigned *ret)
{
	const json_t *words = call_param(c, "types");
	enum event_type type;

	*ret = words ? 0 : EVENT_ALL_BUT_LOG;
	for (size_t i = 0; i < json_array_size(words); i++) {
		const char *word = json_string_value(json_array_get(words, i));

		if (event_type_parse(word, &type) != 0)
			return call_refuse_param(c, "types",
				"%.32s is none of state, member, membership, peer, alert, log, pending",
				word);
		*ret |= EVENT_BIT(type);
	}
	if (*ret == 0)
		return call_refuse_param(c, "types", "is empty: leave it out for all but log");
	return NULL;
}

struct answer *do_EVENTS_SUBSCRIBE(struct call *c)
{
	json_t *words;
	unsigned types, number;
	struct answer *refused = types_of(c, &types);

	if (refused)
		return refused;
	number = events_subscribe(call_client(c), types);
	if (number == 0)
		return call_fail(c, RPC_ERR_BUSY, "this client has %d subscriptions already",
			CLIENT_SUBSCRIPTIONS_MAX);
	words = json_array();
	for (unsigned i = 0; i < EVENT_TYPE_COUNT; i++)
		if (types & EVENT_BIT(i))
			json_array_append_new(words, json_string(event_type_name((enum event_type)i)));
	return call_ok(c, json_pack("{s:i, s:o}", "subscription", (int)number, "types", words));
}

struct answer *do_EVENTS_UNSUBSCRIBE(struct call *c)
{
	json_int_t number = json_integer_value(call_param(c, "subscription"));
	bool ended = number <= (json_int_t)call_client(c)->subs_given &&
		     events_unsubscribe(call_client(c), (unsigned)number);

	return call_ok(c, json_pack("{s:b}", "changed", ended ? 1 : 0));
}
