/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_push_answer.c: any text as the answer to a push, and as both sides of the admin exchange.
 * What is read must survive printing. */
#include "proto/p2pos/exchange.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void check_push(struct bytes text)
{
	struct buf out = BUF_INIT;
	struct push_answer a, again;

	if (push_answer_parse(text, &a))
		return;
	assert(push_answer_print(&out, &a) == 0);
	/* Escapes may take it over the limit of a message, but never change it. */
	if (out.len <= 1024) {
		assert(push_answer_parse(buf_bytes(&out), &again) == 0);
		assert(a.applied == again.applied && strcmp(a.error, again.error) == 0 &&
			strcmp(a.result, again.result) == 0);
	}
	buf_deinit(&out);
}

static void check_admin(struct bytes text)
{
	struct buf out = BUF_INIT;
	struct admin_proof proof, again;
	struct admin_answer answer;

	(void)admin_answer_parse(text, &answer);
	if (admin_request_parse(text, &proof))
		return;
	assert(admin_request_print(&out, &proof) == 0);
	assert(admin_request_parse(buf_bytes(&out), &again) == 0);
	assert(strcmp(proof.role, again.role) == 0 && peer_id_eq(&proof.peer, &again.peer));
	buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	check_push(bytes_of(at, len));
	check_admin(bytes_of(at, len));
	return 0;
}
