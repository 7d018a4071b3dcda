/* SPDX-License-Identifier: Apache-2.0 */
/* A negotiation fed with anything, as dialer or listener. It must come to the same end and say the
 * same, whole or cut, and must never take a byte of the next layer.
 *
 * The first byte chooses the side and how many names there are, the second how the input is cut. */
#include <stdlib.h>

#include "proto/select/select.h"

#define CHECK(claim)                                                                               \
	do {                                                                                       \
		if (!(claim))                                                                      \
			abort();                                                                   \
	} while (0)

static const char *const names[] = {"/noise", "/yamux/1.0.0", "/ipfs/id/1.0.0", "/a"};

struct outcome {
	int err;
	const char *agreed;
	size_t left; /* bytes behind the negotiation */
	struct buf said;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only what was said up to the end counts: a dead negotiation says nothing. */
static void run(enum select_side side, size_t count, struct bytes in, size_t piece, struct outcome *o)
{
	struct select s;

	select_init(&s, side, names, count);
	*o = (struct outcome){0};
	CHECK(select_send(&s, &o->said) == 0);
	while (in.len && !o->err && !select_agreed(&s)) {
		struct bytes part = bytes_head(in, piece), rest = part;

		o->err = select_recv(&s, &rest);
		in = bytes_from(in, part.len - rest.len);
		CHECK(o->err || rest.len == 0 || select_agreed(&s));
	}
	CHECK(select_send(&s, &o->said) == 0);
	CHECK(!select_wants_send(&s));
	o->agreed = select_agreed(&s);
	o->left = in.len;
	CHECK(!(o->err && o->agreed));
	CHECK(o->said.len <= 20 + 4 * SELECT_REFUSALS_MAX + count * (SELECT_NAME_BYTES_MAX + 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut;
	enum select_side side;
	struct bytes in;
	size_t count;

	if (size < 2)
		return 0;
	side = data[0] & 1 ? SELECT_DIALER : SELECT_LISTENER;
	count = 1 + (data[0] >> 1) % 4;
	in = bytes_from(bytes_of(data, size), 2);
	run(side, count, in, SIZE_MAX, &whole);
	run(side, count, in, (size_t)data[1] + 1, &cut);
	CHECK(whole.err == cut.err);
	CHECK(whole.agreed == cut.agreed);
	CHECK(whole.err || whole.left == cut.left);
	CHECK(whole.err || bytes_eq(buf_bytes(&whole.said), buf_bytes(&cut.said)));
	buf_deinit(&whole.said);
	buf_deinit(&cut.said);
	return 0;
}
