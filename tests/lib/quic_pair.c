/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/quic_pair.h"

#include <stdlib.h>

#include "proto/base/mem.h"
#include "tests/lib/p2ptest.h"

#define BUDGET_BYTES 65000
#define REST_MS      1000 /* a deadline further off than that is nobody's work */

static void side_init(struct quic_pair_side *s, uint64_t seed, uint8_t host)
{
	struct quic_endpoint_opts opts = {&s->tls, &s->identity, &s->rng.rng};

	rng_seed(&s->rng, seed);
	key_generate(&s->rng.rng, &s->identity);
	key_pair_peer_id(&s->identity, &s->id);
	assert_ok(tls_identity_init(
		&s->tls, &s->identity, &s->rng.rng, QUIC_PAIR_WALL, TLS_AES_FIRST));
	s->addr = (struct maddr_ip){.family = 4, .ip = {10, 0, 0, host}, .port = (uint16_t)(4000 + host)};
	s->limits = (struct quic_limits){
		.inbound_max = 64,
		.outbound_max = 64,
		.queue_bytes_max = 1024 * 1024,
		.unread_bytes_max = 1024 * 1024,
		.window_max = 1024 * 1024,
	};
	s->ep = quic_endpoint_new(&opts);
}

void quic_pair_init(struct quic_pair *p, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	p->now = t0;
	p->delay_ns = 10 * NS_PER_MS;
	rng_seed(&p->fate, seed);
	assert_ok(tls_global_init());
	side_init(&p->side[QUIC_D], 2 * seed, 1);
	side_init(&p->side[QUIC_L], 2 * seed + 1, 2);
	p->side[QUIC_D].expected = p->side[QUIC_L].id;
}

void quic_pair_forget(struct quic_pair *p)
{
	while (p->flights) {
		struct quic_pair_flight *f = p->flights;

		p->flights = f->next;
		free(f);
	}
	for (int i = 0; i < 2; i++) {
		struct quic_pair_side *s = &p->side[i];

		quic_free(s->conn);
		s->conn = NULL;
		for (size_t k = 0; k < s->stream_count; k++)
			buf_deinit(&s->streams[k].got);
		memset(s->streams, 0, s->stream_count * sizeof(s->streams[0]));
		s->stream_count = 0;
		s->event_count = 0;
		s->is_proven = s->is_closed = false;
		s->datagrams = s->bytes = s->received = 0;
		s->largest = 0;
	}
}

void quic_pair_deinit(struct quic_pair *p)
{
	quic_pair_forget(p);
	for (int i = 0; i < 2; i++) {
		quic_endpoint_free(p->side[i].ep);
		tls_identity_deinit(&p->side[i].tls);
	}
	buf_deinit(&p->out);
	tls_global_deinit();
}

/* ---- Events ---- */

static struct quic_pair_stream *stream_of(struct quic_pair_side *s, uint32_t id)
{
	for (size_t i = 0; i < s->stream_count; i++)
		if (s->streams[i].stream == id)
			return &s->streams[i];
	if (s->stream_count == QUIC_PAIR_STREAMS)
		return NULL;
	s->streams[s->stream_count].stream = id;
	return &s->streams[s->stream_count++];
}

static bool is_peers(int side, uint32_t stream)
{
	return (stream & 1) != (side == QUIC_D ? 1 : 0);
}

static void on_data(struct quic_pair *p, int side, const struct quic_event *ev)
{
	struct quic_pair_side *s = &p->side[side];
	struct quic_pair_stream *st = stream_of(s, ev->stream);
	size_t n = ev->data.len;

	assert_true(n > 0);
	assert_bytes(ev->data, quic_unread(s->conn, ev->stream));
	if (s->is_lazy)
		return;
	if (s->echoes && is_peers(side, ev->stream)) {
		int taken = quic_write(s->conn, ev->stream, ev->data);

		n = taken > 0 ? (size_t)taken : 0;
	}
	s->received += n;
	if (st && !s->keeps_no_data)
		assert_ok(buf_put(&st->got, bytes_head(quic_unread(s->conn, ev->stream), n)));
	assert_ok(quic_consumed(s->conn, ev->stream, n));
}

