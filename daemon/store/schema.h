/* SPDX-License-Identifier: Apache-2.0 */
/* schema.h: the tables and how older databases become them. */
#ifndef P2POS_STORE_SCHEMA_H
#define P2POS_STORE_SCHEMA_H

#include "daemon/store/db.h"

struct schema_result {
	bool is_new;        /* there were no tables */
	bool from_original; /* the tables of the Go implementation */
	int migrated_from;  /* -1 = it was up to date, or new */
};

/* Brings a configured database of `version` <= DB_SCHEMA_VERSION up to date in one transaction; a
 * copy of a database that is changed is kept beside it as p2pos.db.v<version>. SQLite's codes. */
int schema_migrate(struct db *db, int version, struct schema_result *ret);

#endif
