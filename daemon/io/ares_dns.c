/* SPDX-License-Identifier: Apache-2.0 */
/* ares_dns.c: a c-ares channel on the loop: its sockets watched, its time-outs on one timer.
 *
 * c-ares can only cancel everything at once and may call back from inside a question. So a
 * question starts in the next turn, and one that is given up stays here, mute, until c-ares is
 * done with it.
 *
 * A channel of c-ares 1.18 takes 73 KB, and a node whose peers are known by address asks nothing at
 * all: there is one only while questions come. Each new one reads resolv.conf anew. */
#include "daemon/io/ares_dns.h"

#define CARES_NO_DEPRECATED /* what c-ares advises instead is not in that of Debian 12 */
#include <ares.h>
#include <assert.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "daemon/io/dns_txt.h"
#include "daemon/io/loop_private.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define SERVER_TRY_MS  2000 /* patience with one server */
#define SERVER_TRIES   3
#define EDNS_BYTES     1232 /* fits one packet everywhere; a larger answer comes over TCP */
#define SERVERS_TEXT_MAX 1024
#define CHANNEL_IDLE_MS  10000 /* without a question, and the channel goes */

struct dns_socket {
	struct list node;
	struct dns *dns;
	uv_poll_t uv;
	ares_socket_t fd;
};

struct dns {
	struct loop *loop;
	struct buf servers;   /* as c-ares reads them; empty: those of resolv.conf */
	ares_channel channel; /* NULL: not needed now */
	struct list sockets;
	struct list queries;
	size_t query_count;
	struct timer timer; /* c-ares' own time-outs */
	struct timer idle;  /* the channel goes */
	bool is_ending;
};

struct dns_query {
	struct list node;
	struct dns *dns;
	enum dns_kind kind;
	char name[DNS_NAME_MAX + 2];
	struct timer timer; /* first the start, then the end of patience */
	bool is_started;
	dns_done_fn *on_done; /* NULL once told or cancelled */
	void *arg;
};

