/* SPDX-License-Identifier: Apache-2.0 */
/* The published sessions, byte for byte, with each side played by a conn: as they stand, cut at
 * every place, and with every byte changed. */
#include <sodium.h>

#include "proto/conn/conn.h"
#include "proto/noise/noise.h"
#include "tests/lib/fixed_rng.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

static const char *const protocols[] = {"/ipfs/ping/1.0.0"};

static const struct conn_grant grant = {
	.protocols = protocols,
	.protocol_count = 1,
	.streams_in_max = 4,
	.per_protocol_max = 4,
	.negotiating_max = 4,
	.send_bytes_max = 65536,
	.window_bytes_max = 262144,
};

/* One side of a published session, played by a conn. */
struct player {
	bool dials;
	struct key_pair identity;
	uint8_t identity_pb[KEY_PUBLIC_PB_BYTES];
	struct noise_static noise;
	struct fixed_rng rng;
	struct buf theirs; /* all that the other side says in the transcript */
	struct buf ours;   /* all that this side says */
	struct bytes ping; /* what is pinged with */

	struct conn *conn;
	struct buf said;
	bool is_proven, is_closed;
	size_t data_len;
	int err;
	const char *why;
};

static void read_steps(struct player *pl, const json_t *session)
{
	const json_t *steps = json_object_get(session, "steps"), *step;
	struct buf raw = BUF_INIT;
	size_t i;

	json_array_foreach(steps, i, step) {
		bool from_dialer = strcmp(vectors_text(step, "dir"), "I->R") == 0;

		assert_ok(buf_put(from_dialer == pl->dials ? &pl->ours : &pl->theirs,
			vectors_hex(step, "hex", &raw)));
	}
	buf_deinit(&raw);
}

static void player_init(struct player *pl, const json_t *session, bool dials)
{
	static const uint8_t counting[32] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
	const json_t *id = json_object_get(vectors_group("test_identities"), dials ? "A" : "B");
	struct fixed_rng for_static;
	struct key_public key;
	struct buf raw = BUF_INIT;

	memset(pl, 0, sizeof(*pl));
	pl->dials = dials;
	pl->ping = bytes_of(counting, sizeof(counting));
	key_from_seed(vectors_hex(id, "seed", &raw).at, &pl->identity);
	key_public_of(&pl->identity, &key);
	key_public_pb(&key, pl->identity_pb);
	fixed_rng_init(&for_static,
		vectors_hex(session, dials ? "initiator_static" : "responder_static", &raw));
	noise_static_init(&pl->noise, &pl->identity, &for_static.rng);
	if (!json_is_true(json_object_get(session, "early_muxer")))
		pl->noise.payload_len = pl->noise.proof_len;
	vectors_hex(session, dials ? "initiator_ephemeral" : "responder_ephemeral", &raw);
	fixed_rng_init(&pl->rng, buf_bytes(&raw));
	read_steps(pl, session);
	buf_deinit(&raw);
}

static void player_start(struct player *pl)
{
	struct conn_opts opts = {
		.side = pl->dials ? CONN_DIALER : CONN_LISTENER,
		.identity = &pl->identity,
		.identity_pb = pl->identity_pb,
		.noise = &pl->noise,
		.rng = &pl->rng.rng,
		.now = t0,
	};

	conn_free(pl->conn);
	pl->rng.used = 0;
	buf_reset(&pl->said);
	pl->is_proven = false;
	pl->is_closed = false;
	pl->data_len = 0;
	pl->conn = conn_new(&opts);
}

static void player_deinit(struct player *pl)
{
	conn_free(pl->conn);
	buf_deinit(&pl->said);
	buf_deinit(&pl->ours);
	buf_deinit(&pl->theirs);
}

