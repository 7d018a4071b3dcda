/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_draft.c: any text as a draft, as evidence and as a proof. What is read must survive
 * printing. */
#include "proto/p2pos/draft.h"

#include <assert.h>

#include "proto/p2pos/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void check_draft(struct bytes text)
{
	enum draft_reason reason;
	struct buf out = BUF_INIT;
	struct draft d, again;
	struct member_diff diff;

	if (draft_parse(text, &d, &reason, NULL)) {
		assert(reason != DRAFT_OK);
		return;
	}
	assert(draft_print(&out, &d) == 0);
	assert(draft_parse(buf_bytes(&out), &again, &reason, NULL) == 0);
	assert(again.members.count == d.members.count && again.has_base == d.has_base);
	if (!draft_diff(&d, &diff)) {
		assert(diff.after == d.members.count && diff.added.count <= diff.after);
		member_diff_deinit(&diff);
	}
	draft_deinit(&d);
	draft_deinit(&again);
	buf_deinit(&out);
}

static void check_evidence(struct bytes text)
{
	struct key_public system = {{1}};
	struct evidence e, again;
	struct buf out = BUF_INIT;

	if (evidence_parse(text, &e))
		return;
	assert(evidence_check(&e, &system, NULL) != 0);
	assert(evidence_print(&out, &e.b, &e.a) == 0);
	assert(evidence_parse(buf_bytes(&out), &again) == 0);
	assert(snapshot_cmp(&e.a, &again.a) == 0 && snapshot_cmp(&e.b, &again.b) == 0);
	evidence_deinit(&e);
	evidence_deinit(&again);
	buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct admin_proof proof;

	check_draft(bytes_of(at, len));
	check_evidence(bytes_of(at, len));
	(void)admin_proof_parse(bytes_of(at, len), &proof);
	return 0;
}
