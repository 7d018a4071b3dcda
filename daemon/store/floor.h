/* SPDX-License-Identifier: Apache-2.0 */
/* floor.h: the side file that remembers the newest accepted snapshot even when the database is
 * lost or replaced by an older one (rule R-11; FM-06, FM-08).
 *
 * Two slots of 512 bytes, written in turn and synced; each carries a counter and a checksum, so a
 * torn write costs the slot being written and never the other one. */
#ifndef P2POS_STORE_FLOOR_H
#define P2POS_STORE_FLOOR_H

#include "proto/p2pos/snapshot.h"

struct floor_file {
	int fd;            /* -1 = not open */
	uint64_t counter;  /* of the newest slot; 0 = none */
	bool is_new;       /* it was not there: the directory wants a sync */
	bool has_stamp;
	struct snapshot_stamp stamp;
};

/* Opens or creates the file and reads the newest good slot. P2P_ERR_IO. */
int floor_open(struct floor_file *f, const char *path);
void floor_close(struct floor_file *f);

/* Writes a stamp and syncs it, unless the file holds it or a newer one. P2P_ERR_IO: the slot that
 * was good before still is. */
int floor_raise(struct floor_file *f, const struct snapshot_stamp *stamp);

#endif
