/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_tokens.c: any text as a join string, as a Web Admin bundle and as their JSON inside. What is
 * read must survive printing to the same. */
#include "proto/p2pos/tokens.h"

#include <assert.h>

#include "proto/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void check_join(struct bytes text)
{
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct join_token t, again;

	if (join_token_parse(text, &t))
		return;
	assert(join_token_print(&first, &t) == 0);
	assert(join_token_parse(buf_bytes(&first), &again) == 0);
	assert(join_token_print(&second, &again) == 0);
	assert(bytes_eq(buf_bytes(&first), buf_bytes(&second)));
	join_token_deinit(&t);
	join_token_deinit(&again);
	buf_deinit(&first);
	buf_deinit(&second);
}

static void check_bundle(struct bytes text)
{
	struct buf out = BUF_INIT;
	struct admin_bundle b, again;

	if (admin_bundle_parse(text, &b))
		return;
	assert(admin_bundle_print(&out, &b) == 0);
	assert(admin_bundle_parse(buf_bytes(&out), &again) == 0);
	assert(memcmp(b.admin.secret, again.admin.secret, sizeof(b.admin.secret)) == 0);
	admin_bundle_deinit(&b);
	admin_bundle_deinit(&again);
	buf_deinit(&out);
}

/* Mutations inside base64 rarely decode to JSON, so the text is also wrapped into a token here. */
static void wrap(const char *prefix, struct bytes json, bool url, struct buf *out)
{
	buf_reset(out);
	assert(buf_put_str(out, prefix) == 0 && text_base64(out, json) == 0);
	for (size_t i = strlen(prefix); url && i < out->len; i++) {
		if (out->data[i] == '+')
			out->data[i] = '-';
		else if (out->data[i] == '/')
			out->data[i] = '_';
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct bytes text = bytes_of(at, len);
	struct buf token = BUF_INIT;

	check_join(text);
	check_bundle(text);
	wrap(JOIN_PREFIX, text, true, &token);
	check_join(buf_bytes(&token));
	wrap(BUNDLE_PREFIX, text, false, &token);
	check_bundle(buf_bytes(&token));
	buf_deinit(&token);
	return 0;
}
