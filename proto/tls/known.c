/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/known.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/mem.h"

_Static_assert(TLS_KNOWN_BYTES == crypto_hash_sha256_BYTES, "digest");
_Static_assert(TLS_KNOWN_SETS == 256, "a set is found by one byte");

struct set {
	uint8_t digest[TLS_KNOWN_WAYS][TLS_KNOWN_BYTES];
	uint8_t held; /* of them */
	uint8_t next; /* to be written */
};

struct tls_known {
	struct set set[TLS_KNOWN_SETS];
};

struct tls_known *tls_known_new(void)
{
	return xcalloc(1, sizeof(struct tls_known));
}

void tls_known_free(struct tls_known *k)
{
	free(k);
}

void tls_known_digest(struct bytes der, uint8_t ret[TLS_KNOWN_BYTES])
{
	(void)crypto_hash_sha256(ret, der.at, der.len); /* cannot fail */
}

bool tls_known_has(const struct tls_known *k, const uint8_t digest[TLS_KNOWN_BYTES])
{
	const struct set *s = &k->set[digest[0]];

	for (unsigned i = 0; i < s->held; i++)
		if (memcmp(s->digest[i], digest, TLS_KNOWN_BYTES) == 0)
			return true;
	return false;
}

void tls_known_add(struct tls_known *k, const uint8_t digest[TLS_KNOWN_BYTES])
{
	struct set *s = &k->set[digest[0]];

	if (tls_known_has(k, digest))
		return;
	memcpy(s->digest[s->next], digest, TLS_KNOWN_BYTES);
	s->next = (uint8_t)((s->next + 1) % TLS_KNOWN_WAYS);
	if (s->held < TLS_KNOWN_WAYS)
		s->held++;
}

void tls_known_reset(struct tls_known *k)
{
	memset(k, 0, sizeof(*k));
}
