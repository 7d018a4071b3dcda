/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h: the process's memory as the kernel sees it. */
#ifndef P2POS_SYS_MEMORY_H
#define P2POS_SYS_MEMORY_H

/* Gives back the pages that lie between what is in use. Freed memory otherwise stays the process's
 * for ever: handshakes of many connections at once take some 20 KB each for the moment, and of that
 * the allocator by itself returns next to nothing. It walks through all that is free, so it is for
 * quiet times. */
void memory_give_back(void);

#endif
