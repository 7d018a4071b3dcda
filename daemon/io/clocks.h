/* SPDX-License-Identifier: Apache-2.0 */
/* clocks.h: the two clocks themselves, for those that have no loop at hand (the log, the database's
 * writer). Everything on the loop uses loop_now() and loop_wall(). Any thread. */
#ifndef P2POS_IO_CLOCKS_H
#define P2POS_IO_CLOCKS_H

#include "proto/base/clock.h"

/* CLOCK_BOOTTIME, as the loop's. */
mono_t clock_mono(void);
/* CLOCK_REALTIME. */
wall_t clock_wall(void);
/* CLOCK_MONOTONIC, which systemd's RELOADING=1 wants. */
mono_t clock_systemd(void);

#endif
