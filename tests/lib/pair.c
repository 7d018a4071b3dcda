/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/pair.h"

#include "tests/lib/p2ptest.h"

#define BUDGET_BYTES (512 * 1024)
#define TRAIN_BYTES  65000
#define RUN_MS       100 /* what is due later than that is nobody's work */

const char *const pair_protocols[] = {"/test/echo/1.0.0", "/test/other/1.0.0", "/ipfs/ping/1.0.0"};
const size_t pair_protocol_count = sizeof(pair_protocols) / sizeof(pair_protocols[0]);

static void side_init(struct pair_side *s, enum pair_stack stack, uint64_t seed)
{
	struct key_public key;

	rng_seed(&s->seeded, seed);
	s->rng = &s->seeded.rng;
	key_generate(s->rng, &s->identity);
	key_public_of(&s->identity, &key);
	key_public_pb(&key, s->identity_pb);
	key_pair_peer_id(&s->identity, &s->id);
	noise_static_init(&s->noise, &s->identity, s->rng);
	s->securities[0] = stack == PAIR_TLS ? CONN_TLS : CONN_NOISE;
	s->security_count = 1;
	s->grant = (struct conn_grant){
		.protocols = pair_protocols,
		.protocol_count = pair_protocol_count,
		.streams_in_max = 64,
		.per_protocol_max = 64,
		.negotiating_max = 32,
		.send_bytes_max = 1024 * 1024,
		.window_bytes_max = 1024 * 1024,
	};
}

void pair_init_over(struct pair *p, enum pair_stack stack, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	p->now = t0;
	p->stack = stack;
	p->wall = PAIR_WALL;
	side_init(&p->side[PAIR_D], stack, 2 * seed);
	side_init(&p->side[PAIR_L], stack, 2 * seed + 1);
	p->side[PAIR_D].expected = p->side[PAIR_L].id;
}

void pair_init(struct pair *p, uint64_t seed)
{
	pair_init_over(p, PAIR_NOISE, seed);
}

const char *pair_stack_word(enum pair_stack stack)
{
	static const char *const words[PAIR_STACKS] = {"noise", "tls", "quic"};

	return words[stack];
}

static void forget(struct pair_side *s)
{
	conn_free(s->conn);
	s->conn = NULL;
	buf_deinit(&s->wire);
	for (size_t i = 0; i < s->stream_count; i++)
		buf_deinit(&s->streams[i].got);
	memset(s->streams, 0, s->stream_count * sizeof(s->streams[0]));
	s->stream_count = 0;
	s->event_count = 0;
	s->flights = 0;
	s->bytes_sent = 0;
	s->memory_max = 0;
	s->is_proven = false;
	s->is_closed = false;
}

void pair_deinit(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		forget(&p->side[i]);
		quic_endpoint_free(p->side[i].ep);
		tls_identity_deinit(&p->side[i].tls);
	}
	assert_null(p->scratch.user);
	buf_deinit(&p->scratch.plain);
}

/* Costs more than a handshake, so it is made when it is needed. */
static void need_tls(struct pair_side *s)
{
	if (!s->tls.credentials)
		assert_ok(tls_identity_init(
			&s->tls, &s->identity, s->rng, PAIR_WALL, TLS_AES_FIRST));
}

static bool uses_tls(const struct pair_side *s)
{
	for (uint8_t i = 0; i < s->security_count; i++)
		if (s->securities[i] == CONN_TLS)
			return true;
	return false;
}

static const struct datagram_path paths[2] = {
	[PAIR_D] = {{.family = 4, .ip = {10, 0, 0, 1}, .port = 4001},
		{.family = 4, .ip = {10, 0, 0, 2}, .port = 4002}},
	[PAIR_L] = {{.family = 4, .ip = {10, 0, 0, 2}, .port = 4002},
		{.family = 4, .ip = {10, 0, 0, 1}, .port = 4001}},
};

static void need_endpoint(struct pair_side *s)
{
	struct quic_endpoint_opts opts = {&s->tls, &s->identity, s->rng};

	need_tls(s);
	if (!s->ep)
		s->ep = quic_endpoint_new(&opts);
}

