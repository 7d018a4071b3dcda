/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_config.c: any text as config.json. What parses must print and parse again to the same. */
#include "config/config.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct config_change changes[CONFIG_CHANGES_MAX];
	struct config_report report = {0};
	struct config first, again;
	struct buf text = BUF_INIT;

	if (config_parse(bytes_of(at, len), &first, &report) != 0) {
		assert(report.errors > 0);
		return 0;
	}
	assert(report.errors == 0);
	assert(config_write(&first, CONFIG_SHOW_SECRETS, &text) == 0);
	assert(config_parse(buf_bytes(&text), &again, &report) == 0);
	assert(config_diff(&first, &again, changes) == 0);
	buf_deinit(&text);
	return 0;
}
