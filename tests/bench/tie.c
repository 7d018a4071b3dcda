/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/tie.h"

#include "tests/bench/bench.h"

static const char *const protocols[] = {TIE_PROTOCOL};
static const struct conn_grant grant = {
	.protocols = protocols,
	.protocol_count = 1,
	.streams_in_max = 64,
	.per_protocol_max = 64,
	.negotiating_max = 32,
	.send_bytes_max = 1024 * 1024,
	.window_bytes_max = 1024 * 1024,
};

void tie_pair_init(struct tie_pair *p)
{
	memset(p, 0, sizeof(*p));
	for (unsigned i = 0; i < 2; i++) {
		struct tie_end *e = &p->end[i];
		struct key_public key;

		rng_seed(&e->seeded, i + 1);
		key_generate(&e->seeded.rng, &e->identity);
		key_public_of(&e->identity, &key);
		key_public_pb(&key, e->identity_pb);
		key_pair_peer_id(&e->identity, &e->id);
		noise_static_init(&e->noise, &e->identity, &e->seeded.rng);
		bench_need(!tls_identity_init(&e->tls, &e->identity, &e->seeded.rng, TIE_WALL,
			tls_order_of_cpu()));
		e->quic = quic_endpoint_new(&(struct quic_endpoint_opts){
			&e->tls, &e->identity, &e->seeded.rng});
	}
}

void tie_pair_deinit(struct tie_pair *p)
{
	for (int i = 0; i < 2; i++) {
		quic_endpoint_free(p->end[i].quic);
		tls_identity_deinit(&p->end[i].tls);
		noise_static_deinit(&p->end[i].noise);
		key_pair_deinit(&p->end[i].identity);
		buf_deinit(&p->scratch[i].plain);
	}
	buf_deinit(&p->wire);
}

static const struct datagram_path paths[2] = {
	{{.family = 4, .ip = {10, 0, 0, 1}, .port = 4001},
		{.family = 4, .ip = {10, 0, 0, 2}, .port = 4002}},
	{{.family = 4, .ip = {10, 0, 0, 2}, .port = 4002},
		{.family = 4, .ip = {10, 0, 0, 1}, .port = 4001}},
};

static void start_quic(struct tie *t)
{
	struct quic_opts quic = {.expected = t->of->end[1].id, .wall = TIE_WALL};
	struct conn_opts opts = {
		.side = CONN_DIALER, .scratch = &t->of->scratch[0], .now = t->now};
	struct quic_conn *q;

	bench_need(!quic_dial(t->of->end[0].quic, &paths[0], &quic, t->now, &q));
	t->conn[0] = conn_new_quic(&opts, q);
}

void tie_start(struct tie *t, struct tie_pair *of)
{
	*t = (struct tie){.of = of, .stack = of->stack, .now = {NS_PER_SEC}};
	if (t->stack == TIE_QUIC) {
		start_quic(t);
		return;
	}
	for (int i = 0; i < 2; i++) {
		struct tie_end *e = &of->end[i];
		struct conn_opts o = {
			.side = i == 0 ? CONN_DIALER : CONN_LISTENER,
			.identity = &e->identity,
			.identity_pb = e->identity_pb,
			.noise = &e->noise,
			.tls = &e->tls,
			.securities = {t->stack == TIE_TLS ? CONN_TLS : CONN_NOISE},
			.security_count = 1,
			.wall = TIE_WALL,
			.rng = &e->seeded.rng,
			.scratch = &of->scratch[i],
			.now = t->now,
		};

		if (i == 0)
			o.expected = of->end[1].id;
		t->conn[i] = conn_new(&o);
	}
}

void tie_free(struct tie *t)
{
	conn_free(t->conn[0]);
	conn_free(t->conn[1]);
}