static void rearm(struct dns *d)
{
	struct timeval tv;

	if (!ares_timeout(d->channel, NULL, &tv)) {
		loop_timer_stop(d->loop, &d->timer);
		return;
	}
	/* A millisecond more: asked just before its time, c-ares would find nothing to do yet. */
	loop_timer_in_ms(d->loop, &d->timer, (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
}

static void process(struct dns *d, ares_socket_t in, ares_socket_t out)
{
	ares_process_fd(d->channel, in, out);
	rearm(d);
}

static void on_timer(void *arg, mono_t now)
{
	(void)now;
	process(arg, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void on_socket(uv_poll_t *p, int status, int events)
{
	struct dns_socket *s = p->data;
	bool failed = status < 0; /* then c-ares finds out by reading and writing */

	loop_wake_up(s->dns->loop);
	process(s->dns, failed || (events & UV_READABLE) ? s->fd : ARES_SOCKET_BAD,
		failed || (events & UV_WRITABLE) ? s->fd : ARES_SOCKET_BAD);
}

static void on_socket_closed(uv_handle_t *h)
{
	free(h->data);
}

static void forget_socket(struct dns_socket *s)
{
	list_remove(&s->node);
	uv_close((uv_handle_t *)&s->uv, on_socket_closed);
}

static struct dns_socket *socket_of(struct dns *d, ares_socket_t fd)
{
	list_each(node, &d->sockets) {
		struct dns_socket *s = list_entry(node, struct dns_socket, node);

		if (s->fd == fd)
			return s;
	}
	return NULL;
}

static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = arg;
	struct dns_socket *s = socket_of(d, fd);

	if (!readable && !writable) {
		if (s)
			forget_socket(s);
		return;
	}
	if (!s) {
		s = xcalloc(1, sizeof(*s));
		s->dns = d;
		s->fd = fd;
		if (uv_poll_init(loop_uv(d->loop), &s->uv, fd) != 0) {
			free(s); /* the look-up will time out */
			return;
		}
		s->uv.data = s;
		list_append(&d->sockets, &s->node);
	}
	(void)uv_poll_start(&s->uv, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
		on_socket);
}

static int dns_error(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_ENONAME:
		return P2P_ERR_NOT_FOUND;
	case ARES_ETIMEOUT:
		return P2P_ERR_TIMEOUT;
	case ARES_ECONNREFUSED:
		return P2P_ERR_UNREACHABLE;
	case ARES_EFORMERR:
	case ARES_ESERVFAIL:
	case ARES_ENOTIMP:
	case ARES_EREFUSED:
		return P2P_ERR_REFUSED;
	case ARES_EBADNAME:
		return P2P_ERR_INVALID;
	case ARES_EBADRESP:
		return P2P_ERR_PROTOCOL;
	default: /* files, memory, options: ours, not the peer's */
		return P2P_ERR_IO;
	}
}

static void tell(struct dns_query *q, int err, const struct dns_answer *a)
{
	dns_done_fn *on_done = q->on_done;

	q->on_done = NULL;
	loop_timer_stop(q->dns->loop, &q->timer);
	if (on_done)
		on_done(q->arg, err, a);
}

static void forget_query(struct dns_query *q)
{
	loop_timer_stop(q->dns->loop, &q->timer);
	list_remove(&q->node);
	if (--q->dns->query_count == 0 && !q->dns->is_ending)
		loop_timer_in_ms(q->dns->loop, &q->dns->idle, CHANNEL_IDLE_MS);
	free(q);
}

static void on_txt(void *arg, int status, int timeouts, unsigned char *at, int len)
{
	struct dns_query *q = arg;
	struct dns_txt txt;
	int err = dns_error(status);

	(void)timeouts;
	if (!q->dns->is_ending && q->on_done) {
		if (!err)
			err = dns_txt_parse(bytes_of(at, (size_t)len), q->name, &txt);
		if (err) {
			tell(q, err, NULL);
		} else {
			tell(q, 0,
				&(struct dns_answer){.texts = txt.texts,
					.text_count = txt.count,
					.dropped = txt.dropped,
					.ttl_sec = txt.ttl_sec});
			dns_txt_deinit(&txt);
		}
	}
	forget_query(q);
}

static void tell_addresses(struct dns_query *q, const struct ares_addrinfo *info)
{
	struct maddr_ip ips[DNS_IPS_MAX];
	struct dns_answer a = {.ips = ips, .ttl_sec = UINT32_MAX};

	for (const struct ares_addrinfo_node *n = info->nodes; n; n = n->ai_next) {
		struct maddr_ip ip;

		if (!ip_from_sockaddr(n->ai_addr, &ip))
			continue;
		ip.port = 0;
		if ((uint32_t)n->ai_ttl < a.ttl_sec)
			a.ttl_sec = (uint32_t)n->ai_ttl;
		if (a.ip_count < DNS_IPS_MAX)
			ips[a.ip_count++] = ip;
		else
			a.dropped++;
	}
	if (a.ip_count)
		tell(q, 0, &a);
	else
		tell(q, P2P_ERR_NOT_FOUND, NULL);
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct dns_query *q = arg;

	(void)timeouts;
	if (!q->dns->is_ending && q->on_done) {
		if (status == ARES_SUCCESS && info)
			tell_addresses(q, info);
		else
			tell(q, status == ARES_SUCCESS ? P2P_ERR_NOT_FOUND : dns_error(status), NULL);
	}
	if (info)
		ares_freeaddrinfo(info);
	forget_query(q);
}

/* ---- the channel ---- */

static int open_channel(struct dns *d)
{
	struct ares_options o = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
		.timeout = SERVER_TRY_MS,
		.tries = SERVER_TRIES,
		.ndots = 0,
		.ednspsz = EDNS_BYTES,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = d,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
		ARES_OPT_DOMAINS | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB;

#ifdef ARES_OPT_QUERY_CACHE
	/* Since 1.31 c-ares keeps answers, refusals too; how long they count is for discover/ to say. */
	o.qcache_max_ttl = 0;
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	if (ares_init_options(&d->channel, &o, mask) != ARES_SUCCESS) {
		d->channel = NULL;
		return P2P_ERR_IO;
	}
	if (d->servers.len &&
		ares_set_servers_ports_csv(d->channel, buf_cstr(&d->servers)) != ARES_SUCCESS) {
		ares_destroy(d->channel);
		d->channel = NULL;
		return P2P_ERR_CONFIG;
	}
	return 0;
}

/* Calls back for each question that it holds, and drops its sockets. */
static void close_channel(struct dns *d)
{
	if (d->channel)
		ares_destroy(d->channel);
	d->channel = NULL;
	loop_timer_stop(d->loop, &d->timer);
}

static void on_idle(void *arg, mono_t now)
{
	struct dns *d = arg;

	(void)now;
	if (d->query_count == 0)
		close_channel(d);
}

/* ---- asking ---- */

static void on_query_timer(void *arg, mono_t now)
{
	struct dns_query *q = arg;
	struct dns *d = q->dns;
	struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NOSORT, .ai_socktype = SOCK_STREAM};

	if (q->is_started) {
		tell(q, P2P_ERR_TIMEOUT, NULL); /* c-ares frees it when it gives up too */
		return;
	}
	if (!d->channel && open_channel(d)) {
		tell(q, P2P_ERR_IO, NULL);
		forget_query(q);
		return;
	}
	q->is_started = true;
	loop_timer_set(d->loop, &q->timer, mono_add_ms(now, DNS_TIMEOUT_MS));
	switch (q->kind) {
	case DNS_TXT:
		ares_query(d->channel, q->name, 1 /* IN */, 16 /* TXT */, on_txt, q);
		break;
	case DNS_A:
	case DNS_AAAA:
	case DNS_ADDR:
		hints.ai_family = q->kind == DNS_A ? AF_INET : q->kind == DNS_AAAA ? AF_INET6 : AF_UNSPEC;
		ares_getaddrinfo(d->channel, q->name, NULL, &hints, on_addresses, q);
		break;
	}
	rearm(d);
}

/* Letters, digits, '-', '_' and dots: all that a name of ours can need. */
static bool is_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > DNS_NAME_MAX)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == len;
}