static void start_quic(struct pair *p)
{
	struct pair_side *d = &p->side[PAIR_D];
	struct quic_opts quic = {.expected = d->expected, .wall = p->wall};
	struct conn_opts opts = {.side = CONN_DIALER, .scratch = &p->scratch, .now = p->now};
	struct quic_conn *q;

	for (int i = 0; i < 2; i++) {
		forget(&p->side[i]);
		need_endpoint(&p->side[i]);
	}
	assert_ok(quic_dial(d->ep, &paths[PAIR_D], &quic, p->now, &q));
	d->conn = conn_new_quic(&opts, q);
}

void pair_start(struct pair *p)
{
	if (p->stack == PAIR_QUIC) {
		start_quic(p);
		return;
	}
	for (int i = 0; i < 2; i++) {
		struct pair_side *s = &p->side[i];
		struct conn_opts opts = {
			.side = i == PAIR_D ? CONN_DIALER : CONN_LISTENER,
			.identity = &s->identity,
			.identity_pb = s->identity_pb,
			.noise = &s->noise,
			.tls = &s->tls,
			.security_count = s->security_count,
			.wall = p->wall,
			.rng = s->rng,
			.expected = s->expected,
			.scratch = &p->scratch,
			.now = p->now,
		};

		forget(s);
		if (uses_tls(s))
			need_tls(s);
		memcpy(opts.securities, s->securities, sizeof(opts.securities));
		s->conn = conn_new(&opts);
	}
}

static struct pair_stream *stream_of(struct pair_side *s, uint32_t id)
{
	for (size_t i = 0; i < s->stream_count; i++)
		if (s->streams[i].stream == id)
			return &s->streams[i];
	if (s->stream_count == PAIR_STREAMS_MAX)
		return NULL;
	s->streams[s->stream_count].stream = id;
	return &s->streams[s->stream_count++];
}

static void write_down(struct pair_side *s, const struct conn_event *ev)
{
	struct pair_event *e;

	if (s->event_count == PAIR_EVENTS_MAX)
		return;
	e = &s->events[s->event_count++];
	*e = (struct pair_event){
		.kind = ev->kind,
		.stream = ev->stream,
		.data_len = ev->data.len,
		.rtt_ns = ev->rtt_ns,
		.err = ev->err,
		.why = ev->why,
		.detail = ev->detail,
	};
	if (ev->protocol)
		memcpy(e->protocol, ev->protocol, strlen(ev->protocol) + 1);
}

/* Streams of the peer have the parity of the other side. */
static bool is_peers(int side, uint32_t stream)
{
	return (stream & 1) != (side == PAIR_D ? 1 : 0);
}

static void on_event(struct pair *p, int side, const struct conn_event *ev)
{
	struct pair_side *s = &p->side[side];
	struct pair_stream *st;

	write_down(s, ev);
	switch (ev->kind) {
	case CONN_PROVEN:
		s->is_proven = true;
		assert_true(peer_id_eq(ev->peer, &p->side[1 - side].id));
		if (!s->holds_judgement)
			conn_admit(s->conn, &s->grant, p->now);
		break;
	case CONN_STREAM_DATA:
		st = stream_of(s, ev->stream);
		if (st)
			assert_ok(buf_put(&st->got, ev->data));
		if (s->echoes && is_peers(side, ev->stream))
			(void)conn_write(s->conn, ev->stream, ev->data);
		break;
	case CONN_STREAM_END:
		st = stream_of(s, ev->stream);
		if (st)
			st->ended = true;
		if (s->echoes && is_peers(side, ev->stream))
			conn_end_stream(s->conn, ev->stream);
		break;
	case CONN_CLOSED:
		assert_false(s->is_closed);
		assert_non_null(ev->why);
		s->is_closed = true;
		break;
	case CONN_STREAM_IN:
	case CONN_STREAM_AGREED:
	case CONN_STREAM_REFUSED:
	case CONN_STREAM_RESET:
	case CONN_STREAM_ROOM:
	case CONN_PONG:
		break;
	}
	if (s->on_event)
		s->on_event(p, side, ev);
}

static void look_at_memory(struct pair_side *s)
{
	struct conn_info info;

	if (!s->conn)
		return;
	conn_info(s->conn, &info);
	if (info.memory > s->memory_max)
		s->memory_max = info.memory;
}

void pair_events(struct pair *p, int side)
{
	struct conn_event ev;

	look_at_memory(&p->side[side]);
	while (p->side[side].conn && conn_next(p->side[side].conn, &ev))
		on_event(p, side, &ev);
	look_at_memory(&p->side[side]);
}

