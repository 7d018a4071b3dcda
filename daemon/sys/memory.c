/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sys/memory.h"

#include <malloc.h>

void memory_share(void)
{
#ifdef __GLIBC__
	(void)mallopt(M_ARENA_MAX, 1); /* refused, it costs what it did before */
#endif
}

void memory_give_back(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0); /* whether there was something to give back does not matter */
#endif
}
