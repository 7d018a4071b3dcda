/* SPDX-License-Identifier: Apache-2.0 */
/* Connection ids that change: what both directions show on the wire over hours, and what may happen
 * while they do. */
#include "proto/base/mem.h"
#include "proto/quic/conn.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/quic_foreign.h"

#define HOUR_MS    INT64_C(3600000)
#define IDS_MAX    4096
#define ROUTES_MAX 24 /* of one connection: ids and tokens, retired ones among them */

static struct quic_pair p;
static struct quic_foreign f;
static uint8_t body[200000];

/* ---- What is seen on the wire ---- */

/* Ids that a side was written to, in the order of their coming. */
struct seen {
	uint8_t ids[IDS_MAX][QUIC_CID_BYTES];
	size_t count;
};

static struct watch {
	struct seen to[2];
	bool drops_new;     /* what goes to a listener's id that was not used before is lost */
	bool drops_answers; /* what comes to a new one of the dialer's is */
	unsigned dropped;
	unsigned challenges, given, retired; /* that either side had to count at once, at most */
} watch;

static size_t place_of(const struct seen *s, const uint8_t *id)
{
	size_t i = 0;

	while (i < s->count && memcmp(s->ids[i], id, QUIC_CID_BYTES) != 0)
		i++;
	return i;
}

