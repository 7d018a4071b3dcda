/* SPDX-License-Identifier: Apache-2.0 */
/* sources.h: what is remembered of IP addresses: from where members came, and from where
 * signatures came that did not verify. Both tables are bounded; the entry that matters
 * least makes room. */
#ifndef P2POS_CLUSTER_SOURCES_H
#define P2POS_CLUSTER_SOURCES_H

#include "proto/multi/maddr.h"
#include "proto/base/clock.h"

#define SOURCES_KNOWN_MAX    1024 /* the one seen longest ago makes room */
#define SOURCES_BLOCKED_MAX  256  /* the one that is free soonest makes room */
#define SOURCES_KNOWN_SEC    (7 * 24 * 3600)
#define SOURCES_BLOCK_MS     60000
#define SOURCES_BLOCK_MS_MAX 3600000

struct source_known {
	uint8_t family, ip[16];
	bool fixed; /* of the configuration: does not age */
	wall_t seen;
};

struct source_blocked {
	uint8_t family, ip[16];
	int64_t block_ms; /* of the last time; doubles */
	mono_t until;
};

/* Zero is empty. */
struct sources {
	struct source_known *known; /* owned, sorted by family and ip */
	size_t known_count;
	struct source_blocked *blocked; /* owned */
	size_t blocked_count;
};

void sources_deinit(struct sources *s);

/* A member was seen there at `seen`; `fixed` for an address of the configuration. */
void sources_note(struct sources *s, const struct maddr *a, bool fixed, wall_t seen);
bool sources_is_known(const struct sources *s, const struct maddr_ip *ip, wall_t wall);

/* A signature from there failed. */
void sources_block(struct sources *s, const struct maddr *a, mono_t now);
bool sources_is_blocked(const struct sources *s, const struct maddr_ip *ip, mono_t now);

#endif
