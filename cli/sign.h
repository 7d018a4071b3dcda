/* SPDX-License-Identifier: Apache-2.0 */
/* sign.h: from a draft to a signed snapshot, in this process, without daemon and network. */
#ifndef P2POS_CLI_SIGN_H
#define P2POS_CLI_SIGN_H

#include <jansson.h>

#include "cli/secret.h"
#include "proto/p2pos/draft.h"

/* Reads a draft from a file ("@FILE", a bare name, or "-"). 0 or the exit code. */
int draft_read(struct cli *c, const char *where, struct draft *ret);

/* A draft from the result of member.plan. */
int draft_from_plan(struct cli *c, const json_t *plan, struct draft *ret);

/* Signs with --admin-key. `issued_at` is now, or just after the base when that is later; a clock that
 * stands well before the base is refused (features.md N-15). 0 or the exit code. */
int draft_sign(struct cli *c, const struct draft *d, struct snapshot *ret);

#endif
