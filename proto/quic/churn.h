/* SPDX-License-Identifier: Apache-2.0 */
/* churn.h: how much a peer may make us do over QUIC without getting anything done (rules R-27 and
 * R-42; inside this folder only).
 *
 * Each check notes one occurrence and says whether it is still within its limit. Over a limit the
 * connection ends and the peer's source is penalised. Honest bulk transfers over bad paths repeat
 * themselves too, so whatever makes progress pays for what does not. */
#ifndef P2POS_QUIC_CHURN_H
#define P2POS_QUIC_CHURN_H

#include <stddef.h>

#include "proto/yamux/churn.h"

#define QUIC_CHALLENGES_PER_10S 100  /* PATH_CHALLENGE */
#define QUIC_NEW_CIDS_PER_10S   64   /* NEW_CONNECTION_ID and RETIRE_CONNECTION_ID, each */
#define QUIC_IDLE_PER_10S       1000 /* frames and packets that change nothing … */
#define QUIC_BYTES_PER_IDLE     1024 /* … beyond one for so many bytes delivered, either way */

#define QUIC_SEEN_WORDS 16 /* the newest 1,024 packets are known one by one; a repeated one, which any
                            * network may make, is nobody's fault */

struct quic_churn {
	struct yamux_churn streams; /* opens and resets */
	/* Token buckets in the form of the time at which each would be full again. */
	mono_t challenges_full, new_cids_full, retired_full, idle_full;
	uint32_t progress_bytes; /* not yet worth a frame */
};

bool quic_churn_challenge(struct quic_churn *c, mono_t now);
bool quic_churn_new_cid(struct quic_churn *c, mono_t now);
bool quic_churn_retired(struct quic_churn *c, mono_t now);
bool quic_churn_idle(struct quic_churn *c, mono_t now);

/* So many bytes were delivered. */
void quic_churn_progress(struct quic_churn *c, size_t bytes);

#endif
