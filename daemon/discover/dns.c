/* SPDX-License-Identifier: Apache-2.0 */
/* A thin driver of proto/multi/dnsaddr.h over c-ares: it asks what the books say, and says back what
 * came. */
#include "daemon/discover/dns.h"

#include <stdlib.h>

#include "daemon/sys/log.h"
#include "daemon/sys/metrics.h"
#include "proto/base/err.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"

#define TTL_MIN_SEC 30
#define TTL_MAX_SEC 3600
#define TEXT_BYTES_MAX 1024 /* of a TXT record kept for display */

struct lookup {
	struct list node;
	struct resolution *r;
	struct dns_query *query;
	mono_t asked;
	bool is_txt;
	uint8_t id;         /* of the dnsaddr question */
	struct maddr maddr; /* whose leading name is looked up */
};

struct resolution {
	struct loop *loop;
	struct dns *dns;
	resolved_fn *on_done;
	void *arg;
	struct timer timer; /* RESOLVE_MS, and the end itself */
	struct dnsaddr books;
	struct list lookups;
	size_t open;
	struct list waiting;  /* struct lookup of names, until there is room */
	int first_err;
	uint32_t ttl_sec;
	size_t addr_count;
	struct maddr addrs[RESOLVE_ADDRS_MAX];
	size_t text_count;
	struct bytes texts[RESOLVE_TEXTS_MAX]; /* owned copies */
	struct maddr text_addrs[RESOLVE_TEXTS_MAX];
	int text_errs[RESOLVE_TEXTS_MAX];
	bool was_cut;
	bool is_over;
};

static void go_on(struct resolution *r);

static void add_addr(struct resolution *r, const struct maddr *a)
{
	for (size_t i = 0; i < r->addr_count; i++)
		if (maddr_eq(&r->addrs[i], a))
			return;
	if (r->addr_count == RESOLVE_ADDRS_MAX)
		r->was_cut = true;
	else
		r->addrs[r->addr_count++] = *a;
}

static void note_error(struct resolution *r, int err)
{
	if (!r->first_err)
		r->first_err = err;
}

static void note_ttl(struct resolution *r, uint32_t ttl)
{
	if (ttl && (!r->ttl_sec || ttl < r->ttl_sec))
		r->ttl_sec = ttl;
}

static void lookup_free(struct lookup *l)
{
	list_remove(&l->node);
	free(l);
}

