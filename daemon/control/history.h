/* SPDX-License-Identifier: Apache-2.0 */
/* history.h: one accepted snapshot out of the database, by its hash or a beginning of it. */
#ifndef P2POS_CONTROL_HISTORY_H
#define P2POS_CONTROL_HISTORY_H

#include "daemon/control/call.h"
#include "daemon/control/face.h"

#define HISTORY_PREFIX_MIN 6 /* characters of a hash that may stand for the whole */

/* Told once, later, with the ticket: `row` (with its bytes) is borrowed. It answers the ticket. */
typedef void history_found_fn(struct ticket *t, const struct store_row *row);

/* Looks `prefix` (hex, either case) up and calls `on_found`; when there is no such snapshot, or
 * more than one, or the database fails, the ticket is answered accordingly instead. */
void history_find(struct ticket *t, const char *prefix, history_found_fn *on_found);

/* Is the text 6 to 64 hex characters? */
bool history_is_hash(const char *text);

#endif
