/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint: whose a datagram is, and what is answered without a connection. */
#include "proto/quic/endpoint.h"

#include <assert.h>
#include <gnutls/crypto.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/quic/path.h"

#define VERSION_MIN      0x010400 /* of ngtcp2 */
#define TOKEN_RETRY      NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY
#define RESET_BYTES_MIN  21 /* less than that would not look like a packet (RFC 9000, 10.3) */
#define RESET_BYTES_MAX  42
#define ANSWER_BYTES_MAX QUIC_PAYLOAD_BYTES_MIN

int quic_library_check(const char **ret_version)
{
	const ngtcp2_info *info = ngtcp2_version(0);

	*ret_version = info->version_str;
	return info->version_num < VERSION_MIN ? P2P_ERR_UNSUPPORTED : 0;
}

/* ---- Birth and death ---- */

/* A secret that the identity key yields and does not betray, the same after a restart (quic.md 8). */
static void derive(const struct key_pair *identity, const char *label, uint8_t *ret)
{
	ngtcp2_crypto_md sha256;
	int failed;

	ngtcp2_crypto_md_init(&sha256, (void *)GNUTLS_DIG_SHA256);
	failed = ngtcp2_crypto_hkdf(ret, QUIC_SECRET_BYTES, &sha256, identity->secret,
		sizeof(identity->secret), NULL, 0, (const uint8_t *)label, strlen(label));
	assert(!failed); /* of fixed sizes */
	(void)failed;
}

struct quic_endpoint *quic_endpoint_new(const struct quic_endpoint_opts *opts)
{
	struct quic_endpoint *ep = xcalloc(1, sizeof(*ep));

	ep->opts = *opts;
	quic_routes_init(&ep->routes, opts->rng);
	list_init(&ep->closed);
	derive(opts->identity, "libp2p quic stateless reset key", ep->reset_secret);
	/* Tokens tell the time of a clock that begins anew with the machine: so do they. */
	rng_fill(opts->rng, ep->token_secret, QUIC_SECRET_BYTES);
	return ep;
}

void quic_endpoint_free(struct quic_endpoint *ep)
{
	if (!ep)
		return;
	assert(ep->stats.conns == 0);
	list_each (node, &ep->closed)
		quic_closed_remove(ep, list_entry(node, struct quic_closed, node));
	quic_routes_deinit(&ep->routes);
	mem_wipe(ep, sizeof(*ep));
	free(ep);
}

void quic_endpoint_stats(const struct quic_endpoint *ep, struct quic_stats *ret)
{
	*ret = ep->stats;
}

/* ---- Answers ---- */

void quic_answer_train(const struct datagram *in, size_t len, struct datagram_train *ret)
{
	*ret = (struct datagram_train){.path = in->path, .ecn = ECN_NONE, .segment = len};
}

/* One more, if there were not too many this second. */
static bool may_answer(struct quic_endpoint *ep, struct quic_meter *m, mono_t now)
{
	mono_t then = mono_add_ns(mono_max(m->full, now), NS_PER_SEC / QUIC_ANSWERS_PER_SEC);

	if (mono_since_ns(then, now) > NS_PER_SEC) {
		ep->stats.unanswered++;
		return false;
	}
	m->full = then;
	return true;
}

static enum quic_sorted ignored(struct quic_endpoint *ep)
{
	ep->stats.garbage++;
	return QUIC_IGNORED;
}

/* What was written behind the end of `out`. */
static enum quic_sorted answered(
	const struct datagram *in, struct buf *out, ngtcp2_ssize n, struct datagram_train *ret_train)
{
	if (n <= 0)
		return QUIC_IGNORED;
	out->len += (size_t)n;
	quic_answer_train(in, (size_t)n, ret_train);
	return QUIC_ANSWERED;
}

static enum quic_sorted answer_version(struct quic_endpoint *ep, const struct datagram *in,
	const ngtcp2_version_cid *head, mono_t now, struct buf *out, struct datagram_train *ret_train)
{
	const uint32_t versions[] = {NGTCP2_PROTO_VER_V1};
	uint8_t unused;
	ngtcp2_ssize n;

	if (in->data.len < QUIC_PAYLOAD_BYTES_MIN || head->version == 0)
		return ignored(ep);
	if (!may_answer(ep, &ep->version_meter, now) || buf_reserve(out, ANSWER_BYTES_MAX))
		return QUIC_IGNORED;
	rng_fill(ep->opts.rng, &unused, 1);
	n = ngtcp2_pkt_write_version_negotiation(out->data + out->len, ANSWER_BYTES_MAX, unused,
		head->scid, head->scidlen, head->dcid, head->dcidlen, versions, 1);
	ep->stats.versions += n > 0;
	return answered(in, out, n, ret_train);
}

