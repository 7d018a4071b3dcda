/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request: whole and cut it must come to the same, all that is read must lie inside it
 * and be made of the bytes that it may be made of. */
#include <stdlib.h>
#include <string.h>

#include "proto/base/err.h"
#include "proto/http/http1.h"

#define CHECK(claim)                                                                               \
	do {                                                                                       \
		if (!(claim))                                                                      \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct bytes in, struct bytes part)
{
	CHECK(part.at >= in.at && part.at + part.len <= in.at + in.len);
	CHECK(!memchr(part.at, '\r', part.len) && !memchr(part.at, '\n', part.len) && !memchr(part.at, '\0', part.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct http1_head h, cut;
	int err = http1_request_head(in, &h);

	for (size_t n = 0; n < size && n < 300; n++) {
		int early = http1_request_head(bytes_head(in, n), &cut);

		/* What is refused early stays refused, and nothing is whole before its end. */
		if (early != P2P_ERR_AGAIN)
			CHECK(early == err && (err || cut.len == h.len));
	}
	if (err) {
		CHECK(err == P2P_ERR_AGAIN || err == P2P_ERR_PROTOCOL || err == P2P_ERR_TOO_LARGE || err == P2P_ERR_UNSUPPORTED);
		return 0;
	}
	CHECK(h.len <= size && h.len >= 4 && memcmp(data + h.len - 4, "\r\n\r\n", 4) == 0);
	check_inside(bytes_head(in, h.len), h.method);
	check_inside(bytes_head(in, h.len), h.target);
	for (size_t i = 0; i < h.count; i++) {
		check_inside(bytes_head(in, h.len), h.fields[i].name);
		if (h.fields[i].value.len)
			check_inside(bytes_head(in, h.len), h.fields[i].value);
		(void)http1_lists(h.fields[i].value, "text/plain");
	}
	return 0;
}
