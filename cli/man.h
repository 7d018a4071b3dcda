/* SPDX-License-Identifier: Apache-2.0 */
/* man.h: the parts of the manual pages that are lists, out of the tables, as scdoc source. The prose
 * around them is in packaging/man. */
#ifndef P2POS_CLI_MAN_H
#define P2POS_CLI_MAN_H

#include <stdbool.h>

/* "commands", "config", "methods" or "errors". False for another word. */
bool man_print(const char *part);

#endif
