/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dialer.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/err.h"
#include "proto/conn/conn.h"
#include "proto/multi/maddr.h"
#include "proto/noise/noise.h"

#define SEND_BYTES_MAX   (4u * 1024 * 1024) /* a whole list waits in the conn */
#define READ_BYTES       65536
#define SEND_AT_ONCE     65536
#define LINGER_MS        500 /* for the goodbye to leave */

struct dialer {
	struct cli *c;
	int fd;
	int64_t until;
	struct conn *conn;
	struct buf out; /* what the kernel did not take yet */
	const char *protocol;
	struct bytes question; /* what the conn did not take yet */
	struct buf *answer;
	uint32_t stream;
	bool done;
	int err;
	const char *why;
};

static mono_t mono_now(void)
{
	return (mono_t){cli_clock_ms() * NS_PER_MS};
}

static int fail(struct dialer *d, int err, const char *why)
{
	d->err = err;
	d->why = why;
	return err;
}

/* ---- TCP ---- */

static int connect_to(struct dialer *d, const struct sockaddr *sa, socklen_t len)
{
	struct pollfd p = {.events = POLLOUT};
	int e = 0;
	socklen_t size = sizeof(e);
	int64_t left;

	d->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		return fail(d, P2P_ERR_IO, "connect: no socket");
	(void)setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* only speed */
	if (connect(d->fd, sa, len) != 0 && errno != EINPROGRESS)
		return fail(d, P2P_ERR_UNREACHABLE, "connect: not reachable");
	p.fd = d->fd;
	do {
		left = d->until - cli_clock_ms();
		if (left <= 0)
			return fail(d, P2P_ERR_TIMEOUT, "connect: no answer in time");
	} while (poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left) <= 0);
	(void)getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &e, &size);
	if (e)
		return fail(d, e == ECONNREFUSED ? P2P_ERR_REFUSED : P2P_ERR_UNREACHABLE,
			e == ECONNREFUSED ? "connect: refused" : "connect: not reachable");
	return 0;
}

static int connect_ip(struct dialer *d, const struct maddr_ip *ip)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(ip->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(ip->port)};

	memcpy(&v4.sin_addr, ip->ip, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, ip->ip, sizeof(v6.sin6_addr));
	return ip->family == 4 ? connect_to(d, (struct sockaddr *)&v4, sizeof(v4))
			       : connect_to(d, (struct sockaddr *)&v6, sizeof(v6));
}

/* "/dns4/NAME/tcp/PORT/…", taken from its text: the first address that connects. */
static int connect_name(struct dialer *d, const char *address)
{
	char name[256], port[8];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC}, *all, *a;
	int err = P2P_ERR_NOT_FOUND;

	if (sscanf(address, "/dns%*[46]/%255[^/]/tcp/%7[0-9]", name, port) != 2 &&
		sscanf(address, "/dns/%255[^/]/tcp/%7[0-9]", name, port) != 2)
		return fail(d, P2P_ERR_UNSUPPORTED, "address: only tcp can be dialled from here");
	if (strncmp(address, "/dns4/", 6) == 0)
		hints.ai_family = AF_INET;
	else if (strncmp(address, "/dns6/", 6) == 0)
		hints.ai_family = AF_INET6;
	if (getaddrinfo(name, port, &hints, &all) != 0)
		return fail(d, P2P_ERR_NOT_FOUND, "resolve: the name has no address");
	for (a = all; a && err; a = a->ai_next) {
		if (d->fd >= 0)
			close(d->fd);
		err = connect_to(d, a->ai_addr, a->ai_addrlen);
	}
	freeaddrinfo(all);
	return err;
}

/* ---- the conn ---- */

static void put_question(struct dialer *d)
{
	size_t n = conn_write(d->conn, d->stream, d->question);

	d->question = bytes_from(d->question, n);
	if (!d->question.len)
		conn_end_stream(d->conn, d->stream);
}

static void begin(struct dialer *d)
{
	/* Nobody may open a stream to us; what tries is reset. */
	static const struct conn_grant grant = {.streams_in_max = 8, .per_protocol_max = 1, .negotiating_max = 8,
		.send_bytes_max = SEND_BYTES_MAX, .window_bytes_max = SEND_BYTES_MAX};

	conn_admit(d->conn, &grant, mono_now());
	if (conn_open_stream(d->conn, d->protocol, mono_now(), &d->stream))
		(void)fail(d, P2P_ERR_PROTOCOL, "stream: cannot be opened");
	else
		put_question(d);
}

static void take_event(struct dialer *d, const struct conn_event *ev)
{
	switch (ev->kind) {
	case CONN_PROVEN: begin(d); break;
	case CONN_STREAM_AGREED:
	case CONN_PONG:
	case CONN_STREAM_IN: break;
	case CONN_STREAM_ROOM: put_question(d); break;
	case CONN_STREAM_REFUSED:
		(void)fail(d, ev->err, ev->err == P2P_ERR_UNSUPPORTED ? "stream: the node does not speak that here"
								    : "stream: refused");
		break;
	case CONN_STREAM_DATA:
		if (ev->stream == d->stream && buf_put(d->answer, ev->data))
			(void)fail(d, P2P_ERR_TOO_LARGE, "answer: too large");
		d->done = d->done || memchr(ev->data.at, '\n', ev->data.len);
		break;
	case CONN_STREAM_END: d->done = d->done || ev->stream == d->stream; break;
	case CONN_STREAM_RESET:
		if (ev->stream == d->stream && !d->done)
			(void)fail(d, P2P_ERR_RESET, "answer: the node gave none");
		break;
	case CONN_CLOSED:
		if (!d->done && !d->err)
			(void)fail(d, ev->err ? ev->err : P2P_ERR_CLOSED, ev->why);
		break;
	}
}

