/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/io/clocks.h"

#include <time.h>

static mono_t mono_of(clockid_t id)
{
	struct timespec ts = {0};

	(void)clock_gettime(id, &ts); /* fails for unknown clocks only */
	return (mono_t){(int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec};
}

mono_t clock_mono(void)
{
	return mono_of(CLOCK_BOOTTIME);
}

mono_t clock_systemd(void)
{
	return mono_of(CLOCK_MONOTONIC);
}

wall_t clock_wall(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (wall_t){ts.tv_sec, (int32_t)ts.tv_nsec};
}
