/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/discover/bootstrap.h"

#include <stdlib.h>

#include "daemon/sys/log.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

struct entry {
	struct bootstrap *b;
	struct config_bootstrap config;
	struct resolution *running; /* NULL when nothing is asked */
	size_t count;
	struct maddr *addrs;        /* owned; at most RESOLVE_ADDRS_MAX */
	wall_t asked_at;
	mono_t valid_until;         /* MONO_ZERO: nothing is known */
	int err;
};

struct bootstrap {
	struct bootstrap_opts o;
	size_t count;
	struct entry *entries; /* owned */
};

struct bootstrap *bootstrap_new(const struct bootstrap_opts *opts)
{
	struct bootstrap *b = xcalloc(1, sizeof(*b));

	b->o = *opts;
	return b;
}

static void entry_deinit(struct entry *e)
{
	if (e->running)
		resolve_cancel(e->running);
	free(e->addrs);
}

static void drop_entries(struct bootstrap *b)
{
	for (size_t i = 0; i < b->count; i++)
		entry_deinit(&b->entries[i]);
	free(b->entries);
	b->entries = NULL;
	b->count = 0;
}

void bootstrap_free(struct bootstrap *b)
{
	if (!b)
		return;
	drop_entries(b);
	free(b);
}

static bool needs_dns(const struct config_bootstrap *c)
{
	enum maddr_kind kind;

	if (c->type == BOOTSTRAP_DNS)
		return true;
	kind = maddr_kind(&c->maddr);
	return kind == MADDR_DNS || kind == MADDR_DNSADDR;
}

static void tell(struct bootstrap *b, const struct maddr *a, bool from_dns)
{
	struct maddr addr = *a;
	struct peer_id peer = PEER_ID_NONE;

	(void)maddr_split_peer(&addr, &peer);
	b->o.on_addr(b->o.arg, &peer, &addr, from_dns);
}

static void tell_all(struct entry *e)
{
	for (size_t i = 0; i < e->count; i++)
		tell(e->b, &e->addrs[i], true);
}

static const char *entry_text(const struct config_bootstrap *c, char *to)
{
	return c->type == BOOTSTRAP_DNS ? c->name : maddr_text(&c->maddr, to);
}

static void on_resolved(void *arg, const struct resolved *r)
{
	struct entry *e = arg;
	char text[MADDR_TEXT_MAX + 1];

	e->running = NULL;
	e->err = r->err;
	if (r->err) {
		/* What was known before is still the best guess. */
		log_info("BOOTSTRAP", "bootstrap_failed", kv_text("entry", entry_text(&e->config, text)),
			kv_err("reason", r->err));
		tell_all(e);
		return;
	}
	if (r->was_cut)
		log_info("DNS", "dns_cut", kv_text("entry", entry_text(&e->config, text)),
			kv_uint("addresses", r->addr_count));
	free(e->addrs);
	e->count = r->addr_count;
	e->addrs = xcalloc(r->addr_count, sizeof(*e->addrs));
	memcpy(e->addrs, r->addrs, r->addr_count * sizeof(*e->addrs));
	e->valid_until = mono_add_ms(loop_now(e->b->o.loop), (int64_t)r->ttl_sec * 1000);
	tell_all(e);
}

static void ask(struct entry *e)
{
	struct bootstrap *b = e->b;
	int err;

	if (e->running)
		return;
	e->asked_at = loop_wall(b->o.loop);
	err = e->config.type == BOOTSTRAP_DNS
		      ? resolve_name(b->o.loop, b->o.dns, e->config.name, on_resolved, e, &e->running)
		      : resolve_maddr(b->o.loop, b->o.dns, &e->config.maddr, on_resolved, e, &e->running);
	if (err)
		e->err = err;
}

/* An address that names nobody cannot be known to be reached. */
static bool is_all_reached(const struct entry *e)
{
	const struct bootstrap_opts *o = &e->b->o;

	for (size_t i = 0; i < e->count; i++) {
		struct maddr addr = e->addrs[i];
		struct peer_id peer = PEER_ID_NONE;

		(void)maddr_split_peer(&addr, &peer);
		if (peer_id_is_none(&peer) || !o->is_reached || !o->is_reached(o->arg, &peer))
			return false;
	}
	return true;
}

unsigned bootstrap_run(struct bootstrap *b, bool anew)
{
	mono_t now = loop_now(b->o.loop);

	for (size_t i = 0; i < b->count; i++) {
		struct entry *e = &b->entries[i];

		if (!needs_dns(&e->config))
			tell(b, &e->config.maddr, false);
		else if (!anew && e->count && mono_before(now, e->valid_until) && is_all_reached(e))
			tell_all(e);
		else
			ask(e);
	}
	return (unsigned)b->count;
}

static bool same_entry(const struct config_bootstrap *a, const struct config_bootstrap *b)
{
	if (a->type != b->type)
		return false;
	return a->type == BOOTSTRAP_DNS ? strcmp(a->name, b->name) == 0 : maddr_eq(&a->maddr, &b->maddr);
}

/* Answers move over; look-ups under way do not, they are asked anew when there is a need. */
static void keep_known(struct bootstrap *b, struct entry *fresh)
{
	for (size_t i = 0; i < b->count; i++) {
		struct entry *old = &b->entries[i];

		if (!same_entry(&old->config, &fresh->config))
			continue;
		fresh->addrs = old->addrs;
		fresh->count = old->count;
		fresh->asked_at = old->asked_at;
		fresh->valid_until = old->valid_until;
		fresh->err = old->err;
		old->addrs = NULL;
		old->count = 0;
		return;
	}
}

void bootstrap_set(struct bootstrap *b, const struct config_bootstrap *entries, size_t count)
{
	struct entry *fresh = xcalloc(count, sizeof(*fresh));

	for (size_t i = 0; i < count; i++) {
		fresh[i].b = b;
		fresh[i].config = entries[i];
		fresh[i].asked_at = WALL_ZERO;
		keep_known(b, &fresh[i]);
	}
	drop_entries(b);
	b->entries = fresh;
	b->count = count;
	for (size_t i = 0; i < count; i++)
		if (!needs_dns(&fresh[i].config))
			tell(b, &fresh[i].config.maddr, false);
}

bool bootstrap_at(const struct bootstrap *b, size_t i, struct bootstrap_entry *ret)
{
	const struct entry *e;

	if (i >= b->count)
		return false;
	e = &b->entries[i];
	*ret = (struct bootstrap_entry){.entry = &e->config, .asked_at = e->asked_at, .err = e->err};
	ret->count = needs_dns(&e->config) ? e->count : 1;
	ret->addrs = needs_dns(&e->config) ? e->addrs : &e->config.maddr;
	return true;
}
