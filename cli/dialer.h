/* SPDX-License-Identifier: Apache-2.0 */
/* dialer.h: p2posctl as a peer of its own, for one question to one node: TCP, Noise, Yamux, one stream
 * (p2pos.md section 10: publishing without a local daemon). Blocking, with one deadline for all. */
#ifndef P2POS_CLI_DIALER_H
#define P2POS_CLI_DIALER_H

#include "cli/cli.h"
#include "proto/base/buf.h"
#include "proto/keys/key.h"

#define DIALER_MS 20000 /* unless --timeout says otherwise */

/* Connects to `address` (/ip4|ip6|dns…/…/tcp/PORT/p2p/ID; nobody but ID is talked to) as `identity`,
 * opens a stream for `protocol`, sends `question`, and appends to `answer` what comes until the other
 * side ends or a newline (the answer's bound is the buffer's). 0; else an enum p2p_err, and `ret_why`
 * (static or borrowed from the call before; never NULL) says at which step it failed and why. */
int dialer_ask(struct cli *c, const char *address, const struct key_pair *identity, const char *protocol,
	struct bytes question, struct buf *answer, const char **ret_why);

#endif