/* The dialer pings once, ends its stream and says goodbye; the listener echoes. */
static void play(struct player *pl, const struct conn_event *ev)
{
	uint32_t stream;

	switch (ev->kind) {
	case CONN_PROVEN:
		pl->is_proven = true;
		conn_admit(pl->conn, &grant, t0);
		/* What waited behind the proof may have been broken. */
		if (pl->dials && conn_open_stream(pl->conn, protocols[0], t0, &stream))
			assert_false(conn_wants_send(pl->conn));
		break;
	case CONN_STREAM_IN:
		assert_ptr_equal(ev->protocol, protocols[0]);
		break;
	case CONN_STREAM_AGREED:
		assert_string_equal(ev->protocol, protocols[0]);
		assert_int_equal(conn_write(pl->conn, ev->stream, pl->ping), pl->ping.len);
		break;
	case CONN_STREAM_DATA:
		/* Whatever happens to the bytes on their way, only the true ones come out. */
		assert_true(pl->data_len + ev->data.len <= pl->ping.len);
		assert_memory_equal(pl->ping.at + pl->data_len, ev->data.at, ev->data.len);
		pl->data_len += ev->data.len;
		if (!pl->dials)
			(void)conn_write(pl->conn, ev->stream, ev->data);
		else if (pl->data_len == pl->ping.len)
			conn_end_stream(pl->conn, ev->stream);
		break;
	case CONN_STREAM_END:
		if (pl->dials)
			conn_close(pl->conn, "done", t0);
		else
			conn_end_stream(pl->conn, ev->stream);
		break;
	case CONN_CLOSED:
		pl->is_closed = true;
		pl->err = ev->err;
		pl->why = ev->why;
		break;
	case CONN_STREAM_REFUSED:
	case CONN_STREAM_RESET:
	case CONN_STREAM_ROOM:
	case CONN_PONG:
		fail();
	}
}

/* Speaks after every event, so that what is said does not depend on how much arrives at once. */
static void pump(struct player *pl)
{
	struct conn_event ev;

	conn_send(pl->conn, &pl->said, 65536, t0);
	while (conn_next(pl->conn, &ev)) {
		play(pl, &ev);
		conn_send(pl->conn, &pl->said, 65536, t0);
	}
}

static void hear(struct player *pl, struct bytes in)
{
	(void)conn_recv(pl->conn, in, t0); /* CONN_CLOSED tells */
	pump(pl);
}

/* Calls `test` for each published session and each role in it. */
static void each_player(void (*test)(struct player *pl))
{
	const json_t *session;
	size_t i;

	json_array_foreach(vectors_list("tcp_noise_yamux_session", "sessions"), i, session) {
		for (int dials = 0; dials < 2; dials++) {
			struct player pl;

			player_init(&pl, session, dials);
			test(&pl);
			player_deinit(&pl);
		}
	}
}

static void reproduce(struct player *pl)
{
	player_start(pl);
	pump(pl);
	hear(pl, buf_bytes(&pl->theirs));
	assert_bytes(buf_bytes(&pl->said), buf_bytes(&pl->ours));
	assert_true(pl->is_closed);
	assert_int_equal(pl->err, P2P_ERR_CLOSED);
	assert_string_equal(pl->why, pl->dials ? "done" : "remote_close");
}

static void the_published_sessions_are_reproduced_byte_for_byte(void **state)
{
	(void)state;
	each_player(reproduce);
}

static void cut_anywhere(struct player *pl)
{
	for (size_t cut = 0; cut <= pl->theirs.len; cut++) {
		player_start(pl);
		pump(pl);
		hear(pl, bytes_head(buf_bytes(&pl->theirs), cut));
		hear(pl, bytes_from(buf_bytes(&pl->theirs), cut));
		assert_bytes(buf_bytes(&pl->said), buf_bytes(&pl->ours));
		assert_int_equal(pl->data_len, pl->ping.len);
	}
	player_start(pl);
	for (size_t at = 0; at < pl->theirs.len; at++)
		hear(pl, bytes_of(pl->theirs.data + at, 1));
	assert_bytes(buf_bytes(&pl->said), buf_bytes(&pl->ours));
}

static void a_session_may_be_cut_anywhere_on_both_sides(void **state)
{
	(void)state;
	each_player(cut_anywhere);
}

/* One changed bit in byte `at`; then the transport ends. */
static void change_one(struct player *pl, size_t at)
{
	uint8_t bit = (uint8_t)(1 << at % 8);

	player_start(pl);
	pump(pl);
	pl->theirs.data[at] ^= bit;
	hear(pl, buf_bytes(&pl->theirs));
	pl->theirs.data[at] ^= bit;
	conn_eof(pl->conn, P2P_ERR_CLOSED);
	pump(pl);
	assert_true(pl->is_closed);
	assert_true(pl->err < 0);
	/* All that was said is what would have been said up to there. In the open negotiation a
	 * changed name may be answered with a refusal. */
	if (pl->is_proven) {
		assert_true(pl->said.len <= pl->ours.len);
		assert_memory_equal(pl->said.data, pl->ours.data, pl->said.len);
	}
}

