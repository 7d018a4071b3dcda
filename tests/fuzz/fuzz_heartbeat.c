/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_heartbeat.c: any text as a heartbeat. What is read must survive printing, and be judged the
 * same before and after. */
#include "proto/p2pos/heartbeat.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct heartbeat_rules rules = {"prod", NULL, true, {1771672261, 0}};
	enum heartbeat_reason reason, again_reason;
	struct heartbeat h, again;
	struct buf out = BUF_INIT;
	int err = heartbeat_parse(bytes_of(at, len), &h, &reason);

	assert((err == 0) == (reason == HEARTBEAT_OK));
	if (err)
		return 0;
	assert(heartbeat_print(&out, &h) == 0);
	assert(out.len <= HEARTBEAT_BYTES_MAX);
	assert(heartbeat_parse(buf_bytes(&out), &again, NULL) == 0);
	assert(wall_cmp(h.ts, again.ts) == 0 && peer_id_eq(&h.peer, &again.peer));
	err = heartbeat_check(&h, &rules, &reason);
	/* An unreadable signature is printed as none. */
	if (h.sig.form != SIGNATURE_UNREADABLE) {
		assert(heartbeat_check(&again, &rules, &again_reason) == err);
		assert(again_reason == reason);
	}
	buf_deinit(&out);
	return 0;
}