static void on_event(struct tie *t, int end, const struct conn_event *ev)
{
	switch (ev->kind) {
	case CONN_PROVEN:
		conn_admit(t->conn[end], &grant, t->now);
		if (end == 0 && t->asks) {
			bench_need(!conn_open_stream(t->conn[0], TIE_PROTOCOL, t->now, &t->stream));
			bench_need(conn_write(t->conn[0], t->stream, bytes_str("?")) == 1);
		}
		break;
	case CONN_STREAM_AGREED: t->is_agreed = true; break;
	case CONN_STREAM_DATA:
		t->arrived[end] += ev->data.len;
		if (end == 1 && t->echoes)
			(void)conn_write(t->conn[1], ev->stream, ev->data);
		break;
	case CONN_STREAM_IN:
	case CONN_STREAM_ROOM:
	case CONN_STREAM_END:
	case CONN_PONG: break;
	case CONN_STREAM_REFUSED:
	case CONN_STREAM_RESET:
	case CONN_CLOSED: bench_need(!"the connection failed"); break;
	}
}

static void events(struct tie *t, int end)
{
	struct conn_event ev;

	while (t->conn[end] && conn_next(t->conn[end], &ev))
		on_event(t, end, &ev);
}

static void knock(struct tie *t, const struct datagram *in)
{
	struct quic_opts quic = {.wall = TIE_WALL};
	struct conn_opts opts = {
		.side = CONN_LISTENER, .scratch = &t->of->scratch[1], .now = t->now};
	struct datagram_train train;
	struct buf out = BUF_INIT;
	struct quic_conn *q;

	bench_need(!t->conn[1]);
	bench_need(!quic_accept(t->of->end[1].quic, in, &quic, t->now, &out, &train, &q));
	t->conn[1] = conn_new_quic(&opts, q);
}

static void take_train(struct tie *t, int to, const struct datagram_train *train)
{
	struct bytes left = buf_bytes(&t->of->wire);

	if (train->segment > t->segment)
		t->segment = train->segment;
	for (; left.len; left = bytes_from(left, train->segment)) {
		struct datagram in = {paths[to], ECN_NONE, bytes_head(left, train->segment)};
		struct datagram_train answer;
		struct quic_found found;
		struct buf out = BUF_INIT;

		switch (quic_sort(t->of->end[to].quic, &in, t->now, &found, &out, &answer)) {
		case QUIC_FOR_CONN:
			bench_need(!conn_recv_datagram(t->conn[to], &in, t->now));
			break;
		case QUIC_KNOCK: knock(t, &in); break;
		case QUIC_ANSWERED:
		case QUIC_IGNORED: bench_need(!"a datagram for nobody");
		}
		events(t, to);
	}
}

/* Over QUIC: trains until there is nothing more to send now. */
static bool fly_trains(struct tie *t, int from)
{
	struct buf *wire = &t->of->wire;
	struct datagram_train train;
	bool moved = false;

	if (!t->conn[from])
		return false;
	t->now = mono_add_ns(t->now, TIE_DELAY_NS);
	if (mono_reached(conn_deadline(t->conn[from]), t->now))
		conn_tick(t->conn[from], t->now);
	events(t, from);
	buf_reset(wire);
	while (conn_wants_send(t->conn[from]) &&
		conn_send_train(t->conn[from], wire, TIE_BUDGET, t->now, &train)) {
		events(t, from);
		take_train(t, 1 - from, &train);
		buf_reset(wire);
		moved = true;
	}
	t->flights += moved;
	return moved;
}

bool tie_flight(struct tie *t, int from)
{
	struct buf *wire = &t->of->wire;

	if (t->stack == TIE_QUIC)
		return fly_trains(t, from);
	buf_reset(wire);
	conn_send(t->conn[from], wire, TIE_BUDGET, t->now);
	events(t, from);
	if (wire->len == 0)
		return false;
	t->flights++;
	bench_need(!conn_recv(t->conn[1 - from], buf_bytes(wire), t->now));
	events(t, 1 - from);
	return true;
}

void tie_run(struct tie *t)
{
	bool moved = true;

	while (moved) {
		moved = tie_flight(t, 0);
		moved = tie_flight(t, 1) || moved;
	}
}

void tie_open(struct tie *t, struct tie_pair *of)
{
	struct conn_info info;

	tie_start(t, of);
	tie_run(t);
	for (int i = 0; i < 2; i++) {
		conn_info(t->conn[i], &info);
		bench_need(strcmp(info.state, "open") == 0);
	}
}
