/* SPDX-License-Identifier: Apache-2.0 */
/* rng_sodium.c: libsodium's randombytes, which is getrandom() without a buffer of its own. */
#include "daemon/io/rng_sodium.h"

#include <sodium.h>

#include "proto/base/err.h"

static void fill(struct rng *r, void *out, size_t len)
{
	(void)r;
	randombytes_buf(out, len); /* ends the process rather than give weak bytes */
}

int rng_system_init(void)
{
	return sodium_init() < 0 ? P2P_ERR_CRYPTO : 0;
}

struct rng *rng_system(void)
{
	static struct rng the_rng = {fill};

	return &the_rng;
}
