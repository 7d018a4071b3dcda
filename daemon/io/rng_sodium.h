/* SPDX-License-Identifier: Apache-2.0 */
/* rng_sodium.h: the kernel's randomness as a `struct rng`. */
#ifndef P2POS_IO_RNG_SODIUM_H
#define P2POS_IO_RNG_SODIUM_H

#include "proto/base/rng.h"

/* Once, before anything else: starts libsodium. P2P_ERR_CRYPTO when the kernel gives no randomness;
 * the process must not go on then (FM-33: never a weak key). */
int rng_system_init(void);

/* The one generator of the process; needs no freeing, any thread may use it. */
struct rng *rng_system(void);

#endif