static void on_event(struct quic_pair *p, int side, const struct quic_event *ev)
{
	struct quic_pair_side *s = &p->side[side];
	struct quic_pair_stream *st;

	assert_false(s->is_closed); /* it is the last one */
	if (s->event_count < QUIC_PAIR_EVENTS)
		s->events[s->event_count++] = *ev;
	switch (ev->kind) {
	case QUIC_PROVEN:
		assert_false(s->is_proven);
		s->is_proven = true;
		s->proven = *ev->peer;
		if (!s->holds_judgement)
			quic_set_limits(s->conn, &s->limits);
		break;
	case QUIC_DATA: on_data(p, side, ev); break;
	case QUIC_FIN:
		st = stream_of(s, ev->stream);
		if (st)
			st->ended = true;
		if (s->echoes && is_peers(side, ev->stream))
			(void)quic_finish(s->conn, ev->stream);
		break;
	case QUIC_CLOSED:
		assert_non_null(ev->why);
		s->is_closed = true;
		s->end = *ev;
		break;
	case QUIC_OPENED:
	case QUIC_RESET:
	case QUIC_WRITABLE:
	case QUIC_PONG: break;
	}
	if (s->on_event)
		s->on_event(p, side, ev);
}

static void read_events(struct quic_pair *p, int side)
{
	struct quic_event ev;

	while (p->side[side].conn && quic_next(p->side[side].conn, &ev))
		on_event(p, side, &ev);
}

/* ---- The path ---- */

static bool happens(struct quic_pair *p, unsigned per_mille)
{
	return per_mille && rng_below(&p->fate.rng, 1000) < per_mille;
}

static void insert(struct quic_pair *p, struct quic_pair_flight *f)
{
	struct quic_pair_flight **at = &p->flights;

	while (*at && !mono_before(f->at, (*at)->at))
		at = &(*at)->next;
	f->next = *at;
	*at = f;
}

static struct quic_pair_flight *new_flight(
	struct quic_pair *p, int from, const struct datagram_path *path, uint8_t ecn, struct bytes data)
{
	struct quic_pair_flight *f = xmalloc(sizeof(*f) + data.len);

	*f = (struct quic_pair_flight){
		.at = mono_add_ns(p->now, p->delay_ns),
		.to = 1 - from,
		.path = {path->remote, path->local},
		.ecn = ecn,
		.len = data.len,
	};
	memcpy(f->data, data.at, data.len);
	return f;
}

static void put_on_way(
	struct quic_pair *p, int from, const struct datagram_path *path, uint8_t ecn, struct bytes data)
{
	struct quic_pair_flight *f = new_flight(p, from, path, ecn, data);

	if ((p->on_datagram && !p->on_datagram(p, from, f)) || happens(p, p->loss) ||
		(p->mtu && f->len > p->mtu)) {
		free(f);
		return;
	}
	if (happens(p, p->repeat))
		insert(p, new_flight(p, from, path, ecn, bytes_of(f->data, f->len)));
	if (happens(p, p->swap))
		f->at = mono_add_ns(f->at, (int64_t)rng_below(&p->fate.rng, 1 + (uint64_t)p->delay_ns));
	if (happens(p, p->spoil))
		f->data[rng_below(&p->fate.rng, f->len)] ^= (uint8_t)(1 + rng_below(&p->fate.rng, 255));
	insert(p, f);
}

static void put_train(struct quic_pair *p, int from, const struct datagram_train *t)
{
	struct quic_pair_side *s = &p->side[from];
	struct bytes left = buf_bytes(&p->out);

	assert_true(t->segment > 0);
	assert_true(left.len <= DATAGRAM_TRAIN_BYTES);
	assert_true(left.len <= DATAGRAM_TRAIN_MAX * t->segment);
	while (left.len > 0) {
		struct bytes one = bytes_head(left, t->segment);

		s->datagrams++;
		s->bytes += one.len;
		if (one.len > s->largest)
			s->largest = one.len;
		put_on_way(p, from, &t->path, t->ecn, one);
		left = bytes_from(left, one.len);
	}
	buf_reset(&p->out);
}

