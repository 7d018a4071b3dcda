/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/quic/routes.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/base/mem.h"

#define BUCKETS_FIRST 16 /* doubled when there are as many names */

_Static_assert(crypto_shorthash_KEYBYTES == sizeof((struct quic_routes){0}.key), "key of the hash");

void quic_routes_init(struct quic_routes *t, struct rng *rng)
{
	*t = (struct quic_routes){.bucket_count = BUCKETS_FIRST};
	rng_fill(rng, t->key, sizeof(t->key));
	t->buckets = xcalloc(t->bucket_count, sizeof(struct quic_route *));
}

void quic_routes_deinit(struct quic_routes *t)
{
	assert(t->count == 0);
	free(t->buckets);
	mem_wipe(t->key, sizeof(t->key));
	*t = (struct quic_routes){0};
}

static struct quic_route **bucket(
	const struct quic_routes *t, enum quic_name_kind kind, struct bytes name)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t number;

	(void)crypto_shorthash(hash, name.at, name.len, t->key); /* always 0 */
	memcpy(&number, hash, sizeof(number));
	return &t->buckets[(number + (uint64_t)kind) & (t->bucket_count - 1)];
}

static struct bytes name_of(const struct quic_route *r)
{
	return bytes_of(r->name, r->len);
}

static void grow(struct quic_routes *t)
{
	struct quic_route **old = t->buckets;
	size_t old_count = t->bucket_count;

	t->bucket_count *= 2;
	t->buckets = xcalloc(t->bucket_count, sizeof(struct quic_route *));
	for (size_t i = 0; i < old_count; i++) {
		while (old[i]) {
			struct quic_route *r = old[i], **to;

			old[i] = r->next;
			to = bucket(t, r->kind, name_of(r));
			r->next = *to;
			*to = r;
		}
	}
	free(old);
}

struct quic_route *quic_routes_find(
	const struct quic_routes *t, enum quic_name_kind kind, struct bytes name)
{
	struct quic_route *r = *bucket(t, kind, name);

	while (r && (r->kind != kind || !bytes_eq(name_of(r), name)))
		r = r->next;
	return r;
}

struct quic_route *quic_routes_add(struct quic_routes *t, enum quic_name_kind kind,
	struct bytes name, struct quic_conn *conn, struct list *owner)
{
	struct quic_route *r, **to;

	assert(name.len > 0 && name.len <= QUIC_NAME_BYTES_MAX);
	if (quic_routes_find(t, kind, name))
		return NULL;
	if (t->count == t->bucket_count)
		grow(t);
	r = xcalloc(1, sizeof(*r));
	r->conn = conn;
	r->kind = (uint8_t)kind;
	r->len = (uint8_t)name.len;
	memcpy(r->name, name.at, name.len);
	to = bucket(t, kind, name);
	r->next = *to;
	*to = r;
	list_append(owner, &r->of_owner);
	t->count++;
	return r;
}

void quic_routes_remove(struct quic_routes *t, struct quic_route *r)
{
	struct quic_route **at = bucket(t, r->kind, name_of(r));

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	list_remove(&r->of_owner);
	free(r);
	t->count--;
}

void quic_routes_remove_all(struct quic_routes *t, struct list *owner)
{
	list_each (node, owner)
		quic_routes_remove(t, list_entry(node, struct quic_route, of_owner));
}
