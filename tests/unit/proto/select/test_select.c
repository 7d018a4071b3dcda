/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/select/select.h"
#include "proto/base/rng.h"
#include "proto/multi/varint.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/vectors.h"

static const char *const noise_only[] = {"/noise"};
static const char *const tls_then_noise[] = {"/tls/1.0.0", "/noise"};
static const char *const ping_and_id[] = {"/ipfs/ping/1.0.0", "/ipfs/id/1.0.0"};

#define HEADER "\x13/multistream/1.0.0\n"
#define NA     "\x03na\n"
#define NOISE  "\x07/noise\n"
#define TLS    "\x0b/tls/1.0.0\n"

static struct bytes sent(struct select *s, struct buf *out)
{
	buf_reset(out);
	assert_ok(select_send(s, out));
	return buf_bytes(out);
}

static int feed(struct select *s, struct bytes in)
{
	int err = select_recv(s, &in);

	if (!err)
		assert_int_equal(in.len, 0);
	return err;
}

/* The listener's answer to `in`, all in one piece. */
static struct bytes answer(
	const char *const *names, size_t count, struct bytes in, struct buf *out, int *ret_err)
{
	struct select s;

	select_init(&s, SELECT_LISTENER, names, count);
	*ret_err = select_recv(&s, &in);
	return sent(&s, out);
}

static void the_dialer_sends_header_and_proposal_in_one_write(void **state)
{
	struct select s;
	struct buf out = BUF_INIT;

	(void)state;
	select_init(&s, SELECT_DIALER, noise_only, 1);
	assert_true(select_wants_send(&s));
	assert_bytes(sent(&s, &out), BYTES_LIT(HEADER NOISE));
	assert_false(select_wants_send(&s));
	assert_bytes(sent(&s, &out), BYTES_NONE);
	buf_deinit(&out);
}

static void the_listener_is_silent_before_it_has_seen_a_header(void **state)
{
	struct select s;

	(void)state;
	select_init(&s, SELECT_LISTENER, noise_only, 1);
	assert_false(select_wants_send(&s));
	assert_ok(feed(&s, BYTES_LIT("\x13/multistream/1.0.")));
	assert_false(select_wants_send(&s));
	assert_ok(feed(&s, BYTES_LIT("0\n")));
	assert_true(select_wants_send(&s));
}

static void the_example_of_the_specification_runs_on_both_sides(void **state)
{
	struct select d, l;
	struct buf out = BUF_INIT;

	(void)state;
	select_init(&d, SELECT_DIALER, tls_then_noise, 2);
	select_init(&l, SELECT_LISTENER, noise_only, 1);
	assert_bytes(sent(&d, &out), BYTES_LIT(HEADER TLS));
	assert_ok(feed(&l, buf_bytes(&out)));
	assert_bytes(sent(&l, &out), BYTES_LIT(HEADER NA));
	assert_ok(feed(&d, buf_bytes(&out)));
	assert_null(select_agreed(&d));
	assert_bytes(sent(&d, &out), BYTES_LIT(NOISE));
	assert_ok(feed(&l, buf_bytes(&out)));
	assert_ptr_equal(select_agreed(&l), noise_only[0]);
	assert_bytes(sent(&l, &out), BYTES_LIT(NOISE));
	assert_ok(feed(&d, buf_bytes(&out)));
	assert_ptr_equal(select_agreed(&d), tls_then_noise[1]);
	buf_deinit(&out);
}

static struct bytes vector(const char *what, struct buf *out)
{
	const json_t *v;
	size_t i;

	json_array_foreach(vectors_list("multistream", "vectors"), i, v)
		if (strcmp(vectors_text(v, "what"), what) == 0)
			return vectors_hex(v, "hex", out);
	fail_msg("no multistream vector \"%s\"", what);
	return BYTES_NONE;
}

static void the_published_frames_are_ours(void **state)
{
	struct select d, l;
	struct buf want = BUF_INIT, out = BUF_INIT;

	(void)state;
	select_init(&d, SELECT_DIALER, noise_only, 1);
	assert_bytes(sent(&d, &out), vector("dialer lazy proposal", &want));

	select_init(&d, SELECT_DIALER, tls_then_noise, 2);
	assert_bytes(sent(&d, &out), vector("dialer: header, /tls/1.0.0", &want));
	select_init(&l, SELECT_LISTENER, noise_only, 1);
	assert_ok(feed(&l, buf_bytes(&want)));
	assert_bytes(sent(&l, &out), vector("listener: header, na", &want));
	assert_ok(feed(&d, buf_bytes(&want)));
	assert_bytes(sent(&d, &out), vector("dialer second proposal", &want));
	assert_ok(feed(&l, buf_bytes(&want)));
	assert_bytes(sent(&l, &out), vector("listener echo", &want));

	/* "ls" is answered like any name that is not spoken here. */
	select_init(&l, SELECT_LISTENER, noise_only, 1);
	assert_ok(feed(&l, vector("header", &want)));
	assert_ok(feed(&l, vector("ls request", &want)));
	assert_bytes(sent(&l, &out), BYTES_LIT(HEADER NA));
	buf_deinit(&want);
	buf_deinit(&out);
}

