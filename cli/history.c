/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/history.h"

#include <stdlib.h>
#include <string.h>

#include "cli/out.h"
#include "cli/rpc.h"
#include "proto/base/mem.h"
#include "proto/rpc/errors.h"

#define PLACE_DIGITS_MAX 3 /* more is the beginning of a hash */

static bool is_place(const char *which, size_t *ret_at)
{
	char *end;

	*ret_at = strtoul(which, &end, 10);
	return *which && !*end && strlen(which) <= PLACE_DIGITS_MAX;
}

static int fail_unknown(struct cli *c, const char *which)
{
	return out_fail_reason(c, CLI_FAILED, RPC_ERR_NOT_FOUND, "not_found",
		"p2posctl member history lists them; member verify @FILE tells whether another would be taken", NULL,
		"this node has accepted no snapshot %s", which);
}

/* The list with an entry at that place. */
static int list_with(struct cli *c, const char *which, size_t at, json_t **ret_list)
{
	json_t *r = NULL, *list;
	int code = rpc_call(c, "member.history", NULL, 0, &r);

	if (code)
		return code;
	list = json_incref(json_object_get(r, "snapshots"));
	json_decref(r);
	if (at < json_array_size(list)) {
		*ret_list = list;
		return 0;
	}
	json_decref(list);
	return fail_unknown(c, which);
}

int history_hash(struct cli *c, const char *which, char **ret)
{
	json_t *list;
	size_t at;
	int code;

	if (!is_place(which, &at)) {
		*ret = xstrdup(which);
		return 0;
	}
	code = list_with(c, which, at, &list);
	if (code)
		return code;
	*ret = xstrdup(out_text(json_array_get(list, at), "hash"));
	json_decref(list);
	return 0;
}

int history_find(struct cli *c, const char *which, json_t **ret_list, size_t *ret_at)
{
	size_t at, found = 0;
	bool by_place = is_place(which, &at);
	json_t *list;
	int code = list_with(c, which, by_place ? at : 0, &list);

	if (code)
		return code;
	for (size_t i = 0; !by_place && i < json_array_size(list); i++) {
		if (strncmp(out_text(json_array_get(list, i), "hash"), which, strlen(which)) != 0)
			continue;
		at = i;
		found++;
	}
	if (by_place || found == 1) {
		*ret_list = list;
		*ret_at = at;
		return 0;
	}
	json_decref(list);
	return found ? out_fail(c, CLI_USAGE, "write more of the hash", "%zu snapshots begin with %s", found, which)
		     : fail_unknown(c, which);
}
