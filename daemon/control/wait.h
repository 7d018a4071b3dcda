/* SPDX-License-Identifier: Apache-2.0 */
/* wait.h: a call that waits for news which the node hears anyway: an identify that comes in, the
 * outcome of a push. Lives inside the struct of the call, linked in control.waits. */
#ifndef P2POS_CONTROL_WAIT_H
#define P2POS_CONTROL_WAIT_H

#include "daemon/net/identify.h"

struct wait {
	struct list node;
	/* Any of these may end the call and free the struct; NULL = does not care. */
	void (*on_push)(struct wait *w, const struct peer_id *peer, int err, bool applied);
	void (*on_pull)(struct wait *w, const struct peer_id *peer, int err);
	void (*on_identified)(struct wait *w, const struct identify_news *news);
	/* The control socket closes: let go of everything, free. Never NULL. */
	void (*on_close)(struct wait *w);
};

#endif
