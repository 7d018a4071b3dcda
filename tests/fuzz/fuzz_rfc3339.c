/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_rfc3339.c: any text as a time. What is read prints in one form, which reads to the same. */
#include "proto/base/rfc3339.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	char text[RFC3339_SIZE], again_text[RFC3339_SIZE];
	wall_t t, again;

	if (rfc3339_parse(bytes_of(at, len), &t))
		return 0;
	assert(t.nsec >= 0 && t.nsec < NS_PER_SEC);
	assert(rfc3339_parse(bytes_str(rfc3339_text(t, text)), &again) == 0);
	assert(wall_cmp(t, again) == 0);
	assert(strcmp(text, rfc3339_text(again, again_text)) == 0);
	return 0;
}