/* ---- Datagrams ---- */

/* The datagrams of a train go on the way to `to`, each behind its length. */
static void put_train(struct buf *wire, struct bytes left, const struct datagram_train *train)
{
	assert_true(train->segment > 0 && left.len <= DATAGRAM_TRAIN_BYTES);
	while (left.len > 0) {
		struct bytes one = bytes_head(left, train->segment);

		assert_ok(buf_put_u16be(wire, (uint16_t)one.len));
		assert_ok(buf_put(wire, one));
		left = bytes_from(left, one.len);
	}
}

static void send_trains(struct pair *p, int from)
{
	struct pair_side *s = &p->side[from], *to = &p->side[1 - from];
	struct buf out = BUF_INIT;
	struct datagram_train train;

	while (s->conn && conn_wants_send(s->conn) &&
		conn_send_train(s->conn, &out, p->budget ? p->budget : TRAIN_BYTES, p->now, &train)) {
		put_train(&to->wire, buf_bytes(&out), &train);
		buf_reset(&out);
		pair_events(p, from);
	}
	buf_deinit(&out);
}

static void accept_knock(struct pair *p, int side, const struct datagram *in, struct buf *out,
	struct datagram_train *ret_train)
{
	struct pair_side *s = &p->side[side];
	struct quic_opts quic = {.expected = s->expected, .wall = p->wall};
	struct conn_opts opts = {.side = CONN_LISTENER, .scratch = &p->scratch, .now = p->now};
	struct quic_conn *q;

	if (!s->conn && quic_accept(s->ep, in, &quic, p->now, out, ret_train, &q) == 0)
		s->conn = conn_new_quic(&opts, q);
}

static void deliver_datagram(struct pair *p, int to, struct bytes data)
{
	struct pair_side *s = &p->side[to];
	struct datagram in = {paths[to], ECN_NONE, data};
	struct datagram_train train;
	struct quic_found found;
	struct buf out = BUF_INIT;

	switch (quic_sort(s->ep, &in, p->now, &found, &out, &train)) {
	case QUIC_FOR_CONN:
		(void)conn_recv_datagram(s->conn, &in, p->now); /* CONN_CLOSED tells */
		break;
	case QUIC_KNOCK: accept_knock(p, to, &in, &out, &train); break;
	case QUIC_ANSWERED:
	case QUIC_IGNORED: break;
	}
	if (out.len)
		put_train(&p->side[1 - to].wire, buf_bytes(&out), &train);
	buf_deinit(&out);
	pair_events(p, to);
}

/* ---- Flights ---- */

/* Hands a side what waits on its wire. */
static void deliver(struct pair *p, int to)
{
	struct pair_side *s = &p->side[to];
	struct buf flight = BUF_INIT;
	struct bytes in;

	if (s->is_deaf)
		return;
	buf_swap(&flight, &s->wire);
	in = buf_bytes(&flight);
	while (in.len > 0) {
		struct bytes piece = bytes_head(in, p->cut ? p->cut : in.len);

		if (p->stack == PAIR_QUIC) {
			piece = bytes_head(in, 2 + ((size_t)in.at[0] << 8 | in.at[1]));
			deliver_datagram(p, to, bytes_from(piece, 2));
		} else {
			(void)conn_recv(s->conn, piece, p->now); /* CONN_CLOSED tells */
			pair_events(p, to);
		}
		in = bytes_from(in, piece.len);
	}
	buf_deinit(&flight);
}

static void send_all(struct pair *p, int from)
{
	struct pair_side *s = &p->side[from];

	if (p->stack == PAIR_QUIC)
		send_trains(p, from);
	else
		conn_send(s->conn, &p->side[1 - from].wire, p->budget ? p->budget : BUDGET_BYTES,
			p->now);
}

static void tick(struct pair *p, int side)
{
	struct conn *c = p->side[side].conn;

	if (c && mono_reached(conn_deadline(c), p->now))
		conn_tick(c, p->now);
	pair_events(p, side);
}