int dns_ask(struct dns *d, enum dns_kind kind, const char *name, dns_done_fn *on_done, void *arg,
	struct dns_query **ret)
{
	struct dns_query *q;

	if (!is_name(name))
		return P2P_ERR_INVALID;
	if (d->query_count == DNS_QUERIES_MAX)
		return P2P_ERR_FULL;
	q = xcalloc(1, sizeof(*q));
	q->dns = d;
	q->kind = kind;
	memcpy(q->name, name, strlen(name) + 1);
	q->on_done = on_done;
	q->arg = arg;
	q->timer = TIMER(on_query_timer, q);
	list_append(&d->queries, &q->node);
	d->query_count++;
	loop_timer_set(d->loop, &q->timer, loop_now(d->loop));
	*ret = q;
	return 0;
}

void dns_cancel(struct dns_query *q)
{
	q->on_done = NULL;
	if (!q->is_started)
		forget_query(q);
	else
		loop_timer_stop(q->dns->loop, &q->timer);
}

static int keep_servers(struct dns *d, const struct dns_opts *opts)
{
	int err = 0;

	d->servers.max = SERVERS_TEXT_MAX;
	for (size_t i = 0; i < opts->server_count && !err; i++)
		err = buf_printf(&d->servers, "%s%s", i ? "," : "", opts->servers[i]);
	return err ? P2P_ERR_CONFIG : 0;
}

int dns_new(struct loop *l, const struct dns_opts *opts, struct dns **ret)
{
	struct dns *d;
	int err;

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return P2P_ERR_IO;
	d = xcalloc(1, sizeof(*d));
	d->loop = l;
	d->timer = TIMER(on_timer, d);
	d->idle = TIMER(on_idle, d);
	list_init(&d->sockets);
	list_init(&d->queries);
	err = keep_servers(d, opts);
	if (!err)
		err = open_channel(d); /* so that servers that are none show now */
	if (err) {
		dns_free(d);
		return err;
	}
	close_channel(d);
	*ret = d;
	return 0;
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	d->is_ending = true;
	close_channel(d);
	list_each(node, &d->queries)
		forget_query(list_entry(node, struct dns_query, node)); /* not started yet */
	list_each(node, &d->sockets)
		forget_socket(list_entry(node, struct dns_socket, node));
	loop_timer_stop(d->loop, &d->idle);
	ares_library_cleanup();
	buf_deinit(&d->servers);
	free(d);
}
