/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/evidence.h"

#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/people.h"

#define WHEN "2026-02-21T11:11:01Z"

static void two_statements_for_one_instant_prove_themselves(void **state)
{
	struct snapshot one = snapshot_of(WHEN, 2), other = snapshot_of(WHEN, 3);
	struct key_public system = person_public(GOLDEN_SYSTEM_SEED),
			  stranger = person_public(0x77);
	struct buf ab = BUF_INIT, ba = BUF_INIT;
	enum snapshot_reason reason;
	struct evidence e;

	(void)state;
	assert_ok(evidence_print(&ab, &one, &other));
	assert_ok(evidence_print(&ba, &other, &one));
	assert_bytes(buf_bytes(&ab), buf_bytes(&ba));
	assert_ok(evidence_parse(buf_bytes(&ab), &e));
	assert_true(snapshot_cmp(&e.a, &e.b) > 0);
	assert_ok(evidence_check(&e, &system, &reason));
	assert_int_equal(reason, SNAPSHOT_OK);
	assert_err(evidence_check(&e, &stranger, &reason), P2P_ERR_SIGNATURE);
	assert_int_equal(reason, SNAPSHOT_PROOF_SIGNATURE);
	e.b.sig.at[0] ^= 1;
	assert_err(evidence_check(&e, &system, &reason), P2P_ERR_SIGNATURE);
	assert_int_equal(reason, SNAPSHOT_SIGNATURE);
	evidence_deinit(&e);
	for (size_t len = 0; len + 1 < ab.len; len++)
		assert_err(evidence_parse(bytes_of(ab.data, len), &e), P2P_ERR_TRUNCATED);
	snapshot_deinit(&one);
	snapshot_deinit(&other);
	buf_deinit(&ab);
	buf_deinit(&ba);
}

static void the_order_in_the_file_does_not_matter(void **state)
{
	struct snapshot one = snapshot_of(WHEN, 2), other = snapshot_of(WHEN, 3);
	struct snapshot *low = snapshot_cmp(&one, &other) > 0 ? &other : &one;
	struct snapshot *high = low == &one ? &other : &one;
	struct buf text = BUF_INIT;
	struct evidence e;

	(void)state;
	assert_ok(buf_put_str(&text, "{\"evidence\":\"equivocation\",\"snapshots\":["));
	assert_ok(buf_put(&text, buf_bytes(&low->raw)));
	assert_ok(buf_put_str(&text, ","));
	assert_ok(buf_put(&text, buf_bytes(&high->raw)));
	assert_ok(buf_put_str(&text, "]}"));
	assert_ok(evidence_parse(buf_bytes(&text), &e));
	assert_int_equal(snapshot_cmp(&e.a, high), 0);
	assert_int_equal(snapshot_cmp(&e.b, low), 0);
	evidence_deinit(&e);
	snapshot_deinit(&one);
	snapshot_deinit(&other);
	buf_deinit(&text);
}

static void what_does_not_conflict_is_no_evidence(void **state)
{
	struct snapshot one = snapshot_of(WHEN, 2), same = snapshot_of(WHEN, 2);
	struct snapshot later = snapshot_of("2026-02-21T11:11:02Z", 3);
	struct buf out = BUF_INIT;
	struct evidence e;

	(void)state;
	assert_err(evidence_print(&out, &one, &same), P2P_ERR_MISMATCH);
	assert_err(evidence_print(&out, &one, &later), P2P_ERR_MISMATCH);
	assert_int_equal(out.len, 0);
	assert_err(
		evidence_parse(
			BYTES_LIT("{\"evidence\":\"equivocation\",\"snapshots\":[" GOLDEN_SNAPSHOT
				  "," GOLDEN_SNAPSHOT "]}"),
			&e),
		P2P_ERR_MISMATCH);
	assert_err(
		evidence_parse(
			BYTES_LIT("{\"evidence\":\"equivocation\",\"snapshots\":[" GOLDEN_SNAPSHOT
				  "]}"),
			&e),
		P2P_ERR_INVALID);
	assert_err(evidence_parse(BYTES_LIT("{\"snapshots\":[{},{}]}"), &e), P2P_ERR_INVALID);
	snapshot_deinit(&one);
	snapshot_deinit(&same);
	snapshot_deinit(&later);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_statements_for_one_instant_prove_themselves),
		cmocka_unit_test(the_order_in_the_file_does_not_matter),
		cmocka_unit_test(what_does_not_conflict_is_no_evidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