bool pair_flight(struct pair *p, int from)
{
	struct pair_side *s = &p->side[from], *to = &p->side[1 - from];
	size_t before = to->wire.len;

	if (p->stack == PAIR_QUIC)
		tick(p, from); /* time has passed */

	/* A transport that is not read takes no more after a while, like a full socket. */
	if (!to->is_deaf || to->wire.len == 0)
		send_all(p, from);
	pair_events(p, from);
	if (to->wire.len > before) {
		s->flights++;
		s->bytes_sent += to->wire.len - before;
	}
	if (to->wire.len == 0 || to->is_deaf)
		return to->wire.len > before;
	if (p->stack == PAIR_QUIC)
		p->now = mono_add_ms(p->now, PAIR_FLIGHT_MS);
	deliver(p, 1 - from);
	return true;
}

static mono_t next_deadline(const struct pair *p)
{
	mono_t next = MONO_NEVER;

	for (int i = 0; i < 2; i++)
		if (p->side[i].conn)
			next = mono_min(next, conn_deadline(p->side[i].conn));
	return next;
}

/* QUIC's small deadlines; false when there are none. */
static bool wait_a_little(struct pair *p)
{
	mono_t next = next_deadline(p);

	if (!mono_before(next, mono_add_ms(p->now, RUN_MS)))
		return false;
	p->now = mono_max(p->now, next);
	return true; /* each flight begins with what is due */
}

static void run(struct pair *p, bool waits)
{
	for (unsigned i = 0; i < PAIR_FLIGHTS_MAX; i++) {
		bool moved = pair_flight(p, PAIR_D);

		if (!pair_flight(p, PAIR_L) && !moved && !(waits && wait_a_little(p)))
			return;
	}
	fail_msg("the two conns never come to rest");
}

void pair_run(struct pair *p)
{
	run(p, p->stack == PAIR_QUIC);
}

void pair_pass(struct pair *p, int64_t ms)
{
	mono_t end = mono_add_ms(p->now, ms);

	for (unsigned i = 0; i < PAIR_FLIGHTS_MAX; i++) {
		p->now = mono_max(p->now, mono_min(end, next_deadline(p)));
		tick(p, PAIR_D);
		tick(p, PAIR_L);
		run(p, false);
		if (mono_reached(end, p->now))
			return;
	}
	fail_msg("a deadline comes again and again");
}

bool pair_is_open(const struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		struct conn_info info;

		if (!p->side[i].conn)
			return false;
		conn_info(p->side[i].conn, &info);
		if (strcmp(info.state, "open") != 0)
			return false;
	}
	return true;
}

void pair_open(struct pair *p)
{
	pair_start(p);
	pair_run(p);
	for (int i = 0; i < 2; i++) {
		const struct pair_event *e = pair_find(p, i, CONN_CLOSED, 0, NULL);

		if (e)
			fail_msg("side %d closed: %s, %s", i, err_name(e->err), e->why);
	}
	assert_true(pair_is_open(p));
}

const struct pair_event *pair_find(
	const struct pair *p, int side, enum conn_event_kind kind, size_t from, size_t *ret_at)
{
	const struct pair_side *s = &p->side[side];

	for (size_t i = from; i < s->event_count; i++) {
		if (s->events[i].kind != kind)
			continue;
		if (ret_at)
			*ret_at = i;
		return &s->events[i];
	}
	return NULL;
}

size_t pair_count(const struct pair *p, int side, enum conn_event_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < p->side[side].event_count; i++)
		count += p->side[side].events[i].kind == kind;
	return count;
}

void pair_assert_closed(const struct pair *p, int side, int err, const char *why)
{
	const struct pair_event *e = pair_find(p, side, CONN_CLOSED, 0, NULL);

	if (!e)
		fail_msg("side %d is not closed, but should be: %s", side, why);
	else if (e->err != err || strcmp(e->why, why) != 0)
		fail_msg("side %d closed with %s, %s; wanted %s, %s", side, err_name(e->err), e->why,
			err_name(err), why);
	assert_true(e == &p->side[side].events[p->side[side].event_count - 1]);
}

struct bytes pair_got(const struct pair *p, int side, uint32_t stream)
{
	const struct pair_side *s = &p->side[side];

	for (size_t i = 0; i < s->stream_count; i++)
		if (s->streams[i].stream == stream)
			return buf_bytes(&s->streams[i].got);
	return BYTES_NONE;
}

uint32_t pair_say(struct pair *p, int side, const char *protocol, struct bytes data)
{
	uint32_t stream = 0;

	assert_ok(conn_open_stream(p->side[side].conn, protocol, p->now, &stream));
	assert_int_equal(conn_write(p->side[side].conn, stream, data), data.len);
	return stream;
}
