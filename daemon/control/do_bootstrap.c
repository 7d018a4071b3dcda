/* SPDX-License-Identifier: Apache-2.0 */
/* bootstrap.*: where this node looks for its cluster. */
#include <stdlib.h>
#include <string.h>

#include "daemon/control/dispatch.h"
#include "daemon/control/shape.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

static const char *need_of(const struct core_view *view)
{
	if (!view->need_open)
		return NULL;
	if (view->state == CORE_UNCONFIGURED)
		return "a snapshot that names this node";
	return "connections to members";
}

struct answer *do_BOOTSTRAP_LIST(struct call *c)
{
	const struct control_node *n = call_node(c);
	json_t *list = json_array();
	struct control_seed *seed = xcalloc(1, sizeof(*seed));
	struct core_view view;

	for (size_t i = 0; n->seed_at(n->arg, i, seed); i++)
		json_array_append_new(list,
			json_pack("{s:s, s:o, s:o, s:o, s:o}", "type",
				seed->is_dns ? "dns" : "multiaddr", "address",
				shape_text(seed->address), "resolved",
				shape_addrs(seed->addrs, seed->count), "asked_at",
				shape_time(seed->asked_at), "error", shape_err(seed->err)));
	free(seed);
	core_view(n->core, loop_wall(n->loop), loop_now(n->loop), &view);
	return call_ok(c, json_pack("{s:o, s:o}", "entries", list, "need",
				  shape_text(need_of(&view))));
}

struct answer *do_BOOTSTRAP_RUN(struct call *c)
{
	const struct control_node *n = call_node(c);

	return call_ok(c, json_pack("{s:b, s:i}", "started", 1, "entries",
				  (int)n->bootstrap(n->arg)));
}

/* ---- resolve ---- */

/* All names are looked up at once; each puts its line where it belongs. */
struct resolve {
	struct ticket *t;
	json_t *names; /* owned until handed in; null where the answer is still to come */
	size_t open;
};

struct resolve_one {
	struct resolve *of;
	size_t index;
	char name[CONFIG_NAME_SIZE];
};

static json_t *records_of(const struct control_lookup *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->text_count; i++)
		json_array_append_new(list,
			json_pack("{s:o, s:o, s:o}", "text", shape_bytes(r->texts[i]), "address",
				shape_addr(&r->addrs[i]), "error", shape_err(r->errs[i])));
	return list;
}

static void resolve_done_one(struct resolve *r)
{
	if (--r->open > 0)
		return;
	ticket_ok(r->t, json_pack("{s:o}", "names", r->names));
	free(r);
}

static void on_lookup(void *arg, int err, const struct control_lookup *found)
{
	struct resolve_one *one = arg;
	struct resolve *r = one->of;

	json_array_set_new(r->names, one->index,
		json_pack("{s:s, s:o, s:o, s:o}", "name", one->name, "records",
			found ? records_of(found) : json_array(), "addresses",
			found ? shape_addrs(found->found, found->found_count) : json_array(),
			"error", shape_err(err)));
	free(one);
	resolve_done_one(r);
}

static void ask_name(const struct control_node *n, struct resolve *r, const char *name)
{
	struct resolve_one *one = xcalloc(1, sizeof(*one));

	one->of = r;
	one->index = json_array_size(r->names);
	(void)snprintf(one->name, sizeof(one->name), "%s", name);
	json_array_append_new(r->names, json_null());
	r->open++;
	n->lookup(n->arg, one->name, on_lookup, one);
}

/* The DNS name of an entry: a name of its own, or the one that its address begins with. */
static bool name_of(const struct config_bootstrap *entry, char *to, size_t size)
{
	struct bytes name = bytes_str(entry->name);

	if (entry->type != BOOTSTRAP_DNS)
		name = maddr_dns_name(&entry->maddr);
	if (name.len == 0 || name.len >= size)
		return false;
	memcpy(to, name.at, name.len);
	to[name.len] = '\0';
	return true;
}

struct answer *do_BOOTSTRAP_RESOLVE(struct call *c)
{
	const struct control_node *n = call_node(c);
	const char *wanted = call_text(c, "name");
	char name[CONFIG_NAME_SIZE];
	struct answer *answer;
	struct resolve *r;

	if (wanted && (wanted[0] == '\0' || strlen(wanted) >= CONFIG_NAME_SIZE))
		return call_refuse_param(c, "name", "must be a DNS name");
	r = xcalloc(1, sizeof(*r));
	r->names = json_array();
	r->open = 1; /* until all are asked: answers may come at once */
	answer = call_later(c, &r->t);
	if (wanted)
		ask_name(n, r, wanted);
	for (size_t i = 0; !wanted && i < n->config->bootstrap_count; i++)
		if (name_of(&n->config->bootstrap[i], name, sizeof(name)))
			ask_name(n, r, name);
	resolve_done_one(r);
	return answer;
}
