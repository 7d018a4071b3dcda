/* SPDX-License-Identifier: Apache-2.0 */
/* mtu.h: finds out when large datagrams vanish (rule R-43; RFC 8899 section 4.3; inside this folder
 * only).
 *
 * ngtcp2 probes for larger datagrams and uses what gets through, but for good: when the path changes
 * below a connection, all large ones may be lost while small ones still arrive. Here each large
 * packet is remembered until one of them, or a later one, is acknowledged; when several have waited
 * for 3 probe timeouts and none was, datagrams are held to QUIC_PAYLOAD_BYTES_MIN for a while. A path
 * that lost everything for that time looks the same, so the first while is short; it doubles when
 * large ones vanish again before one was acknowledged. */
#ifndef P2POS_QUIC_MTU_H
#define P2POS_QUIC_MTU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/clock.h"

#define QUIC_MTU_LOST_MAX 3      /* large packets that may wait; with so many it is decided */
#define QUIC_MTU_HELD_MS  1000   /* then large ones are tried again, the first time … */
#define QUIC_MTU_RAISE_MS 600000 /* … and in the end (RFC 8899 section 5.1.1) */
#define QUIC_MTU_WORDS    16     /* the newest 1,024 packets are known one by one */

struct quic_mtu {
	uint64_t large[QUIC_MTU_WORDS]; /* bits, by packet number modulo */
	int64_t first;    /* the oldest large packet that waits; when `waiting` */
	uint32_t waiting; /* large packets since one was acknowledged */
	mono_t since;     /* when the first of them was sent */
	int64_t hold_ms;  /* how long to hold when they vanish once more; 0: QUIC_MTU_HELD_MS */
	mono_t held_until;
};

/* A packet of ours left; probes, which are meant to be lost, are not told. */
void quic_mtu_sent(struct quic_mtu *m, int64_t number, bool is_large, mono_t now);

/* Packets from `first` to `last` were acknowledged; `newest` is the newest one sent. */
void quic_mtu_acked(struct quic_mtu *m, int64_t first, int64_t last, int64_t newest);

/* Whether datagrams must stay small now. */
bool quic_mtu_is_held(struct quic_mtu *m, int64_t pto_ns, mono_t now);

/* Another path: all begins anew. */
void quic_mtu_reset(struct quic_mtu *m);

#endif
