/* SPDX-License-Identifier: Apache-2.0 */
/* interfaces.h: the addresses of this machine. */
#ifndef P2POS_IO_INTERFACES_H
#define P2POS_IO_INTERFACES_H

#include "proto/multi/maddr.h"

#define INTERFACE_IPS_MAX 64 /* the rest is left out */

/* Addresses of all interfaces that are up, ports 0, in the kernel's order, without duplicates.
 * Returns how many were written (at most `max`); 0 also when the kernel does not say. */
size_t interface_ips(struct maddr_ip *ret, size_t max);

#endif
