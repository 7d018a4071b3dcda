/* SPDX-License-Identifier: Apache-2.0 */
/* people.h: keys by number, instants by text, and signed things made of them, for tests of the
 * cluster's messages. The keys of golden.h are those of its GOLDEN_…_SEED numbers. */
#ifndef P2POS_TESTS_LIB_PEOPLE_H
#define P2POS_TESTS_LIB_PEOPLE_H

#include "proto/p2pos/snapshot.h"

/* The key of the seed whose 32 bytes are all `seed`. */
struct key_pair person(uint8_t seed);
struct key_public person_public(uint8_t seed);
struct peer_id person_id(uint8_t seed);

/* A peer ID from its text, which must be one. */
struct peer_id peer_of(const char *text);

/* An instant from RFC 3339 text, which must be one. */
wall_t at(const char *text);

/* A proof for person `admin` in `cluster`, signed by person `system`. */
struct admin_proof proof_for(const char *cluster, uint8_t admin, uint8_t system, const char *from,
	const char *to);

/* A snapshot of cluster "prod" with persons 0x11 … 0x10 + count as members, signed by the golden
 * admin under a proof for 2026. */
struct snapshot snapshot_of(const char *issued_at, unsigned count);

#endif
