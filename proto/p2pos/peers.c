/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/peers.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"
#include "proto/p2pos/json.h"

#define BEGINNING "{\"records\":["
#define ENDING    "]}\n"

int peers_begin(struct buf *out)
{
	return buf_put_str(out, BEGINNING);
}

int peers_add(struct buf *out, struct bytes envelope)
{
	size_t start = out->len;
	bool first;

	assert(out->len >= strlen(BEGINNING)); /* begun */
	first = out->data[start - 1] == '[';
	if (envelope.len > PEER_RECORD_BYTES_MAX)
		return P2P_ERR_TOO_LARGE;
	if (envelope.len < PEERS_ENVELOPE_BYTES_MIN)
		return P2P_ERR_INVALID;
	if ((first || !buf_put_u8(out, ',')) && !buf_put_u8(out, '"') &&
		!text_base64(out, envelope) && !buf_put_u8(out, '"') &&
		out->len + strlen(ENDING) <= PEERS_BYTES_MAX)
		return 0;
	buf_truncate(out, start);
	return P2P_ERR_FULL;
}

int peers_end(struct buf *out)
{
	return buf_put_str(out, ENDING);
}

void peers_deinit(struct peers *p)
{
	free(p->ends);
	buf_deinit(&p->bytes);
	*p = (struct peers){0};
}

static void take_record(struct peers *p, const json_t *v)
{
	struct bytes text = bytes_of(json_string_value(v), json_string_length(v));

	if (!text.len || text_unbase64(&p->bytes, text))
		p->skipped++;
	else
		p->ends[p->count++] = p->bytes.len;
}

static int from_json(const json_t *o, struct peers *ret)
{
	const json_t *list = json_object_get(o, "records"), *v;
	struct peers p = {.bytes = BUF_WITH_MAX(PEERS_BYTES_MAX)};
	size_t i;

	if (!json_is_array(list))
		return P2P_ERR_INVALID;
	if (json_array_size(list))
		p.ends = xcalloc(json_array_size(list), sizeof(*p.ends));
	json_array_foreach(list, i, v)
		take_record(&p, v);
	*ret = p;
	return 0;
}

int peers_parse(struct bytes json, struct peers *ret)
{
	json_t *o;
	int err = message_load(json, &PEERS_LIMITS, &o);

	if (err)
		return err;
	err = from_json(o, ret);
	json_decref(o);
	return err;
}

struct bytes peers_at(const struct peers *p, size_t i)
{
	size_t from = i ? p->ends[i - 1] : 0;

	assert(i < p->count);
	return bytes_of(p->bytes.data + from, p->ends[i] - from);
}
