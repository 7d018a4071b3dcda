/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h: what systemd is told: ready, status, reloading, stopping, watchdog.
 *
 * It speaks the documented datagram protocol of $NOTIFY_SOCKET itself; without that variable each
 * call does nothing. A message that the socket does not take at once is dropped: the loop never
 * waits for its supervisor. */
#ifndef P2POS_SYS_NOTIFY_H
#define P2POS_SYS_NOTIFY_H

#include "proto/base/clock.h"

#include <stdbool.h>

#define NOTIFY_STATUS_MAX 256 /* a longer status line is cut */
#define NOTIFY_LATE_MS    1000  /* a loop that turns later than this is not well */
#define NOTIFY_COMMIT_MS  30000 /* nor is a database that takes so long for a commit */
#define NOTIFY_AGAIN_MS   1000

/* Reads $NOTIFY_SOCKET and $WATCHDOG_USEC and takes both out of the environment. Returns whether
 * somebody listens. */
bool notify_open(void);
void notify_close(void);

void notify_ready(const char *status);
void notify_status(const char *status);
/* A reload begins; notify_ready() ends it. `now` counts as CLOCK_MONOTONIC does. */
void notify_reloading(mono_t now);
void notify_stopping(const char *status);

/* Has a copy of `fd` kept under `name`, to be handed to the next process of this service; false
 * when nobody listens. It is kept whatever poll() says of it: a UDP socket with an error in its
 * queue is a good one. */
bool notify_keep_fd(const char *name, int fd);
/* Lets go of all that is kept under `name`. */
void notify_drop_fd(const char *name);

/* How often the watchdog must be fed at the latest, halved as systemd advises; 0 = not at all. */
int64_t notify_watchdog_ms(void);
/* Feeds it, if the node deserves it, and returns whether it did: the loop came round to this
 * at `now` when it was to at `due`, and what has waited longest for the disk has done so since
 * `waiting_since` (MONO_NEVER: nothing waits). After a refusal ask again in NOTIFY_AGAIN_MS. */
bool notify_watchdog(mono_t due, mono_t now, mono_t waiting_since);

#endif
