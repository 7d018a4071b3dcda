/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/vectors.h"

#include <stdlib.h>

#include "proto/base/text.h"
#include "tests/lib/p2ptest.h"

static json_t *load(void)
{
	static json_t *root; /* read once, kept until the program ends */
	const char *path = getenv("P2POS_VECTORS");
	json_error_t why;

	if (root)
		return root;
	if (!path || !*path)
		path = "tests/vectors/vectors.json";
	root = json_load_file(path, 0, &why);
	if (!root)
		fail_msg(
			"no vectors: %s line %d: %s (set P2POS_VECTORS)", path, why.line, why.text);
	return root;
}

const json_t *vectors_group(const char *group)
{
	const json_t *g = json_object_get(json_object_get(load(), "groups"), group);

	if (!json_is_object(g))
		fail_msg("vectors: no group \"%s\"", group);
	return g;
}

const json_t *vectors_list(const char *group, const char *list)
{
	const json_t *l = json_object_get(vectors_group(group), list);

	if (!json_is_array(l) || json_array_size(l) == 0)
		fail_msg("vectors: no list \"%s\" in group \"%s\"", list, group);
	return l;
}

const char *vectors_text_maybe(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

const char *vectors_text(const json_t *o, const char *key)
{
	const char *text = vectors_text_maybe(o, key);

	if (!text)
		fail_msg("vectors: no text \"%s\"", key);
	return text;
}

struct bytes vectors_hex(const json_t *o, const char *key, struct buf *out)
{
	return vectors_unhex(vectors_text(o, key), out);
}

struct bytes vectors_unhex(const char *hex, struct buf *out)
{
	buf_reset(out);
	if (text_unhex(out, bytes_str(hex)))
		fail_msg("vectors: not hex: \"%s\"", hex);
	return buf_bytes(out);
}

int64_t vectors_int(const json_t *o, const char *key)
{
	const json_t *n = json_object_get(o, key);

	if (!json_is_integer(n))
		fail_msg("vectors: no integer \"%s\"", key);
	return json_integer_value(n);
}
