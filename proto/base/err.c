/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/err.h"

struct err_entry {
	const char *name;
	const char *text;
};

static const struct err_entry entries[P2P_ERR_COUNT] = {
#define X(id, name, text) {name, text},
	P2P_ERR_LIST(X)
#undef X
};

static int is_listed(int err)
{
	return err < 0 && err >= -P2P_ERR_COUNT;
}

const char *err_name(int err)
{
	if (err == 0)
		return "ok";
	return is_listed(err) ? entries[-1 - err].name : "unknown";
}

const char *err_text(int err)
{
	if (err == 0)
		return "done";
	return is_listed(err) ? entries[-1 - err].text : "unknown error";
}
