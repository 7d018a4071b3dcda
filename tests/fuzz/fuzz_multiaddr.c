/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_multiaddr.c: multiaddrs, peer IDs and TXT records from strangers. The input is taken as
 * bytes and as text. Whatever is accepted must print and read back as itself, and every question
 * about it must have an answer. */
#include <stdlib.h>

#include "proto/multi/dnsaddr.h"
#include "proto/multi/multibase.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void ask_everything(const struct maddr *a)
{
	char text[MADDR_TEXT_MAX + 1];
	struct maddr_ip ip = {.family = 6}, v4 = {.family = 4};
	struct maddr again, copy = *a;
	struct maddr_part part;
	struct peer_id peer;
	size_t parts = 0;

	require(maddr_from_bytes(maddr_bytes(a), &again) == 0 && maddr_eq(a, &again));
	require(strlen(maddr_text(a, text)) <= MADDR_TEXT_MAX);
	require(maddr_parse(bytes_str(text), &again) == 0 && maddr_eq(a, &again));
	for (struct maddr_walk w = maddr_begin(a); maddr_next(&w, &part);)
		parts++;
	require(parts >= 1 && parts <= MADDR_COMPONENTS_MAX);

	(void)maddr_kind(a);
	(void)maddr_reach(a);
	if (maddr_to_ip(a, &ip) == 0) {
		maddr_from_ip_tcp(&ip, &again);
		maddr_from_ip_quic(&ip, &again);
		(void)maddr_ip_reach(&ip);
	}
	if (maddr_replace_dns(&copy, &v4) == 0)
		require(maddr_from_bytes(maddr_bytes(&copy), &again) == 0);
	copy = *a;
	if (maddr_split_peer(&copy, &peer)) {
		require(maddr_append_peer(&copy, &peer) == 0);
		require(maddr_eq(a, &copy));
	}
}

static void resolve(struct bytes txt)
{
	struct dnsaddr_ask ask;
	struct dnsaddr d;
	struct maddr a;

	dnsaddr_init(&d);
	(void)dnsaddr_add_name(&d, txt);
	(void)dnsaddr_add_name(&d, BYTES_LIT("example.org"));
	for (unsigned i = 0; dnsaddr_next(&d, &ask); i++) {
		require(i < DNSADDR_LOOKUPS_MAX && strlen(ask.name) < DNSADDR_NAME_SIZE);
		if (dnsaddr_answer(&d, ask.id, txt, &a) == 0)
			ask_everything(&a);
		dnsaddr_done(&d, ask.id);
	}
	require(dnsaddr_is_over(&d));
}

static void as_peer_id(struct bytes in)
{
	char text[PEER_ID_TEXT_SIZE], cid[PEER_ID_CID_SIZE];
	struct peer_id id, again;

	if (peer_id_parse(in, &id) && peer_id_from_bytes(in, &id))
		return;
	require(peer_id_parse(bytes_str(peer_id_text(&id, text)), &again) == 0);
	require(peer_id_eq(&id, &again));
	require(peer_id_parse(bytes_str(peer_id_cid36(&id, cid)), &again) == 0);
	require(peer_id_eq(&id, &again));
}

static void as_multibase(struct bytes in)
{
	struct buf got = BUF_WITH_MAX(4096), text = BUF_WITH_MAX(8192), again = BUF_WITH_MAX(4096);

	if (multibase_decode(in, &got) == 0 && got.len <= MULTIBASE_BIG_BYTES_MAX) {
		require(multibase_encode((enum multibase)in.at[0], buf_bytes(&got), &text) == 0);
		require(multibase_decode(buf_bytes(&text), &again) == 0);
		require(bytes_eq(buf_bytes(&got), buf_bytes(&again)));
	}
	buf_deinit(&got);
	buf_deinit(&text);
	buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct maddr a;

	if (maddr_from_bytes(in, &a) == 0) {
		require(bytes_eq(maddr_bytes(&a), in));
		ask_everything(&a);
	}
	if (maddr_parse(in, &a) == 0)
		ask_everything(&a);
	resolve(in);
	as_peer_id(in);
	as_multibase(in);
	return 0;
}
