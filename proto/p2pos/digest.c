/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/digest.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/p2pos/json.h"

#define FRAME_BYTES 64 /* what stands around the entries, with room */
#define BEGINNING   "{\"heartbeats\":["
#define ENDING      "]}\n"

struct json_limits digest_limits(size_t members)
{
	size_t most = (DIGEST_BYTES_MAX - FRAME_BYTES) / DIGEST_ENTRY_BYTES_MAX;
	bool is_small = members < most;

	return (struct json_limits){
		.bytes_max = is_small ? FRAME_BYTES + members * DIGEST_ENTRY_BYTES_MAX
				      : DIGEST_BYTES_MAX,
		.values_max = 8 + DIGEST_ENTRY_VALUES * (is_small ? members : DIGEST_ENTRIES_MAX),
		.string_max = JSON_TEXT_MAX,
	};
}

int digest_begin(struct buf *out)
{
	return buf_put_str(out, BEGINNING);
}

int digest_add(struct buf *out, const struct heartbeat *h, size_t members)
{
	size_t start = out->len, limit = digest_limits(members).bytes_max - strlen(ENDING);
	bool first;

	assert(out->len >= strlen(BEGINNING)); /* begun */
	first = out->data[start - 1] == '[';
	if ((first || !buf_put_u8(out, ',')) && !heartbeat_print_object(out, h) &&
		out->len <= limit)
		return 0;
	buf_truncate(out, start);
	return P2P_ERR_FULL;
}

int digest_end(struct buf *out)
{
	return buf_put_str(out, ENDING);
}

void digest_deinit(struct digest *d)
{
	free(d->beats);
	*d = (struct digest){0};
}

static int from_json(const json_t *o, struct digest *ret)
{
	const json_t *list = json_object_get(o, "heartbeats"), *v;
	struct digest d = {0};
	size_t i, room = json_array_size(list);

	if (!json_is_array(list))
		return P2P_ERR_INVALID;
	if (room > DIGEST_ENTRIES_MAX)
		room = DIGEST_ENTRIES_MAX;
	if (room)
		d.beats = xcalloc(room, sizeof(*d.beats));
	json_array_foreach(list, i, v) {
		if (d.count < room && !heartbeat_from_json(v, &d.beats[d.count]))
			d.count++;
		else
			d.skipped++;
	}
	*ret = d;
	return 0;
}

int digest_parse(struct bytes json, size_t members, struct digest *ret)
{
	struct json_limits limits = digest_limits(members);
	json_t *o;
	int err = message_load(json, &limits, &o);

	if (err)
		return err;
	err = from_json(o, ret);
	json_decref(o);
	return err;
}
