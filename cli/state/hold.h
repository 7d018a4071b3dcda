/* SPDX-License-Identifier: Apache-2.0 */
/* hold.h: lasts as long as a file. */
#ifndef P2POS_CLI_STATE_HOLD_H
#define P2POS_CLI_STATE_HOLD_H

/* Returns 0 once the file at `path` is gone, or is another one; at once when there is none.
 * P2P_ERR_IO when it cannot be watched. */
int hold_while_there(const char *path);

#endif