/* Tells a peer that its connection is gone, if we ever had one of that id. It is shorter than what
 * it answers, so that two ends that both know nothing come to rest. */
static enum quic_sorted answer_reset(struct quic_endpoint *ep, const struct datagram *in,
	const ngtcp2_version_cid *head, mono_t now, struct buf *out, struct datagram_train *ret_train)
{
	uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN], noise[RESET_BYTES_MAX];
	size_t len = in->data.len - 1;
	ngtcp2_cid cid;
	ngtcp2_ssize n;

	if (in->data.len <= RESET_BYTES_MIN)
		return ignored(ep);
	if (!may_answer(ep, &ep->reset_meter, now) || buf_reserve(out, ANSWER_BYTES_MAX))
		return QUIC_IGNORED;
	if (len > RESET_BYTES_MAX)
		len = RESET_BYTES_MAX;
	ngtcp2_cid_init(&cid, head->dcid, head->dcidlen);
	if (ngtcp2_crypto_generate_stateless_reset_token(
		    token, ep->reset_secret, QUIC_SECRET_BYTES, &cid))
		return QUIC_IGNORED;
	rng_fill(ep->opts.rng, noise, sizeof(noise));
	n = ngtcp2_pkt_write_stateless_reset(
		out->data + out->len, len, token, noise, len - sizeof(token));
	ep->stats.resets += n > 0;
	return answered(in, out, n, ret_train);
}

static enum quic_sorted answer_token(struct quic_endpoint *ep, const struct datagram *in,
	const ngtcp2_pkt_hd *head, mono_t now, struct buf *out, struct datagram_train *ret_train)
{
	ngtcp2_ssize n;

	ep->stats.tokens_bad++;
	if (!may_answer(ep, &ep->token_meter, now) || buf_reserve(out, ANSWER_BYTES_MAX))
		return QUIC_IGNORED;
	n = ngtcp2_crypto_write_connection_close(out->data + out->len, ANSWER_BYTES_MAX,
		head->version, &head->scid, &head->dcid, NGTCP2_INVALID_TOKEN, NULL, 0);
	return answered(in, out, n, ret_train);
}

/* ---- Retry ---- */

bool quic_is_knock(const struct datagram *in, ngtcp2_pkt_hd *ret)
{
	return in->data.len >= QUIC_PAYLOAD_BYTES_MIN &&
		ngtcp2_accept(ret, in->data.at, in->data.len) == 0 &&
		ret->version == NGTCP2_PROTO_VER_V1;
}

enum quic_token quic_token_check(const struct quic_endpoint *ep, const ngtcp2_pkt_hd *head,
	const struct datagram_path *path, mono_t now, ngtcp2_cid *ret_original)
{
	ngtcp2_path_storage along;

	/* Others than ours from a Retry are from somewhere else, and mean nothing. Clients bring those
	 * of any libp2p server that they met, for all of them have one name in TLS; what these begin
	 * with is random, so that the first byte does not tell. Ours have one length. */
	if (head->tokenlen != NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN || head->token[0] != TOKEN_RETRY)
		return QUIC_TOKEN_NONE;
	quic_path_set(&along, path);
	return ngtcp2_crypto_verify_retry_token(ret_original, head->token, head->tokenlen,
		       ep->token_secret, QUIC_SECRET_BYTES, head->version,
		       along.path.remote.addr, along.path.remote.addrlen, &head->dcid,
		       QUIC_TOKEN_MS * NGTCP2_MILLISECONDS, (ngtcp2_tstamp)now.ns)
		? QUIC_TOKEN_BAD
		: QUIC_TOKEN_GOOD;
}