/* An address that begins with a name waits for its turn. */
static void add_result(struct resolution *r, const struct maddr *a)
{
	struct lookup *l;

	if (maddr_kind(a) != MADDR_DNS) {
		add_addr(r, a);
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->r = r;
	l->maddr = *a;
	list_append(&r->waiting, &l->node);
}

static void keep_text(struct resolution *r, struct bytes text, const struct maddr *a, int err)
{
	struct bytes cut = bytes_head(text, TEXT_BYTES_MAX);
	uint8_t *copy;

	if (r->text_count == RESOLVE_TEXTS_MAX)
		return;
	copy = xmalloc(cut.len);
	if (cut.len)
		memcpy(copy, cut.at, cut.len);
	r->texts[r->text_count] = bytes_of(copy, cut.len);
	r->text_addrs[r->text_count] = *a;
	r->text_errs[r->text_count] = err;
	r->text_count++;
}

static void take_texts(struct lookup *l, const struct dns_answer *a)
{
	struct resolution *r = l->r;

	for (size_t i = 0; i < a->text_count; i++) {
		struct maddr m = MADDR_NONE;
		int err = dnsaddr_answer(&r->books, l->id, a->texts[i], &m);

		if (err == 0)
			add_result(r, &m);
		if (err == P2P_ERR_INVALID)
			log_info("DNS", "dns_record_skipped", kv_bytes("record", a->texts[i]),
				kv_text("name", r->books.questions[l->id].name));
		/* A /dnsaddr that became a question of its own is no fault. */
		keep_text(r, a->texts[i], &m, err == P2P_ERR_AGAIN ? 0 : err);
	}
}

static void take_ips(struct lookup *l, const struct dns_answer *a)
{
	for (size_t i = 0; i < a->ip_count; i++) {
		struct maddr m = l->maddr;

		if (maddr_replace_dns(&m, &a->ips[i]) == 0)
			add_addr(l->r, &m);
	}
}

static void on_answer(void *arg, int err, const struct dns_answer *a)
{
	struct lookup *l = arg;
	struct resolution *r = l->r;

	metric_inc(M_DNS_LOOKUPS, "servers", err == 0 ? "ok" : err == P2P_ERR_TIMEOUT ? "timeout" : "failed");
	metric_observe(M_DNS_DURATION, (double)mono_since_ns(loop_now(r->loop), l->asked) / (double)NS_PER_SEC);
	if (err) {
		note_error(r, err);
	} else {
		note_ttl(r, a->ttl_sec);
		if (l->is_txt)
			take_texts(l, a);
		else
			take_ips(l, a);
	}
	if (l->is_txt)
		dnsaddr_done(&r->books, l->id);
	r->open--;
	lookup_free(l);
	go_on(r);
}

static void ask(struct lookup *l, enum dns_kind kind, const char *name)
{
	struct resolution *r = l->r;
	int err;

	list_append(&r->lookups, &l->node);
	r->open++;
	l->asked = loop_now(r->loop);
	err = dns_ask(r->dns, kind, name, on_answer, l, &l->query);
	if (!err)
		return;
	note_error(r, err);
	if (l->is_txt)
		dnsaddr_done(&r->books, l->id);
	r->open--;
	lookup_free(l);
}

static enum dns_kind kind_of(const struct maddr *a)
{
	struct maddr_walk w = maddr_begin(a);
	struct maddr_part p;

	if (!maddr_next(&w, &p))
		return DNS_ADDR;
	return strcmp(p.name, "dns4") == 0 ? DNS_A : strcmp(p.name, "dns6") == 0 ? DNS_AAAA : DNS_ADDR;
}

static void ask_waiting(struct resolution *r)
{
	struct list *node = list_first(&r->waiting);
	struct lookup *l = list_entry(node, struct lookup, node);
	struct bytes name = maddr_dns_name(&l->maddr);
	char text[DNSADDR_NAME_SIZE];

	list_remove(&l->node);
	if (name.len >= sizeof(text)) {
		free(l);
		return;
	}
	memcpy(text, name.at, name.len);
	text[name.len] = '\0';
	ask(l, kind_of(&l->maddr), text);
}

/* Asks what can be asked; at the end the callback comes from the timer, never from inside. */
static void go_on(struct resolution *r)
{
	struct dnsaddr_ask q;

	if (r->is_over)
		return;
	while (r->open < RESOLVE_OPEN_MAX && dnsaddr_next(&r->books, &q)) {
		struct lookup *l = xcalloc(1, sizeof(*l));

		l->r = r;
		l->is_txt = true;
		l->id = q.id;
		ask(l, DNS_TXT, q.name);
	}
	while (r->open < RESOLVE_OPEN_MAX && !list_is_empty(&r->waiting))
		ask_waiting(r);
	if (r->open == 0 && dnsaddr_is_over(&r->books) && list_is_empty(&r->waiting)) {
		r->is_over = true;
		loop_timer_set(r->loop, &r->timer, loop_now(r->loop));
	}
}

static void drop_lookups(struct resolution *r)
{
	list_each(node, &r->lookups) {
		struct lookup *l = list_entry(node, struct lookup, node);

		dns_cancel(l->query);
		lookup_free(l);
	}
	list_each(node, &r->waiting)
		lookup_free(list_entry(node, struct lookup, node));
}

void resolve_cancel(struct resolution *r)
{
	loop_timer_stop(r->loop, &r->timer);
	drop_lookups(r);
	for (size_t i = 0; i < r->text_count; i++)
		free((void *)(uintptr_t)r->texts[i].at);
	free(r);
}

static uint32_t clamp_ttl(uint32_t ttl)
{
	return ttl < TTL_MIN_SEC ? TTL_MIN_SEC : ttl > TTL_MAX_SEC ? TTL_MAX_SEC : ttl;
}

static void finish(void *arg, mono_t now)
{
	struct resolution *r = arg;
	struct resolved out = {.addr_count = r->addr_count, .addrs = r->addrs, .text_count = r->text_count,
		.texts = r->texts, .text_addrs = r->text_addrs, .text_errs = r->text_errs,
		.ttl_sec = clamp_ttl(r->ttl_sec), .was_cut = r->was_cut || r->books.was_cut};

	(void)now;
	if (r->addr_count == 0)
		out.err = r->first_err ? r->first_err : r->is_over ? P2P_ERR_NOT_FOUND : P2P_ERR_TIMEOUT;
	r->on_done(r->arg, &out);
	resolve_cancel(r);
}

static struct resolution *begin(struct loop *l, struct dns *dns, resolved_fn *on_done, void *arg)
{
	struct resolution *r = xcalloc(1, sizeof(*r));

	r->loop = l;
	r->dns = dns;
	r->on_done = on_done;
	r->arg = arg;
	r->timer = TIMER(finish, r);
	list_init(&r->lookups);
	list_init(&r->waiting);
	dnsaddr_init(&r->books);
	loop_timer_in_ms(l, &r->timer, RESOLVE_MS);
	return r;
}

int resolve_name(struct loop *l, struct dns *dns, const char *domain, resolved_fn *on_done, void *arg,
	struct resolution **ret)
{
	struct resolution *r = begin(l, dns, on_done, arg);
	int err = dnsaddr_add_name(&r->books, bytes_str(domain));

	if (err) {
		resolve_cancel(r);
		return err;
	}
	*ret = r;
	go_on(r);
	return 0;
}

int resolve_maddr(struct loop *l, struct dns *dns, const struct maddr *a, resolved_fn *on_done, void *arg,
	struct resolution **ret)
{
	struct resolution *r = begin(l, dns, on_done, arg);
	int err = 0;

	if (maddr_kind(a) == MADDR_DNSADDR)
		err = dnsaddr_add(&r->books, a);
	else
		add_result(r, a);
	if (err) {
		resolve_cancel(r);
		return err;
	}
	*ret = r;
	go_on(r);
	return 0;
}
