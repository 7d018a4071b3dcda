/* SPDX-License-Identifier: Apache-2.0 */
/* publish.h: a signed snapshot goes straight to nodes over libp2p, without a daemon here. */
#ifndef P2POS_CLI_PUBLISH_H
#define P2POS_CLI_PUBLISH_H

#include <jansson.h>

#include "cli/cli.h"
#include "cli/out.h"
#include "proto/base/bytes.h"

/* Pushes `text` to each --to; with --expect-hash only to nodes that hold that snapshot now, which an
 * admin alone may ask (--admin-key). `print` is what prints the result of a publication. Returns the exit
 * code: 0 when one node took it. */
int publish_straight(struct cli *c, struct bytes text, out_printer *print);

#endif
