/* SPDX-License-Identifier: Apache-2.0 */
/* mem.h: allocation that cannot fail, and wiping.
 *
 * Sizes that came from outside are checked against their limit before they get here; what is
 * left is this process running out of memory, and then the honest thing is to end (one line on
 * stderr, exit 70, systemd restarts us): nothing is half-applied, because what matters is
 * committed whole. */
#ifndef P2POS_BASE_MEM_H
#define P2POS_BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t size);               /* uninitialised */
void *xcalloc(size_t count, size_t size); /* zeroed; count * size is checked */
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t max); /* at most `max` bytes and a NUL */

/* Overwrites a secret so that the compiler cannot leave it out. NULL with 0 is fine. */
void mem_wipe(void *at, size_t len);

#endif