static void published_malformed_frames_end_the_negotiation(void **state)
{
	struct buf raw = BUF_INIT;
	const json_t *v;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list("multistream", "invalid"), i, v) {
		struct bytes bad = vectors_hex(v, "hex", &raw), in;
		const char *what = vectors_text(v, "reason");
		struct select s;

		select_init(&s, SELECT_LISTENER, noise_only, 1);
		in = bad;
		assert_that(select_recv(&s, &in) == P2P_ERR_PROTOCOL, what);
		assert_false(select_wants_send(&s));
		in = BYTES_LIT(HEADER);
		assert_that(select_recv(&s, &in) != 0, what);

		select_init(&s, SELECT_DIALER, noise_only, 1);
		in = bad;
		assert_that(select_recv(&s, &in) == P2P_ERR_PROTOCOL, what);

		/* And behind a good header, except for the wrong header, which is a name there. */
		if (strcmp(what, "wrong header") == 0)
			continue;
		select_init(&s, SELECT_LISTENER, noise_only, 1);
		assert_ok(feed(&s, BYTES_LIT(HEADER)));
		in = bad;
		assert_that(select_recv(&s, &in) == P2P_ERR_PROTOCOL, what);
	}
	buf_deinit(&raw);
}

static void a_conversation_may_be_cut_anywhere(void **state)
{
	static const struct bytes talk = BYTES_LIT(HEADER TLS "\x0f/ipfs/id/1.0.0\n" NOISE "next layer");
	struct buf out = BUF_INIT;
	size_t own = talk.len - strlen("next layer");

	(void)state;
	for (size_t cut = 0; cut <= talk.len; cut++) {
		struct select s;
		struct bytes first = bytes_head(talk, cut), second = bytes_from(talk, cut);

		select_init(&s, SELECT_LISTENER, noise_only, 1);
		assert_ok(select_recv(&s, &first));
		assert_ok(select_recv(&s, &second));
		assert_ptr_equal(select_agreed(&s), noise_only[0]);
		/* What stands behind the last byte is left for the next layer. */
		assert_int_equal(first.len + second.len, talk.len - own);
		assert_bytes(sent(&s, &out), BYTES_LIT(HEADER NA NA NOISE));
	}
	buf_deinit(&out);
}

static void a_dialers_answers_may_come_byte_by_byte(void **state)
{
	static const struct bytes talk = BYTES_LIT(HEADER NA NOISE "\x00\x20rest");
	struct select s;
	struct buf out = BUF_INIT;
	size_t i = 0;

	(void)state;
	select_init(&s, SELECT_DIALER, tls_then_noise, 2);
	while (!select_agreed(&s)) {
		struct bytes one = bytes_of(talk.at + i++, 1);

		assert_true(i < talk.len);
		assert_ok(select_recv(&s, &one));
	}
	assert_bytes(bytes_from(talk, i), BYTES_LIT("\x00\x20rest"));
	buf_deinit(&out);
}

static void a_dialer_with_nothing_left_to_propose_has_failed(void **state)
{
	struct select s;

	(void)state;
	select_init(&s, SELECT_DIALER, noise_only, 1);
	assert_err(feed(&s, BYTES_LIT(HEADER NA)), P2P_ERR_UNSUPPORTED);
	assert_null(select_agreed(&s));
}

static void a_dialer_takes_no_answer_but_its_own_name_or_na(void **state)
{
	struct select s;

	(void)state;
	select_init(&s, SELECT_DIALER, tls_then_noise, 2);
	/* The second candidate was not proposed yet. */
	assert_err(feed(&s, BYTES_LIT(HEADER NOISE)), P2P_ERR_PROTOCOL);
	select_init(&s, SELECT_DIALER, noise_only, 1);
	assert_err(feed(&s, BYTES_LIT(HEADER HEADER)), P2P_ERR_PROTOCOL);
	select_init(&s, SELECT_DIALER, noise_only, 1);
	assert_err(feed(&s, BYTES_LIT(NOISE)), P2P_ERR_PROTOCOL);
}

