/* SPDX-License-Identifier: Apache-2.0 */
/* rfc3339.h: wall time as text (p2pos.md section 2; features.md P-054; rule R-10).
 *
 * Signatures are made over the printed form, so there is exactly one: UTC, `Z`, up to nine digits
 * of fraction, its trailing zeros cut off and the point with them when nothing is left. Parsing
 * takes any legal RFC 3339 text of the years 1970 to 9999, and the one earlier instant that the
 * original writes for "never" (0001-01-01T00:00:00Z, WALL_ZERO). */
#ifndef P2POS_BASE_RFC3339_H
#define P2POS_BASE_RFC3339_H

#include "proto/base/bytes.h"
#include "proto/base/clock.h"

#define RFC3339_SIZE     40 /* room for any printed time and its NUL */
#define RFC3339_TEXT_MAX 64 /* longer input is refused */

/* Accepts offsets (+hh:mm, -hh:mm), lower-case t and z, and any number of fraction digits, of
 * which those behind the ninth are cut off. Refuses second 60, hour 24, days that the month does
 * not have, a missing offset, and white space around. P2P_ERR_INVALID. */
int rfc3339_parse(struct bytes text, wall_t *ret);

/* Prints into `to`, which has RFC3339_SIZE bytes, and returns it. An instant outside the years 1
 * to 9999 is printed as the nearer end of that range. */
char *rfc3339_text(wall_t t, char *to);

#endif
