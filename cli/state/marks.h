/* SPDX-License-Identifier: Apache-2.0 */
/* marks.h: the settled state as files in a directory, one for each word that holds.
 *
 * `unconfigured`, `degraded` or `healthy` is there while the node is in that state, `configured` while
 * it is in one of the last two. systemd does the rest: a path unit starts a target when its file
 * appears, and a unit that the target is bound to ends when it goes (packaging/README.md). A file is
 * made whole and never changed; when a state is left and comes back, it is another file.
 *
 * A file has lines for EnvironmentFile=, for hook programs: P2POS_STATE, P2POS_PREVIOUS,
 * P2POS_REASON, P2POS_ONLINE, P2POS_MEMBERS, as they were when the state settled. */
#ifndef P2POS_CLI_STATE_MARKS_H
#define P2POS_CLI_STATE_MARKS_H

#include "cli/state/settle.h"

#define MARKS_REASON_SIZE 256 /* a longer reason is cut */

/* What the node said of its state last. */
struct state_report {
	enum state_word state;
	char reason[MARKS_REASON_SIZE];
	long long online, members;
};

/* Removes what an earlier run may have left in `dir`. P2P_ERR_IO. */
int marks_clear(const char *dir);

/* The settled state goes from `from` to `now->state`: first the files that hold no more go, then the
 * new ones come. P2P_ERR_IO: those that could be removed are gone all the same. */
int marks_set(const char *dir, enum state_word from, const struct state_report *now);

#endif
