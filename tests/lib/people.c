/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/people.h"

#include "proto/base/rfc3339.h"
#include "tests/lib/golden.h"
#include "tests/lib/p2ptest.h"

struct key_pair person(uint8_t seed)
{
	struct key_pair k;
	uint8_t bytes[32];

	memset(bytes, seed, sizeof(bytes));
	key_from_seed(bytes, &k);
	return k;
}

struct key_public person_public(uint8_t seed)
{
	struct key_pair k = person(seed);
	struct key_public p;

	key_public_of(&k, &p);
	return p;
}

struct peer_id person_id(uint8_t seed)
{
	struct key_pair k = person(seed);
	struct peer_id id;

	key_pair_peer_id(&k, &id);
	return id;
}

struct peer_id peer_of(const char *text)
{
	struct peer_id id;

	assert_ok(peer_id_parse(bytes_str(text), &id));
	return id;
}

wall_t at(const char *text)
{
	wall_t t;

	assert_ok(rfc3339_parse(bytes_str(text), &t));
	return t;
}

struct admin_proof proof_for(
	const char *cluster, uint8_t admin, uint8_t system, const char *from, const char *to)
{
	struct admin_proof p = {
		.peer = person_id(admin),
		.role = ADMIN_ROLE,
		.valid_from = at(from),
		.valid_to = at(to),
	};
	struct key_pair k = person(system);

	assert_ok(cluster_id_parse(bytes_str(cluster), p.cluster_id));
	assert_ok(admin_proof_sign(&p, &k));
	return p;
}

struct snapshot snapshot_of(const char *issued_at, unsigned count)
{
	struct key_pair admin = person(GOLDEN_ADMIN_SEED);
	struct admin_proof proof = proof_for("prod", GOLDEN_ADMIN_SEED, GOLDEN_SYSTEM_SEED,
		"2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
	struct member_list members = {0};
	struct snapshot s;

	for (unsigned i = 0; i < count; i++) {
		struct peer_id id = person_id((uint8_t)(0x11 + i));

		assert_ok(member_list_add(&members, &id));
	}
	assert_ok(snapshot_build(&s, "prod", at(issued_at), &members, &proof, &admin, NULL));
	member_list_deinit(&members);
	return s;
}