static bool addr_is(const struct maddr_ip *a, int side)
{
	const struct maddr_ip *b = &p.side[side].addr;

	return a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static void note_churn(unsigned *most, mono_t full, unsigned per_10s)
{
	unsigned taken = (unsigned)(mono_since_ns(full, p.now) / (10 * NS_PER_SEC / per_10s));

	if (taken > *most)
		*most = taken;
}

static void watch_churn(int side)
{
	const struct quic_churn *c = p.side[side].conn ? &p.side[side].conn->churn : NULL;

	if (!c)
		return;
	note_churn(&watch.challenges, c->challenges_full, QUIC_CHALLENGES_PER_10S);
	note_churn(&watch.given, c->new_cids_full, QUIC_NEW_CIDS_PER_10S);
	note_churn(&watch.retired, c->retired_full, QUIC_NEW_CIDS_PER_10S);
}

static bool watch_datagram(struct quic_pair *pair, int from, struct quic_pair_flight *fl)
{
	struct seen *s = &watch.to[1 - from];
	const uint8_t *id = fl->data + 1;
	size_t at;

	/* From where it is to where the other is, by whatever name that goes. */
	assert_true(addr_is(&fl->path.remote, from) && addr_is(&fl->path.local, 1 - from));
	(void)pair;
	watch_churn(from);
	if (fl->data[0] & 0x80)
		return true;
	at = place_of(s, id);
	if (at == s->count && s->count > 0 &&
		(from == QUIC_D ? watch.drops_new : watch.drops_answers)) {
		watch.dropped++;
		return false;
	}
	assert_true(at < IDS_MAX);
	if (at == s->count)
		memcpy(s->ids[s->count++], id, QUIC_CID_BYTES);
	return true;
}

static bool is_routed(int side, const uint8_t *id)
{
	return quic_routes_find(&p.side[side].ep->routes, QUIC_NAME_CID,
		       bytes_of(id, QUIC_CID_BYTES)) != NULL;
}

static struct quic_info info_of(int side)
{
	struct quic_info info;

	quic_info(p.side[side].conn, &info);
	return info;
}

static void assert_in_place(void)
{
	assert_false(p.side[QUIC_D].is_closed || p.side[QUIC_L].is_closed);
	for (int side = 0; side < 2; side++) {
		struct datagram_path path = info_of(side).path;

		assert_true(addr_is(&path.local, side) && addr_is(&path.remote, 1 - side));
		assert_true(p.side[side].ep->routes.count <= ROUTES_MAX);
	}
}

static void open_with_lives(uint64_t seed, uint32_t dialer_ms, uint32_t listener_ms)
{
	mem_wipe(&watch, sizeof(watch));
	quic_pair_init(&p, seed);
	p.side[QUIC_D].limits.cid_life_ms = dialer_ms;
	p.side[QUIC_L].limits.cid_life_ms = listener_ms;
	p.on_datagram = watch_datagram;
	quic_pair_open(&p);
}

/* ---- Calm hours ---- */

static void ids_of_both_directions_change_over_hours(void **state)
{
	(void)state;
	open_with_lives(1, HOUR_MS, HOUR_MS);
	for (int i = 0; i < 24 * 60; i++) {
		quic_pair_pass(&p, HOUR_MS / 60);
		assert_in_place();
	}
	for (int side = 0; side < 2; side++) {
		const struct seen *s = &watch.to[side];

		assert_true(s->count >= 24 / 1.5 && s->count <= 24 * 2);
		/* Those that are over are known no more; nor do they come back. */
		for (size_t i = 0; i + 2 < s->count; i++)
			assert_false(is_routed(side, s->ids[i]));
		assert_true(is_routed(side, s->ids[s->count - 1]));
	}
	/* The listener has followed each time. */
	assert_int_equal(watch.to[QUIC_D].count, watch.to[QUIC_L].count);
	quic_pair_deinit(&p);
}

static void without_a_life_they_stay(void **state)
{
	(void)state;
	open_with_lives(2, 0, HOUR_MS);
	quic_pair_pass(&p, 10 * HOUR_MS);
	assert_int_equal(watch.to[QUIC_D].count, 1);
	assert_int_equal(watch.to[QUIC_L].count, 1);
	quic_pair_deinit(&p);
	/* And a listener that is not to follow does not. */
	open_with_lives(2, HOUR_MS, 0);
	quic_pair_pass(&p, 10 * HOUR_MS);
	assert_int_equal(watch.to[QUIC_D].count, 1);
	assert_true(watch.to[QUIC_L].count > 5);
	assert_in_place();
	quic_pair_deinit(&p);
	/* Nor does a dialer whose owner has thought better of it. */
	open_with_lives(2, HOUR_MS, HOUR_MS);
	p.side[QUIC_D].limits.cid_life_ms = 0;
	quic_set_limits(p.side[QUIC_D].conn, &p.side[QUIC_D].limits);
	quic_pair_pass(&p, 10 * HOUR_MS);
	assert_int_equal(watch.to[QUIC_L].count, 1);
	quic_pair_deinit(&p);
}

/* Whatever a dialer does: each time costs a challenge, and a search for the size of datagrams. */
static void a_listener_follows_only_so_often(void **state)
{
	(void)state;
	open_with_lives(3, 2000, HOUR_MS);
	quic_pair_pass(&p, HOUR_MS);
	assert_in_place();
	assert_true(watch.to[QUIC_L].count > 200);
	assert_in_range(watch.to[QUIC_D].count, 3, 5);
	quic_pair_deinit(&p);
}

static void a_change_is_far_from_the_limits_of_churn(void **state)
{
	(void)state;
	open_with_lives(4, HOUR_MS, HOUR_MS);
	watch.challenges = watch.given = watch.retired = 0;
	quic_pair_pass(&p, 10 * HOUR_MS);
	assert_true(watch.to[QUIC_L].count > 5);
	assert_in_range(watch.challenges, 1, QUIC_CHALLENGES_PER_10S / 10);
	assert_in_range(watch.given, 1, QUIC_NEW_CIDS_PER_10S / 10);
	assert_in_range(watch.retired, 1, QUIC_NEW_CIDS_PER_10S / 10);
	quic_pair_deinit(&p);
}

static void the_rtt_is_known_throughout(void **state)
{
	(void)state;
	open_with_lives(5, 10000, 10000);
	quic_pair_pass(&p, 1000);
	for (int i = 0; i < 20000; i++) {
		if (i % 50 == 0)
			(void)quic_ping(p.side[QUIC_D].conn); /* at most so many wait */
		quic_pair_pass(&p, 5);
		for (int side = 0; side < 2; side++)
			assert_in_range(info_of(side).rtt_ns, 19 * NS_PER_MS, 60 * NS_PER_MS);
	}
	assert_true(watch.to[QUIC_L].count > 5);
	for (size_t i = 0; i < p.side[QUIC_D].event_count; i++)
		if (p.side[QUIC_D].events[i].kind == QUIC_PONG)
			assert_in_range(
				p.side[QUIC_D].events[i].rtt_ns, 19 * NS_PER_MS, 60 * NS_PER_MS);
	assert_true(quic_pair_count(&p, QUIC_D, QUIC_PONG) > 300);
	quic_pair_deinit(&p);
}

/* ---- In the middle of things ---- */

static void what_is_under_way_arrives_whole(void **state)
{
	uint32_t s;

	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 7 + i / 251);
	for (unsigned lossy = 0; lossy < 2; lossy++) {
		open_with_lives(6 + lossy, 1000, 1000);
		p.side[QUIC_L].echoes = true;
		p.loss = p.swap = p.repeat = lossy * 20;
		for (int i = 0; i < 20; i++) {
			s = quic_pair_say(&p, QUIC_D, bytes_of(body, sizeof(body)));
			assert_ok(quic_finish(p.side[QUIC_D].conn, s));
			while (!quic_pair_ended(&p, QUIC_D, s)) {
				quic_pair_pass(&p, 10);
				assert_in_place();
				assert_true(p.now.ns < t0.ns + HOUR_MS * NS_PER_MS);
			}
			assert_bytes(quic_pair_got(&p, QUIC_D, s), bytes_of(body, sizeof(body)));
			quic_pair_pass(
				&p, 11000); /* the next change is due as soon as something comes */
		}
		assert_true(watch.to[QUIC_D].count > 15 && watch.to[QUIC_L].count > 15);
		quic_pair_deinit(&p);
	}
}

