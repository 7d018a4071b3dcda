/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_digest.c: any text as a heartbeat digest, as a list of peer records and as a suspicion.
 * What is read is written again and read alike. */
#include "proto/p2pos/digest.h"

#include <assert.h>

#include "proto/p2pos/peers.h"
#include "proto/p2pos/suspect.h"

#define MEMBERS 64

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void check_digest(struct bytes text)
{
	struct buf out = BUF_INIT;
	struct digest d, again;
	size_t fit = 0;

	if (digest_parse(text, MEMBERS, &d))
		return;
	assert(digest_begin(&out) == 0);
	while (fit < d.count && !digest_add(&out, &d.beats[fit], MEMBERS))
		fit++;
	assert(digest_end(&out) == 0);
	assert(digest_parse(buf_bytes(&out), MEMBERS, &again) == 0);
	assert(again.count == fit && again.skipped == 0);
	digest_deinit(&again);
	digest_deinit(&d);
	buf_deinit(&out);
}

static void check_peers(struct bytes text)
{
	struct buf out = BUF_INIT;
	struct peers p, again;
	size_t kept = 0;

	if (peers_parse(text, &p))
		return;
	assert(peers_begin(&out) == 0);
	for (size_t i = 0; i < p.count; i++)
		kept += peers_add(&out, peers_at(&p, i)) == 0;
	assert(peers_end(&out) == 0);
	assert(peers_parse(buf_bytes(&out), &again) == 0);
	assert(again.count == kept && again.skipped == 0);
	peers_deinit(&again);
	peers_deinit(&p);
	buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct bytes text = bytes_of(at, len);
	struct peer_id suspect;

	check_digest(text);
	check_peers(text);
	if (!suspect_parse(text, &suspect))
		assert(!peer_id_is_none(&suspect));
	return 0;
}
