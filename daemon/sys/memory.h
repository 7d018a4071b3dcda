/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h: the process's memory as the kernel sees it. */
#ifndef P2POS_SYS_MEMORY_H
#define P2POS_SYS_MEMORY_H

/* One heap for all threads. The second one, the store's writer, allocates next to nothing while much
 * happens here, and a heap of its own costs 90 KB. Before there are any. */
void memory_share(void);

/* Gives back the pages that lie between what is in use. Freed memory otherwise stays the process's
 * for ever: handshakes of many connections at once take some 20 KB each for the moment, and of that
 * the allocator by itself returns next to nothing. It walks through all that is free, so it is for
 * quiet times. */
void memory_give_back(void);

#endif
