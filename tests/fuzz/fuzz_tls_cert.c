/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_tls_cert.c: certificates of strangers. The input is taken as a certificate, as a whole
 * Certificate message, as DER of any kind, and as a key, an algorithm and a signature in a row. A
 * mutation hardly ever keeps the self-signature, so its checks are also entered directly. */
#include <stdlib.h>

#include "proto/tls/cert_inside.h"
#include "proto/tls/der.h"
#include "proto/tls/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(int err, const struct tls_verdict *v)
{
	require((err == 0) == (v->why == NULL) && (err == 0) == (v->alert == 0));
	require((err == 0) == !peer_id_is_none(&v->peer));
}

/* Walks all there is, as deep as it goes. */
static void walk(struct bytes in, unsigned depth)
{
	struct der d = der_of(in), time = der_of(in);

	(void)der_take_time(&time);
	while (d.in.len && depth) {
		uint8_t tag = der_peek(&d);
		struct bytes body, whole = der_take_both(&d, tag, &body);

		if (d.err)
			return;
		require(whole.len >= body.len + 2);
		require(body.len == 0 || body.at + body.len == whole.at + whole.len);
		walk(body, depth - 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_judge judge = {.now = {1800000000, 0}};
	struct bytes in = bytes_of(data, size);
	struct tls_verdict v;

	check(tls_judge_cert(&judge, in, &v), &v);
	check(tls_judge_message(&judge, in, &v), &v);
	(void)tls_request_takes_ed25519(in);
	if (der_is_strict(in))
		walk(in, DER_DEPTH_MAX);
	else
		walk(in, 3);
	if (size > 2) {
		/* Key, algorithm and signature out of one input, cut where its first bytes say. */
		size_t first = data[0] % (size - 1), second = data[1] % (size - 1);

		(void)tls_self_signature(bytes_head(in, first), bytes_from(in, first),
			bytes_head(in, second), bytes_from(in, second));
	}
	return 0;
}