/* Both say something that nobody waits for. */
static void murmur(void)
{
	for (int side = 0; side < 2; side++) {
		uint32_t s = quic_pair_say(&p, side, BYTES_LIT("mm"));

		assert_ok(quic_finish(p.side[side].conn, s));
	}
}

static void assert_echo(void)
{
	uint32_t s = quic_pair_say(&p, QUIC_D, BYTES_LIT("still here"));

	assert_ok(quic_finish(p.side[QUIC_D].conn, s));
	quic_pair_pass(&p, 8000);
	assert_bytes(quic_pair_got(&p, QUIC_D, s), BYTES_LIT("still here"));
	assert_in_place();
}

static void a_change_that_nobody_answers_is_put_off(void **state)
{
	(void)state;
	for (int answers = 0; answers < 2; answers++) {
		open_with_lives(8, 60000, 60000);
		p.side[QUIC_L].echoes = true;
		watch.drops_new = !answers;
		watch.drops_answers = answers;
		for (int i = 0; i < 100; i++)
			assert_echo();
		assert_true(watch.dropped > 5);
		assert_int_equal(watch.to[QUIC_D].count, 1);
		watch.drops_new = watch.drops_answers = false;
		for (int i = 0; i < 100; i++)
			assert_echo();
		assert_true(watch.to[QUIC_D].count > 2 && watch.to[QUIC_L].count > 2);
		quic_pair_deinit(&p);
	}
}

/* The dialer's way back is proven by the listener; here it hears nothing of that. */
static bool drop_for_a_while(struct quic_pair *pair, int from, struct quic_pair_flight *fl)
{
	const mono_t *until = pair->arg;

	return watch_datagram(pair, from, fl) && mono_reached(*until, pair->now);
}

static void silence_in_the_middle_of_a_change_is_survived(void **state)
{
	mono_t until = MONO_ZERO;

	(void)state;
	/* 5 ms further each time: every step of a change is cut off once. */
	for (int64_t after = 0; after < 100; after += 5) {
		open_with_lives(9, 60000, 60000);
		p.side[QUIC_L].echoes = true;
		while (watch.to[QUIC_L].count == 1)
			quic_pair_pass(&p, 1);
		until = mono_add_ms(p.now, after + 4000);
		quic_pair_pass(&p, after);
		p.on_datagram = drop_for_a_while;
		p.arg = &until;
		quic_pair_pass(&p, 10000);
		p.on_datagram = watch_datagram;
		assert_echo();
		for (int i = 0; i < 100; i++)
			assert_echo();
		assert_true(watch.to[QUIC_D].count > 3 && watch.to[QUIC_L].count > 3);
		quic_pair_deinit(&p);
	}
}

