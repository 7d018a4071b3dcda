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
	}
}

void tie_pair_deinit(struct tie_pair *p)
{
	for (int i = 0; i < 2; i++) {
		noise_static_deinit(&p->end[i].noise);
		key_pair_deinit(&p->end[i].identity);
		buf_deinit(&p->scratch[i].plain);
	}
	buf_deinit(&p->wire);
}

void tie_start(struct tie *t, struct tie_pair *of)
{
	*t = (struct tie){.of = of, .now = {NS_PER_SEC}};
	for (int i = 0; i < 2; i++) {
		struct tie_end *e = &of->end[i];
		struct conn_opts o = {
			.side = i == 0 ? CONN_DIALER : CONN_LISTENER,
			.identity = &e->identity,
			.identity_pb = e->identity_pb,
			.noise = &e->noise,
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

	while (conn_next(t->conn[end], &ev))
		on_event(t, end, &ev);
}

bool tie_flight(struct tie *t, int from)
{
	struct buf *wire = &t->of->wire;

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