static void send_all(struct quic_pair *p, int side)
{
	struct quic_pair_side *s = &p->side[side];
	struct datagram_train train;

	while (s->conn && quic_has_output(s->conn) &&
		quic_send(s->conn, &p->out, BUDGET_BYTES, p->now, &train)) {
		put_train(p, side, &train);
		read_events(p, side);
	}
	assert_int_equal(p->out.len, 0);
	read_events(p, side);
}

void quic_pair_send(struct quic_pair *p)
{
	send_all(p, QUIC_D);
	send_all(p, QUIC_L);
}

void quic_pair_throw_from(
	struct quic_pair *p, int from, const struct maddr_ip *addr, struct bytes data)
{
	struct datagram_path path = {*addr, p->side[1 - from].addr};

	insert(p, new_flight(p, from, &path, ECN_NONE, data));
}

void quic_pair_throw(struct quic_pair *p, int from, struct bytes data)
{
	quic_pair_throw_from(p, from, &p->side[from].addr, data);
}

static void accept_knock(struct quic_pair *p, int side, const struct datagram *in, bool is_validated)
{
	struct quic_pair_side *s = &p->side[side];
	struct quic_opts opts = {.wall = QUIC_PAIR_WALL};
	struct datagram_train train;
	struct quic_conn *conn;
	int err;

	if (s->retries && !is_validated) {
		if (quic_retry(s->ep, in, p->now, &p->out, &train) == 0)
			put_train(p, side, &train);
		return;
	}
	if (s->conn && (!is_validated || s->is_proven))
		return; /* one is enough here */
	/* A dialer that was asked to come again has given up what went before. */
	quic_free(s->conn);
	s->conn = NULL;
	err = quic_accept(s->ep, in, &opts, p->now, &p->out, &train, &conn);
	if (err == P2P_ERR_AGAIN)
		put_train(p, side, &train);
	else if (!err)
		s->conn = conn;
}

static void deliver(struct quic_pair *p, const struct quic_pair_flight *f)
{
	struct quic_pair_side *s = &p->side[f->to];
	struct datagram in = {f->path, f->ecn, bytes_of(f->data, f->len)};
	struct datagram_train train;
	struct quic_found found;

	if (s->stranger) {
		s->stranger(p, f->to, &in, s->stranger_arg);
		return;
	}
	switch (quic_sort(s->ep, &in, p->now, &found, &p->out, &train)) {
	case QUIC_FOR_CONN: (void)quic_recv(found.conn, &in, p->now); break; /* CLOSED tells */
	case QUIC_KNOCK: accept_knock(p, f->to, &in, found.is_validated); break;
	case QUIC_ANSWERED: put_train(p, f->to, &train); break;
	case QUIC_IGNORED: break;
	}
	read_events(p, f->to);
}

/* ---- Time ---- */

static mono_t next_instant(const struct quic_pair *p)
{
	mono_t next = MONO_NEVER;

	for (const struct quic_pair_flight *f = p->flights; f; f = f->next)
		if (!p->side[f->to].is_deaf)
			return mono_min(next, f->at);
	return next;
}

static mono_t next_deadline(const struct quic_pair *p)
{
	mono_t next = MONO_NEVER;

	for (int i = 0; i < 2; i++)
		if (p->side[i].conn)
			next = mono_min(next, quic_deadline(p->side[i].conn));
	return next;
}

static void step(struct quic_pair *p)
{
	struct quic_pair_flight **at = &p->flights;

	while (*at && mono_reached((*at)->at, p->now)) {
		struct quic_pair_flight *f = *at;

		if (p->side[f->to].is_deaf) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		deliver(p, f);
		free(f);
		at = &p->flights;
	}
	for (int i = 0; i < 2; i++) {
		struct quic_conn *conn = p->side[i].conn;

		if (conn && mono_reached(quic_deadline(conn), p->now)) {
			quic_tick(conn, p->now);
			read_events(p, i);
		}
	}
	quic_pair_send(p);
}