/* A change is due now, whatever went before. */
static void make_due(void)
{
	p.side[QUIC_D].conn->alias.next_at = p.now;
	p.side[QUIC_D].conn->alias.challenged_at = mono_add_ms(p.now, -60000);
}

static void a_dialer_asks_only_while_it_hears(void **state)
{
	(void)state;
	open_with_lives(12, HOUR_MS, HOUR_MS);
	p.side[QUIC_D].is_deaf = true;
	make_due();
	quic_pair_pass(&p, 25000);
	assert_int_equal(watch.to[QUIC_L].count, 1);
	p.side[QUIC_D].is_deaf = false;
	quic_pair_pass(&p, 1000);
	assert_int_equal(watch.to[QUIC_L].count, 2);
	quic_pair_deinit(&p);
}

/* An answer along another alias would cost an id of the dialer's. */
static void the_answer_comes_to_the_id_in_use(void **state)
{
	(void)state;
	open_with_lives(13, HOUR_MS, 60000);
	quic_pair_pass(&p, 60000);
	make_due();
	while (watch.to[QUIC_L].count == 1)
		quic_pair_pass(&p, 1);
	quic_pair_pass(&p, 15); /* there, and half of the way back */
	assert_int_equal(watch.to[QUIC_D].count, 1);
	quic_pair_pass(&p, 1000);
	assert_int_equal(watch.to[QUIC_D].count, 2);
	quic_pair_deinit(&p);
}

static void one_question_is_asked_at_a_time(void **state)
{
	(void)state;
	open_with_lives(14, HOUR_MS, HOUR_MS);
	p.side[QUIC_L].echoes = true;
	watch.drops_new = true;
	for (int i = 0; i < 20; i++) {
		make_due();
		(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("x"));
		quic_pair_pass(&p, 100);
	}
	assert_int_equal(p.side[QUIC_D].conn->alias.newest, 1);
	quic_pair_deinit(&p);
}

/* What is said and heard for a change may all be lost, or all that is left of the congestion window
 * be taken by answers whose acknowledgement is lost: later on there is still something to be said,
 * and ids are not spent on answers that never leave. Among these seeds are some for each side. */
static void loss_does_not_silence_anybody(void **state)
{
	(void)state;
	for (uint64_t seed = 413; seed <= 424; seed++) {
		open_with_lives(seed, 15000, 15000);
		p.side[QUIC_L].echoes = p.side[QUIC_D].echoes = true;
		for (int i = 0; i < 60; i++) {
			p.loss = 100;
			for (int k = 0; k < 4; k++) {
				murmur();
				quic_pair_pass(&p, 5000);
			}
			p.loss = 0;
			quic_pair_pass(&p, 12000);
			assert_echo();
		}
		assert_true(watch.to[QUIC_D].count > 20 && watch.to[QUIC_L].count > 20);
		quic_pair_deinit(&p);
	}
}

/* The listener has lost its memory: what it says by the newest id is understood. */
static void a_reset_is_understood_after_a_change(void **state)
{
	(void)state;
	open_with_lives(10, HOUR_MS, HOUR_MS);
	quic_pair_pass(&p, 5 * HOUR_MS);
	assert_true(watch.to[QUIC_L].count > 3);
	quic_free(p.side[QUIC_L].conn);
	p.side[QUIC_L].conn = NULL;
	(void)quic_pair_say(
		&p, QUIC_D, BYTES_LIT("are you there, and do you still know who I am?"));
	quic_pair_pass(&p, 1000);
	quic_pair_assert_closed(&p, QUIC_D, P2P_ERR_RESET, "quic_reset");
	quic_pair_deinit(&p);
}

/* ---- Real moves between the pretended ones ---- */

struct nat {
	struct maddr_ip inside, outside;
};