static void names_are_compared_as_exact_bytes(void **state)
{
	static const char *const near[] = {"/Noise", "/nois", "/noise2", "noise", "/noise/", " /noise"};
	struct buf in = BUF_INIT, out = BUF_INIT;
	int err;

	(void)state;
	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
		buf_reset(&in);
		(void)buf_put(&in, BYTES_LIT(HEADER));
		(void)buf_put_u8(&in, (uint8_t)(strlen(near[i]) + 1));
		(void)buf_put_str(&in, near[i]);
		(void)buf_put_u8(&in, '\n');
		assert_bytes(answer(noise_only, 1, buf_bytes(&in), &out, &err), BYTES_LIT(HEADER NA));
		assert_that(err == 0, near[i]);
	}
	/* A name with a NUL inside does not end there. */
	assert_bytes(answer(noise_only, 1, BYTES_LIT(HEADER "\x09/noise\0x\n"), &out, &err),
		BYTES_LIT(HEADER NA));
	assert_ok(err);
	buf_deinit(&in);
	buf_deinit(&out);
}

/* A proposal of `len` bytes and the newline. */
static void put_proposal(struct buf *in, size_t len, char last)
{
	(void)varint_put(in, len + 1);
	for (size_t i = 0; i < len; i++)
		(void)buf_put_u8(in, i == 0 ? '/' : 'x');
	(void)buf_put_u8(in, (uint8_t)last);
}

static void a_proposal_of_1023_bytes_is_refused_politely_and_one_more_is_not_read(void **state)
{
	static const size_t polite[] = {1, 62, 63, 64, 65, 126, 127, 128, 1022, 1023};
	struct buf in = BUF_INIT, out = BUF_INIT;
	int err;

	(void)state;
	for (size_t i = 0; i < sizeof(polite) / sizeof(polite[0]); i++) {
		buf_reset(&in);
		(void)buf_put(&in, BYTES_LIT(HEADER));
		put_proposal(&in, polite[i], '\n');
		(void)buf_put(&in, BYTES_LIT(NOISE));
		assert_bytes(answer(noise_only, 1, buf_bytes(&in), &out, &err),
			BYTES_LIT(HEADER NA NOISE));
		assert_ok(err);
		in.data[in.len - sizeof(NOISE)] = 'y'; /* its newline */
		(void)answer(noise_only, 1, buf_bytes(&in), &out, &err);
		assert_err(err, P2P_ERR_PROTOCOL);
	}
	/* The prefix alone condemns it. */
	buf_reset(&in);
	(void)buf_put(&in, BYTES_LIT(HEADER));
	(void)varint_put(&in, 1025);
	(void)answer(noise_only, 1, buf_bytes(&in), &out, &err);
	assert_err(err, P2P_ERR_PROTOCOL);
	buf_deinit(&in);
	buf_deinit(&out);
}

static void a_listener_speaks_names_up_to_63_bytes(void **state)
{
	static const char longest[] = "/an/application/protocol/with/the/longest/name/we/speak/1.2.3/x";
	const char *names[] = {longest};
	struct buf in = BUF_INIT, out = BUF_INIT;
	int err;

	(void)state;
	assert_int_equal(strlen(longest), SELECT_NAME_BYTES_MAX);
	(void)buf_put(&in, BYTES_LIT(HEADER "\x40"));
	(void)buf_put_str(&in, longest);
	(void)buf_put_u8(&in, '\n');
	assert_bytes(answer(names, 1, buf_bytes(&in), &out, &err), buf_bytes(&in));
	assert_ok(err);
	/* One that only begins like it is another name, however much of it is held. */
	buf_reset(&in);
	(void)buf_put(&in, BYTES_LIT(HEADER "\x42"));
	(void)buf_put_str(&in, longest);
	(void)buf_put(&in, BYTES_LIT("\n/\n"));
	assert_bytes(answer(names, 1, buf_bytes(&in), &out, &err), BYTES_LIT(HEADER NA));
	assert_ok(err);
	buf_deinit(&in);
	buf_deinit(&out);
}

static void sixty_four_refusals_are_the_bound(void **state)
{
	struct select s;
	struct buf out = BUF_INIT;

	(void)state;
	select_init(&s, SELECT_LISTENER, ping_and_id, 2);
	assert_ok(feed(&s, BYTES_LIT(HEADER)));
	for (int i = 0; i < SELECT_REFUSALS_MAX; i++)
		assert_ok(feed(&s, BYTES_LIT(NOISE)));
	assert_int_equal(sent(&s, &out).len, 20 + 4 * SELECT_REFUSALS_MAX);
	assert_err(feed(&s, BYTES_LIT(NOISE)), P2P_ERR_UNSUPPORTED);

	/* The bound leaves room for a name that fits after 64 that did not. */
	select_init(&s, SELECT_LISTENER, ping_and_id, 2);
	assert_ok(feed(&s, BYTES_LIT(HEADER)));
	for (int i = 0; i < SELECT_REFUSALS_MAX; i++)
		assert_ok(feed(&s, BYTES_LIT(NOISE)));
	assert_ok(feed(&s, BYTES_LIT("\x0f/ipfs/id/1.0.0\n")));
	assert_ptr_equal(select_agreed(&s), ping_and_id[1]);
	buf_deinit(&out);
}