int quic_retry(struct quic_endpoint *ep, const struct datagram *in, mono_t now, struct buf *out,
	struct datagram_train *ret_train)
{
	uint8_t token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN];
	ngtcp2_cid cid = {.datalen = QUIC_CID_BYTES};
	ngtcp2_path_storage along;
	ngtcp2_ssize n;
	ngtcp2_pkt_hd head;

	if (!quic_is_knock(in, &head) || buf_reserve(out, ANSWER_BYTES_MAX))
		return P2P_ERR_INVALID;
	quic_path_set(&along, &in->path);
	rng_fill(ep->opts.rng, cid.data, cid.datalen);
	n = ngtcp2_crypto_generate_retry_token(token, ep->token_secret, QUIC_SECRET_BYTES,
		head.version, along.path.remote.addr, along.path.remote.addrlen, &cid, &head.dcid,
		(ngtcp2_tstamp)now.ns);
	if (n > 0)
		n = ngtcp2_crypto_write_retry(out->data + out->len, ANSWER_BYTES_MAX, head.version,
			&head.scid, &cid, &head.dcid, token, (size_t)n);
	if (answered(in, out, n, ret_train) != QUIC_ANSWERED)
		return P2P_ERR_INVALID;
	ep->stats.retries++;
	return 0;
}

/* ---- Sorting ---- */

static enum quic_sorted for_known(const struct quic_route *r, const struct datagram *in,
	struct quic_found *ret, struct buf *out, struct datagram_train *ret_train)
{
	if (!r->conn)
		return quic_closed_answer(r->closed, in, out, ret_train) ? QUIC_ANSWERED
									: QUIC_IGNORED;
	ret->conn = r->conn;
	return QUIC_FOR_CONN;
}

/* A short header with an id that nobody has: the peer of one of our connections may say by it that
 * it knows nothing any more; or we are the ones. */
static enum quic_sorted sort_short(struct quic_endpoint *ep, const struct datagram *in,
	const ngtcp2_version_cid *head, mono_t now, struct quic_found *ret, struct buf *out,
	struct datagram_train *ret_train)
{
	const struct quic_route *r = NULL;
	struct bytes token = bytes_from(in->data, in->data.len - NGTCP2_STATELESS_RESET_TOKENLEN);

	if (in->data.len >= RESET_BYTES_MIN)
		r = quic_routes_find(&ep->routes, QUIC_NAME_TOKEN, token);
	return r ? for_known(r, in, ret, out, ret_train)
		 : answer_reset(ep, in, head, now, out, ret_train);
}

static enum quic_sorted sort_knock(struct quic_endpoint *ep, const struct datagram *in, mono_t now,
	struct quic_found *ret, struct buf *out, struct datagram_train *ret_train)
{
	ngtcp2_cid original;
	ngtcp2_pkt_hd head;

	if (!quic_is_knock(in, &head))
		return ignored(ep);
	switch (quic_token_check(ep, &head, &in->path, now, &original)) {
	case QUIC_TOKEN_BAD: return answer_token(ep, in, &head, now, out, ret_train);
	case QUIC_TOKEN_GOOD: ret->is_validated = true; break;
	case QUIC_TOKEN_NONE: break;
	}
	return QUIC_KNOCK;
}

/* ngtcp2 knows more versions than we want. 0 stands for a negotiation. */
static bool is_other_version(const struct datagram *in, const ngtcp2_version_cid *head)
{
	return (in->data.at[0] & 0x80) && head->version != NGTCP2_PROTO_VER_V1 &&
		head->version != 0;
}

enum quic_sorted quic_sort(struct quic_endpoint *ep, const struct datagram *in, mono_t now,
	struct quic_found *ret, struct buf *out, struct datagram_train *ret_train)
{
	const struct quic_route *r;
	ngtcp2_version_cid head;
	int liberr;

	*ret = (struct quic_found){0};
	quic_closed_expire(ep, now);
	if (in->data.len == 0) /* which ngtcp2 takes for our mistake */
		return ignored(ep);
	liberr = ngtcp2_pkt_decode_version_cid(&head, in->data.at, in->data.len, QUIC_CID_BYTES);
	if (liberr == NGTCP2_ERR_VERSION_NEGOTIATION || (!liberr && is_other_version(in, &head)))
		return answer_version(ep, in, &head, now, out, ret_train);
	if (liberr || head.dcidlen == 0 || head.dcidlen > QUIC_NAME_BYTES_MAX)
		return ignored(ep);
	r = quic_routes_find(&ep->routes, QUIC_NAME_CID, bytes_of(head.dcid, head.dcidlen));
	if (r)
		return for_known(r, in, ret, out, ret_train);
	if (in->data.at[0] & 0x80)
		return sort_knock(ep, in, now, ret, out, ret_train);
	return sort_short(ep, in, &head, now, ret, out, ret_train);
}
