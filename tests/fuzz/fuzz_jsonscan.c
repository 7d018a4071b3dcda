/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_jsonscan.c: any text, whole and cut in two, before the scanner. What passes must be JSON to
 * jansson too, and the cut may change nothing. */
#include "proto/base/jsonscan.h"

#include <assert.h>
#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static const struct json_limits limits = {4096, 64, 256};

/* The first byte says where to cut. */
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct json_reader whole, parts;
	size_t cut = len > 1 ? at[0] % len : 0;
	int err, cut_err;

	if (!len)
		return 0;
	at++;
	len--;
	json_reader_init(&whole, &limits);
	json_reader_init(&parts, &limits);
	err = json_reader_feed(&whole, bytes_of(at, len), NULL);
	cut_err = json_reader_feed(&parts, bytes_of(at, cut), NULL);
	if (!cut_err)
		cut_err = json_reader_feed(&parts, bytes_of(at + cut, len - cut), NULL);
	assert(err == cut_err);
	assert(json_reader_is_complete(&whole) == json_reader_is_complete(&parts));
	if (json_reader_is_complete(&whole)) {
		struct bytes text = json_reader_text(&whole);
		json_error_t why;
		json_t *o;

		assert(bytes_eq(text, json_reader_text(&parts)));
		assert(jsonscan_text(text, &limits) == 0);
		o = json_loadb((const char *)text.at, text.len, 0, &why);
		/* Numbers with an exponent may still be too large for a double. */
		assert(o || json_error_code(&why) == json_error_numeric_overflow);
		json_decref(o);
	}
	json_reader_deinit(&whole);
	json_reader_deinit(&parts);
	return 0;
}
