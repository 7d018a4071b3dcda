/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_status.c: any text as a status request and as an answer. What is read must survive printing,
 * stay in order, and merge into itself without change. */
#include "proto/p2pos/status.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static bool everybody(const void *who_knows, const struct peer_id *peer)
{
	(void)who_knows;
	(void)peer;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct status_merge_rules rules = {{1771672261, 0}, everybody, NULL};
	struct status_answer a, again, view = {.count = 0};
	struct buf out = BUF_INIT;

	(void)status_request_parse(bytes_of(at, len));
	if (status_answer_parse(bytes_of(at, len), &a))
		return 0;
	for (size_t i = 1; i < a.count; i++)
		assert(peer_id_cmp(&a.records[i - 1].peer, &a.records[i].peer) < 0);
	assert(status_answer_print(&out, &a, true) == 0);
	assert(status_answer_parse(buf_bytes(&out), &again) == 0);
	assert(again.count == a.count && again.skipped == 0);
	status_merge(&view, &a, &rules);
	status_merge(&view, &again, &rules);
	assert(view.count == a.count);
	status_answer_deinit(&view);
	status_answer_deinit(&again);
	status_answer_deinit(&a);
	buf_deinit(&out);
	return 0;
}