static void run_until(struct quic_pair *p, mono_t end, bool rests)
{
	quic_pair_send(p);
	for (unsigned i = 0; i < QUIC_PAIR_STEPS; i++) {
		mono_t flight = next_instant(p), deadline = next_deadline(p);
		mono_t next = mono_min(flight, deadline);

		if (rests && mono_is_never(flight) &&
			mono_before(mono_add_ms(p->now, REST_MS), deadline))
			return;
		if (mono_before(end, next)) {
			p->now = end;
			return;
		}
		p->now = mono_max(p->now, next);
		step(p);
	}
	fail_msg("the two never come to rest");
}

void quic_pair_pass(struct quic_pair *p, int64_t ms)
{
	run_until(p, mono_add_ms(p->now, ms), false);
}

void quic_pair_run(struct quic_pair *p)
{
	run_until(p, mono_add_ms(p->now, 3600 * 1000), true);
}

/* ---- For tests ---- */

void quic_pair_dial(struct quic_pair *p)
{
	struct quic_pair_side *d = &p->side[QUIC_D];
	struct datagram_path path = {d->addr, p->side[QUIC_L].addr};
	struct quic_opts opts = {.expected = d->expected, .wall = QUIC_PAIR_WALL};

	quic_pair_forget(p);
	assert_ok(quic_dial(d->ep, &path, &opts, p->now, &d->conn));
}

void quic_pair_open(struct quic_pair *p)
{
	quic_pair_dial(p);
	quic_pair_run(p);
	for (int i = 0; i < 2; i++) {
		if (p->side[i].is_closed)
			fail_msg("side %d closed: %s, %s, %s", i, err_name(p->side[i].end.err),
				p->side[i].end.why,
				p->side[i].end.detail ? p->side[i].end.detail : "");
		assert_true(p->side[i].is_proven);
		assert_true(peer_id_eq(&p->side[i].proven, &p->side[1 - i].id));
	}
}

const struct quic_event *quic_pair_find(const struct quic_pair *p, int side,
	enum quic_event_kind kind, size_t from, size_t *ret_at)
{
	const struct quic_pair_side *s = &p->side[side];

	for (size_t i = from; i < s->event_count; i++) {
		if (s->events[i].kind != kind)
			continue;
		if (ret_at)
			*ret_at = i;
		return &s->events[i];
	}
	return NULL;
}

size_t quic_pair_count(const struct quic_pair *p, int side, enum quic_event_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < p->side[side].event_count; i++)
		count += p->side[side].events[i].kind == kind;
	return count;
}

void quic_pair_assert_closed(const struct quic_pair *p, int side, int err, const char *why)
{
	const struct quic_pair_side *s = &p->side[side];

	if (!s->is_closed)
		fail_msg("side %d is not closed, but should be: %s", side, why);
	else if (s->end.err != err || strcmp(s->end.why, why) != 0)
		fail_msg("side %d closed with %s, %s (%s, %#llx); wanted %s, %s", side,
			err_name(s->end.err), s->end.why, s->end.detail ? s->end.detail : "",
			(unsigned long long)s->end.code, err_name(err), why);
}

static const struct quic_pair_stream *known_stream(
	const struct quic_pair *p, int side, uint32_t stream)
{
	const struct quic_pair_side *s = &p->side[side];

	for (size_t i = 0; i < s->stream_count; i++)
		if (s->streams[i].stream == stream)
			return &s->streams[i];
	return NULL;
}

struct bytes quic_pair_got(const struct quic_pair *p, int side, uint32_t stream)
{
	const struct quic_pair_stream *s = known_stream(p, side, stream);

	return s ? buf_bytes(&s->got) : BYTES_NONE;
}

bool quic_pair_ended(const struct quic_pair *p, int side, uint32_t stream)
{
	const struct quic_pair_stream *s = known_stream(p, side, stream);

	return s && s->ended;
}

uint32_t quic_pair_say(struct quic_pair *p, int side, struct bytes data)
{
	uint32_t stream = 0;

	assert_ok(quic_open(p->side[side].conn, &stream));
	assert_int_equal(quic_write(p->side[side].conn, stream, data), data.len);
	return stream;
}