static void an_output_without_room_takes_nothing_and_loses_nothing(void **state)
{
	struct select s;
	struct buf tight = BUF_WITH_MAX(27), wide = BUF_WITH_MAX(28);

	(void)state;
	select_init(&s, SELECT_DIALER, noise_only, 1);
	assert_err(select_send(&s, &tight), P2P_ERR_TOO_LARGE);
	assert_int_equal(tight.len, 0);
	assert_ok(select_send(&s, &wide));
	assert_bytes(buf_bytes(&wide), BYTES_LIT(HEADER NOISE));
	buf_deinit(&tight);
	buf_deinit(&wide);
}

static void two_dialers_both_believe_and_the_next_layer_must_fail(void **state)
{
	struct select a, b;
	struct buf from_a = BUF_INIT, from_b = BUF_INIT;

	(void)state;
	select_init(&a, SELECT_DIALER, noise_only, 1);
	select_init(&b, SELECT_DIALER, noise_only, 1);
	(void)sent(&a, &from_a);
	(void)sent(&b, &from_b);
	assert_ok(feed(&a, buf_bytes(&from_b)));
	assert_ok(feed(&b, buf_bytes(&from_a)));
	assert_non_null(select_agreed(&a));
	assert_non_null(select_agreed(&b));
	buf_deinit(&from_a);
	buf_deinit(&from_b);
}

/* Property: whatever the two lists are, both sides agree on the dialer's first common name, or
 * both do not agree. */
static void any_two_lists_agree_on_the_dialers_first_common_name(void **state)
{
	static const char *const all[] = {"/a", "/b", "/c/1.0.0", "/d/2", "/eeeeeeeeeeeeeeeeeeee/1", "f"};
	struct rng_seeded seeded;
	struct buf out = BUF_INIT;

	(void)state;
	rng_seed(&seeded, 7);
	for (int round = 0; round < 2000; round++) {
		const char *dn[4], *ln[4], *want = NULL;
		size_t dc = 1 + rng_below(&seeded.rng, 4), lc = rng_below(&seeded.rng, 5);
		struct select d, l;
		int err = 0, lerr = 0;

		for (size_t i = 0; i < dc; i++)
			dn[i] = all[rng_below(&seeded.rng, 6)];
		for (size_t i = 0; i < lc; i++)
			ln[i] = all[rng_below(&seeded.rng, 6)];
		for (size_t i = 0; i < dc && !want; i++)
			for (size_t j = 0; j < lc && !want; j++)
				want = dn[i] == ln[j] ? dn[i] : NULL;

		select_init(&d, SELECT_DIALER, dn, dc);
		select_init(&l, SELECT_LISTENER, ln, lc);
		while (!err && !lerr && (select_wants_send(&d) || select_wants_send(&l))) {
			lerr = feed(&l, sent(&d, &out));
			if (!lerr)
				err = feed(&d, sent(&l, &out));
		}
		assert_ok(lerr);
		assert_err(err, want ? 0 : P2P_ERR_UNSUPPORTED);
		assert_ptr_equal(select_agreed(&d), want);
		if (want)
			assert_string_equal(select_agreed(&l), want);
	}
	buf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_dialer_sends_header_and_proposal_in_one_write),
		cmocka_unit_test(the_listener_is_silent_before_it_has_seen_a_header),
		cmocka_unit_test(the_example_of_the_specification_runs_on_both_sides),
		cmocka_unit_test(the_published_frames_are_ours),
		cmocka_unit_test(published_malformed_frames_end_the_negotiation),
		cmocka_unit_test(a_conversation_may_be_cut_anywhere),
		cmocka_unit_test(a_dialers_answers_may_come_byte_by_byte),
		cmocka_unit_test(a_dialer_with_nothing_left_to_propose_has_failed),
		cmocka_unit_test(a_dialer_takes_no_answer_but_its_own_name_or_na),
		cmocka_unit_test(names_are_compared_as_exact_bytes),
		cmocka_unit_test(a_proposal_of_1023_bytes_is_refused_politely_and_one_more_is_not_read),
		cmocka_unit_test(a_listener_speaks_names_up_to_63_bytes),
		cmocka_unit_test(sixty_four_refusals_are_the_bound),
		cmocka_unit_test(an_output_without_room_takes_nothing_and_loses_nothing),
		cmocka_unit_test(two_dialers_both_believe_and_the_next_layer_must_fail),
		cmocka_unit_test(any_two_lists_agree_on_the_dialers_first_common_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
