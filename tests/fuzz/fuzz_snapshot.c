/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_snapshot.c: any text as a snapshot and as the answer that carries one. What is read must
 * survive printing with the same hash, and be judged without harm. */
#include "proto/p2pos/exchange.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void check(const struct snapshot *s)
{
	struct key_public system = {{1}};
	struct snapshot_rules rules = {"prod", &system, false, SNAPSHOT_PUSHED, {1771672261, 0}};
	enum snapshot_reason reason;
	struct buf out = BUF_INIT;
	struct snapshot again;

	for (size_t i = 1; i < s->member_count; i++)
		assert(strcmp(s->members[i - 1].text, s->members[i].text) < 0);
	for (size_t i = 0; i < s->member_count; i++)
		assert(peer_id_is_none(&s->members[i].peer) ||
			snapshot_has_member(s, &s->members[i].peer));
	assert(snapshot_print(&out, s) == 0);
	assert(snapshot_parse(buf_bytes(&out), &again, NULL) == 0);
	assert(snapshot_cmp(s, &again) == 0);
	assert(again.member_count == s->member_count && again.odd_count == s->odd_count);
	/* The golden system key is not the one above, so nothing may pass. */
	assert(snapshot_check(s, &rules, &reason) != 0 && reason != SNAPSHOT_OK);
	rules.system = NULL;
	rules.insecure_accept_any_issuer = true;
	(void)snapshot_check(s, &rules, &reason);
	snapshot_deinit(&again);
	buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	enum snapshot_reason reason;
	struct pull_answer answer;
	struct snapshot s;
	int err = snapshot_parse(bytes_of(at, len), &s, &reason);

	assert((err == 0) == (reason == SNAPSHOT_OK));
	if (!err) {
		check(&s);
		snapshot_deinit(&s);
	}
	err = pull_answer_parse(bytes_of(at, len), &answer, &reason);
	if (!err) {
		if (answer.has_snapshot)
			check(&answer.snapshot);
		pull_answer_deinit(&answer);
	}
	return 0;
}
