/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/metrics_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/uv_tcp.h"
#include "daemon/sys/log.h"
#include "daemon/sys/metrics.h"
#include "proto/base/err.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/http/http1.h"

#define BODY_BYTES_MAX (4u * 1024 * 1024) /* the table is bounded far below */
#define LINGER_MS      2000               /* for the answer to leave */

struct asker {
	struct list node; /* in metrics_http.askers */
	struct metrics_http *m;
	struct flow *flow;
	struct buf in; /* the head as far as it came */
	struct timer late;
};

struct metrics_http {
	struct control_node *node; /* borrowed */
	struct tcp_listener *listener;
	struct maddr_ip at; /* where it really listens */
	struct list askers;
	unsigned count;
};

static void hang_up(struct asker *a)
{
	flow_close(a->flow);
	loop_timer_stop(a->m->node->loop, &a->late);
	list_remove(&a->node);
	a->m->count--;
	buf_deinit(&a->in);
	free(a);
}

/* ---- who asks for what ---- */

/* The address that it listens on, or localhost for a loopback one; any address where it listens on
 * all of them, but never a name. */
static bool is_own_host(const struct metrics_http *m, struct bytes host)
{
	static const uint8_t any[16];
	char own[CONFIG_ENDPOINT_SIZE], local[32];
	struct maddr_ip ip[2];

	config_endpoint_text(&m->at, own);
	(void)snprintf(local, sizeof(local), "localhost:%u", m->at.port);
	if (bytes_eq(host, bytes_str(own)))
		return true;
	if (bytes_eq(host, bytes_str(local)))
		return maddr_ip_reach(&m->at) == MADDR_REACH_LOOPBACK;
	return memcmp(m->at.ip, any, sizeof(any)) == 0 && host.len > 0 && host.at[0] != ':' &&
	       config_parse_listen(host, ip) == 1 && ip[0].port == m->at.port;
}

struct reply {
	unsigned code;
	const char *text;
	bool openmetrics, head_only;
};

static struct reply judge(const struct metrics_http *m, const struct http1_head *h)
{
	const struct http1_field *host = http1_field(h, "host", 0), *accept;
	struct reply r = {.code = 200, .text = "OK"};

	if (!host || http1_field(h, "host", 1) || !is_own_host(m, host->value))
		return (struct reply){421, "Misdirected Request", false, false};
	if (http1_field(h, "content-length", 0) || http1_field(h, "transfer-encoding", 0))
		return (struct reply){400, "Bad Request", false, false};
	r.head_only = bytes_eq(h->method, BYTES_LIT("HEAD"));
	if (!r.head_only && !bytes_eq(h->method, BYTES_LIT("GET")))
		return (struct reply){405, "Method Not Allowed", false, false};
	if (!bytes_eq(h->target, BYTES_LIT("/metrics")))
		return (struct reply){404, "Not Found", false, r.head_only};
	for (size_t n = 0; (accept = http1_field(h, "accept", n)); n++)
		r.openmetrics =
			r.openmetrics || http1_lists(accept->value, "application/openmetrics-text");
	return r;
}

static const char *type_of(const struct reply *r)
{
	if (r->code != 200)
		return "text/plain; charset=utf-8";
	return r->openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			      : "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- answering ---- */

static void answer(struct asker *a, struct reply r)
{
	struct control_node *n = a->m->node;
	struct buf body = BUF_WITH_MAX(BODY_BYTES_MAX), out = BUF_INIT;
	struct flow *flow = a->flow;

	if (r.code == 200) {
		n->measure(n->arg);
		if (metrics_print(&body, r.openmetrics))
			r = (struct reply){500, "Internal Server Error", false, r.head_only};
	}
	if (r.code != 200)
		(void)buf_printf(&body, "%u %s\n", r.code, r.text);
	(void)buf_printf(&out,
		"HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: "
		"close\r\n%s\r\n",
		r.code, r.text, type_of(&r), body.len, r.code == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (!r.head_only)
		(void)buf_put(&out, buf_bytes(&body));
	(void)flow_write(flow, buf_bytes(&out)); /* if it cannot, it is closed all the same */
	a->flow = NULL;
	hang_up(a);
	flow_close_after_write(flow, LINGER_MS);
	buf_deinit(&body);
	buf_deinit(&out);
}

static void on_data(void *arg, struct bytes in)
{
	static const struct reply bad = {400, "Bad Request", false, false};
	static const struct reply large = {431, "Request Header Fields Too Large", false, false};
	static const struct reply version = {505, "HTTP Version Not Supported", false, false};
	struct asker *a = arg;
	struct http1_head h;
	int err;

	if (buf_put(&a->in, in)) {
		answer(a, large);
		return;
	}
	err = http1_request_head(buf_bytes(&a->in), &h);
	if (!err)
		answer(a, judge(a->m, &h));
	else if (err != P2P_ERR_AGAIN)
		answer(a, err == P2P_ERR_TOO_LARGE     ? large
			  : err == P2P_ERR_UNSUPPORTED ? version
						       : bad);
}

static void on_end(void *arg, int err)
{
	(void)err;
	hang_up(arg);
}

static void on_late(void *arg, mono_t now)
{
	(void)now;
	hang_up(arg);
}

static const struct flow_handler handler = {.on_data = on_data, .on_end = on_end};

/* ---- the door ---- */

static bool on_knock(void *arg, const struct maddr_ip *remote)
{
	const struct metrics_http *m = arg;

	(void)remote;
	return m->count < METRICS_HTTP_CLIENTS_MAX;
}

static void on_accept(void *arg, struct flow *take_flow, const struct maddr_ip *remote,
	const struct maddr_ip *local)
{
	struct metrics_http *m = arg;
	struct asker *a = xcalloc(1, sizeof(*a));

	(void)remote;
	(void)local;
	/* One read may bring more than a head: what is behind it is of no interest. */
	*a = (struct asker){.m = m,
		.flow = take_flow,
		.in = BUF_WITH_MAX(HTTP1_HEAD_BYTES_MAX + 65536),
		.late = TIMER(on_late, a)};
	list_append(&m->askers, &a->node);
	m->count++;
	loop_timer_in_ms(m->node->loop, &a->late, METRICS_HTTP_MS);
	flow_start(take_flow, &handler, a);
}

static const struct tcp_listen_handler door = {.on_knock = on_knock, .on_accept = on_accept};

int metrics_http_open(struct control_node *node, struct metrics_http **ret)
{
	struct metrics_http *m;
	char text[CONFIG_ENDPOINT_SIZE];
	int err;

	*ret = NULL;
	if (!node->config->metrics.has_listen)
		return 0;
	m = xcalloc(1, sizeof(*m));
	m->node = node;
	list_init(&m->askers);
	err = tcp_listen(node->loop, &node->config->metrics.listen, &door, m, &m->listener);
	if (err) {
		free(m);
		return err;
	}
	tcp_listener_addr(m->listener, &m->at);
	log_info("CONTROL", "metrics_listen",
		kv_text("address", config_endpoint_text(&m->at, text)));
	*ret = m;
	return 0;
}

void metrics_http_close(struct metrics_http *m)
{
	if (!m)
		return;
	tcp_listener_close(m->listener);
	list_each (node, &m->askers)
		hang_up(list_entry(node, struct asker, node));
	free(m);
}