static void pull_events(struct dialer *d)
{
	struct conn_event ev;

	while (!d->err && conn_next(d->conn, &ev))
		take_event(d, &ev);
}

/* Writes what there is; true while the kernel has no room. */
static bool flush(struct dialer *d)
{
	for (;;) {
		ssize_t n;

		if (!d->out.len)
			conn_send(d->conn, &d->out, SEND_AT_ONCE, mono_now());
		if (!d->out.len)
			return false;
		n = send(d->fd, d->out.data, d->out.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) {
			buf_reset(&d->out);
			conn_eof(d->conn, P2P_ERR_RESET);
			return false;
		}
		buf_drop(&d->out, (size_t)n);
	}
}

static void read_some(struct dialer *d)
{
	uint8_t chunk[READ_BYTES];
	ssize_t n = recv(d->fd, chunk, sizeof(chunk), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		conn_eof(d->conn, n == 0 ? P2P_ERR_CLOSED : P2P_ERR_RESET);
	else
		(void)conn_recv(d->conn, bytes_of(chunk, (size_t)n), mono_now()); /* CONN_CLOSED tells */
}

static void converse(struct dialer *d)
{
	while (!d->done && !d->err) {
		struct pollfd p = {.fd = d->fd, .events = POLLIN};
		int64_t wake = conn_deadline(d->conn).ns / NS_PER_MS, now;

		if (flush(d))
			p.events |= POLLOUT;
		pull_events(d);
		now = cli_clock_ms();
		if (d->done || d->err)
			return;
		if (now >= d->until) {
			(void)fail(d, P2P_ERR_TIMEOUT, "no answer in time");
			return;
		}
		if (wake > d->until)
			wake = d->until;
		if (poll(&p, 1, wake > now ? (int)(wake - now) : 0) > 0 && p.revents & (POLLIN | POLLHUP | POLLERR))
			read_some(d);
		pull_events(d);
		if (!d->done && !d->err)
			conn_tick(d->conn, mono_now());
	}
}

/* The muxer's goodbye, so that the node need not wait for silence. */
static void say_goodbye(struct dialer *d)
{
	int64_t until = cli_clock_ms() + LINGER_MS;
	struct pollfd p = {.fd = d->fd, .events = POLLOUT};

	conn_close(d->conn, "shutdown", mono_now());
	while (flush(d) && cli_clock_ms() < until)
		(void)poll(&p, 1, LINGER_MS);
}

static int open_conn(struct dialer *d, const char *address, const struct key_pair *identity, struct noise_static *noise,
	uint8_t *pb)
{
	struct conn_opts opts = {.side = CONN_DIALER, .identity = identity, .identity_pb = pb, .noise = noise,
		.securities = {CONN_NOISE}, .security_count = 1, .wall = cli_now(), .rng = d->c->rng};
	struct key_public pub;
	struct maddr m;
	struct maddr_ip ip;
	int err = maddr_parse(bytes_str(address), &m);

	if (err)
		return fail(d, err, "address: not a multiaddr");
	if (!maddr_split_peer(&m, &opts.expected))
		return fail(d, P2P_ERR_INVALID, "address: it has to end with /p2p/ID, so that nobody else is taken for it");
	if (maddr_kind(&m) == MADDR_QUIC || strstr(address, "/udp/"))
		return fail(d, P2P_ERR_UNSUPPORTED, "address: only tcp can be dialled from here");
	err = maddr_to_ip(&m, &ip) == 0 ? connect_ip(d, &ip) : connect_name(d, address);
	if (err)
		return err;
	key_public_of(identity, &pub);
	key_public_pb(&pub, pb);
	noise_static_init(noise, identity, d->c->rng);
	opts.now = mono_now();
	d->conn = conn_new(&opts);
	return 0;
}

int dialer_ask(struct cli *c, const char *address, const struct key_pair *identity, const char *protocol,
	struct bytes question, struct buf *answer, const char **ret_why)
{
	struct dialer d = {.c = c, .fd = -1, .protocol = protocol, .question = question, .answer = answer,
		.out = BUF_WITH_MAX(SEND_BYTES_MAX), .why = "", .until = cli_clock_ms() + (c->timeout_ms ? c->timeout_ms : DIALER_MS)};
	uint8_t pb[KEY_PUBLIC_PB_BYTES];
	struct noise_static noise = {0};

	if (open_conn(&d, address, identity, &noise, pb) == 0) {
		converse(&d);
		say_goodbye(&d);
	}
	conn_free(d.conn);
	noise_static_deinit(&noise);
	buf_deinit(&d.out);
	if (d.fd >= 0)
		close(d.fd);
	*ret_why = d.why;
	return d.err;
}
