/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_restart.c: any text as the announcement of a restart. What is read must survive printing, be
 * judged the same before and after, and never excuse for longer than may be. */
#include "proto/p2pos/restart.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	const wall_t now = {1771672261, 0};
	struct restart_notice n, again;
	struct buf out = BUF_INIT;
	int64_t ms = -1, again_ms = -1;
	int err;

	if (restart_parse(bytes_of(at, len), &n))
		return 0;
	assert(restart_print(&out, &n) == 0);
	assert(restart_parse(buf_bytes(&out), &again) == 0);
	assert(wall_cmp(n.ts, again.ts) == 0 && wall_cmp(n.until, again.until) == 0);
	err = restart_check(&n, "prod", &n.peer, now, &ms);
	/* An unreadable signature is printed as none. */
	if (n.sig.form != SIGNATURE_UNREADABLE)
		assert(restart_check(&again, "prod", &n.peer, now, &again_ms) == err && ms == again_ms);
	assert(err || (ms > 0 && ms <= RESTART_MS_MAX));
	buf_deinit(&out);
	return 0;
}