static bool translate(struct quic_pair *pair, int from, struct quic_pair_flight *fl)
{
	const struct nat *nat = pair->arg;

	if (from == QUIC_D) {
		fl->path.remote = nat->outside;
		return true;
	}
	if (fl->path.local.port != nat->outside.port)
		return false;
	fl->path.local = nat->inside;
	return true;
}

static void a_peer_that_does_move_is_found(void **state)
{
	struct nat nat;

	(void)state;
	open_with_lives(11, 60000, 60000);
	p.side[QUIC_L].echoes = true;
	nat.inside = nat.outside = p.side[QUIC_D].addr;
	p.on_datagram = translate;
	p.arg = &nat;
	for (int i = 0; i < 60; i++) {
		uint32_t s;

		/* By one port, as an alias would. */
		nat.outside.port++;
		s = quic_pair_say(&p, QUIC_D, BYTES_LIT("I have moved"));
		assert_ok(quic_finish(p.side[QUIC_D].conn, s));
		quic_pair_pass(&p, 20000);
		assert_bytes(quic_pair_got(&p, QUIC_D, s), BYTES_LIT("I have moved"));
		assert_int_equal(info_of(QUIC_L).path.remote.port, nat.outside.port);
		assert_int_equal(info_of(QUIC_D).path.local.port, nat.inside.port);
	}
	assert_false(p.side[QUIC_D].is_closed || p.side[QUIC_L].is_closed);
	assert_true(p.side[QUIC_L].conn->alias.followed > 3);
	quic_pair_deinit(&p);
}

/* Neither side begins a change while the other finds out where it is. */
static void a_real_move_comes_first(void **state)
{
	struct nat nat;

	(void)state;
	for (int waits = 0; waits < 2; waits++) {
		open_with_lives(15, HOUR_MS, 40000);
		p.side[QUIC_L].echoes = true;
		quic_pair_pass(&p, 20000);
		nat.inside = nat.outside = p.side[QUIC_D].addr;
		nat.outside.port += 77;
		p.on_datagram = translate;
		p.arg = &nat;
		make_due();
		p.side[QUIC_D].conn->alias.next_at = mono_add_ms(p.now, 500);
		for (int i = 0; i < 9; i++) {
			(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("I have moved"));
			quic_pair_pass(&p, 1000);
			if (!waits)
				p.side[QUIC_D].conn->alias.challenged_at =
					mono_add_ms(p.now, -60000);
		}
		/* A dialer that was asked waits; of one that does not, the listener takes no
		 * notice. */
		assert_int_equal(p.side[QUIC_D].conn->alias.newest, waits ? 0 : 1);
		assert_int_equal(p.side[QUIC_L].conn->alias.followed, 0);
		for (int i = 0; i < 9; i++) {
			(void)quic_pair_say(&p, QUIC_D, BYTES_LIT("I have moved"));
			quic_pair_pass(&p, 1000);
		}
		assert_int_equal(p.side[QUIC_D].conn->alias.newest, 1);
		assert_int_equal(p.side[QUIC_L].conn->alias.followed, 1);
		quic_pair_deinit(&p);
	}
}

/* Moves, changes, loss and much to say, at times that have nothing to do with each other. */
static void anything_may_come_together(void **state)
{
	struct nat nat;

	(void)state;
	for (uint64_t seed = 100; seed < 120; seed++) {
		open_with_lives(seed, 20000, 20000);
		p.side[QUIC_L].echoes = true;
		nat.inside = nat.outside = p.side[QUIC_D].addr;
		p.on_datagram = translate;
		p.arg = &nat;
		p.loss = p.swap = 30;
		for (int i = 0; i < 60; i++) {
			uint32_t s = quic_pair_say(&p, QUIC_D, bytes_of(body, 50000));

			assert_ok(quic_finish(p.side[QUIC_D].conn, s));
			quic_pair_pass(&p, (int64_t)rng_below(&p.fate.rng, 30000));
			nat.outside.port += (uint16_t)rng_below(&p.fate.rng, 3);
			while (!quic_pair_ended(&p, QUIC_D, s)) {
				quic_pair_pass(&p, 10);
				assert_false(p.side[QUIC_D].is_closed || p.side[QUIC_L].is_closed);
			}
			assert_bytes(quic_pair_got(&p, QUIC_D, s), bytes_of(body, 50000));
		}
		assert_true(p.side[QUIC_L].conn->alias.followed > 1);
		assert_true(p.side[QUIC_D].conn->alias.newest > 5);
		quic_pair_deinit(&p);
	}
}