static void change_each_byte(struct player *pl)
{
	for (size_t at = 0; at < pl->theirs.len; at++)
		change_one(pl, at);
}

static void every_changed_byte_ends_the_conn_and_changes_no_data(void **state)
{
	(void)state;
	each_player(change_each_byte);
}

/* Where the first sealed message of the transport phase begins, in what the other side says. */
static size_t first_sealed(const struct player *pl)
{
	size_t at = 28, messages = pl->dials ? 1 : 2;

	while (messages--)
		at += 2 + ((size_t)pl->theirs.data[at] << 8 | pl->theirs.data[at + 1]);
	return at;
}

static void change_sealed(struct player *pl)
{
	size_t at = first_sealed(pl);

	while (at < pl->theirs.len) {
		size_t body = (size_t)pl->theirs.data[at] << 8 | pl->theirs.data[at + 1];

		for (size_t k = 0; k < body; k++) {
			size_t before;

			player_start(pl);
			pump(pl);
			hear(pl, bytes_head(buf_bytes(&pl->theirs), at));
			before = pl->said.len;
			pl->theirs.data[at + 2 + k] ^= 0x80;
			hear(pl, bytes_from(buf_bytes(&pl->theirs), at));
			pl->theirs.data[at + 2 + k] ^= 0x80;
			if (pl->is_closed && strcmp(pl->why, "done") == 0)
				continue; /* the dialer had said goodbye and listened no more */
			assert_true(pl->is_closed);
			assert_string_equal(pl->why, "noise_decrypt");
			assert_int_equal(pl->err, P2P_ERR_CRYPTO);
			/* Not another byte after it. */
			assert_int_equal(pl->said.len, before);
			assert_false(conn_wants_send(pl->conn));
		}
		at += 2 + body;
	}
}

static void a_changed_sealed_byte_closes_without_another_word(void **state)
{
	(void)state;
	each_player(change_sealed);
}

static void leave_out(struct player *pl)
{
	size_t at = first_sealed(pl);
	size_t len = 2 + ((size_t)pl->theirs.data[at] << 8 | pl->theirs.data[at + 1]);

	/* Left out, and said twice: both are out of order for the counter. */
	player_start(pl);
	pump(pl);
	hear(pl, bytes_head(buf_bytes(&pl->theirs), at));
	hear(pl, bytes_from(buf_bytes(&pl->theirs), at + len));
	assert_true(pl->is_closed);
	assert_string_equal(pl->why, "noise_decrypt");

	player_start(pl);
	pump(pl);
	hear(pl, bytes_head(buf_bytes(&pl->theirs), at + len));
	hear(pl, bytes_from(buf_bytes(&pl->theirs), at));
	assert_true(pl->is_closed);
	assert_string_equal(pl->why, "noise_decrypt");
}

static void a_missing_or_repeated_message_closes(void **state)
{
	(void)state;
	each_player(leave_out);
}

static void what_came_before_an_altered_message_is_still_told(void **state)
{
	const json_t *session = json_array_get(vectors_list("tcp_noise_yamux_session", "sessions"), 1);
	struct player pl;

	(void)state;
	player_init(&pl, session, false);
	player_start(&pl);
	/* All in one piece; the last message, a go-away, is broken. */
	pl.theirs.data[pl.theirs.len - 1] ^= 1;
	hear(&pl, buf_bytes(&pl.theirs));
	assert_int_equal(pl.data_len, pl.ping.len);
	assert_true(pl.is_closed);
	assert_string_equal(pl.why, "noise_decrypt");
	player_deinit(&pl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_sessions_are_reproduced_byte_for_byte),
		cmocka_unit_test(a_session_may_be_cut_anywhere_on_both_sides),
		cmocka_unit_test(every_changed_byte_ends_the_conn_and_changes_no_data),
		cmocka_unit_test(a_changed_sealed_byte_closes_without_another_word),
		cmocka_unit_test(a_missing_or_repeated_message_closes),
		cmocka_unit_test(what_came_before_an_altered_message_is_still_told),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