/* ---- Others ---- */

static void speak(uint32_t stream, int times)
{
	for (int i = 0; i < times; i++) {
		assert_int_equal(quic_write(p.side[QUIC_D].conn, stream, BYTES_LIT("?")), 1);
		quic_pair_pass(&p, 100);
	}
}

/* The dialer hears nothing and gives no further ids; each that the listener tries is then spent. */
static void a_peer_without_an_id_to_spare_is_not_followed_for_ever(void **state)
{
	struct quic_alias *a;
	uint32_t s;

	(void)state;
	open_with_lives(16, 0, 4000);
	assert_ok(quic_open(p.side[QUIC_D].conn, &s));
	a = &p.side[QUIC_L].conn->alias;
	quic_pair_pass(&p, 4000);
	p.side[QUIC_D].is_deaf = true;
	for (unsigned i = 0; i < QUIC_CIDS_MAX; i++) {
		a->heard = ++a->newest;
		speak(s, 40);
		a->heard = 0;
	}
	assert_true(watch.to[QUIC_D].count == QUIC_CIDS_MAX && a->followed == 0);
	p.side[QUIC_L].conn->limits.cid_life_ms = HOUR_MS;
	a->followed_at = mono_add_ms(p.now, -HOUR_MS);
	a->heard = ++a->newest;
	speak(s, 40);
	assert_int_equal(a->followed, 0);
	assert_true(mono_since_ms(p.now, a->followed_at) < 5000);
	quic_pair_deinit(&p);
}

/* go and rust tell that they do not want it. */
static void a_peer_that_forbids_it_is_left_alone(void **state)
{
	(void)state;
	for (int forbids = 0; forbids < 2; forbids++) {
		mem_wipe(&watch, sizeof(watch));
		quic_pair_init(&p, 12);
		p.side[QUIC_D].limits.cid_life_ms = HOUR_MS;
		p.on_datagram = watch_datagram;
		quic_foreign_init(&f, &p, QUIC_L);
		f.forbids_moves = forbids;
		quic_foreign_begin(&f);
		quic_pair_dial(&p);
		quic_pair_pass(&p, 10 * HOUR_MS);
		assert_false(p.side[QUIC_D].is_closed || f.is_closed || f.liberr);
		assert_true(forbids ? watch.to[QUIC_L].count == 1 : watch.to[QUIC_L].count > 5);
		quic_foreign_deinit(&f);
		quic_pair_deinit(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_of_both_directions_change_over_hours),
		cmocka_unit_test(without_a_life_they_stay),
		cmocka_unit_test(a_listener_follows_only_so_often),
		cmocka_unit_test(a_change_is_far_from_the_limits_of_churn),
		cmocka_unit_test(the_rtt_is_known_throughout),
		cmocka_unit_test(what_is_under_way_arrives_whole),
		cmocka_unit_test(a_change_that_nobody_answers_is_put_off),
		cmocka_unit_test(silence_in_the_middle_of_a_change_is_survived),
		cmocka_unit_test(a_dialer_asks_only_while_it_hears),
		cmocka_unit_test(the_answer_comes_to_the_id_in_use),
		cmocka_unit_test(one_question_is_asked_at_a_time),
		cmocka_unit_test(loss_does_not_silence_anybody),
		cmocka_unit_test(a_reset_is_understood_after_a_change),
		cmocka_unit_test(a_peer_that_does_move_is_found),
		cmocka_unit_test(a_real_move_comes_first),
		cmocka_unit_test(anything_may_come_together),
		cmocka_unit_test(a_peer_without_an_id_to_spare_is_not_followed_for_ever),
		cmocka_unit_test(a_peer_that_forbids_it_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
