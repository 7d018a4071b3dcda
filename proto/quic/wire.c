/* SPDX-License-Identifier: Apache-2.0 */
/* ngtcp2: how a connection of it is set up, its memory, and the functions that it calls. They only
 * write down what happened; quic_next() tells it later. */
#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/quic/conn.h"
#include "proto/quic/path.h"

/* Sizes of datagrams that are tried, best guess first: Ethernet, jumbo frames, the usual tunnels. */
static const uint16_t probes[] = {1452, 8900, 1404, 1372, 1280};

#define PROBE_BYTES_MAX 8900

/* ---- Memory: counted, so that it can be shown ---- */

#define HEAD_BYTES 16 /* in front of each block: its size, and alignment kept */

static void *mem_take(struct quic_conn *q, void *block, size_t size)
{
	memcpy(block, &size, sizeof(size));
	q->wire_bytes += size + HEAD_BYTES;
	return (uint8_t *)block + HEAD_BYTES;
}

static void *mem_give(struct quic_conn *q, void *at)
{
	uint8_t *block = (uint8_t *)at - HEAD_BYTES;
	size_t size;

	memcpy(&size, block, sizeof(size));
	q->wire_bytes -= size + HEAD_BYTES;
	return block;
}

static void *mem_malloc(size_t size, void *arg)
{
	return mem_take(arg, xmalloc(size + HEAD_BYTES), size);
}

static void *mem_calloc(size_t count, size_t size, void *arg)
{
	assert(size == 0 || count <= (SIZE_MAX - HEAD_BYTES) / size);
	return mem_take(arg, xcalloc(1, count * size + HEAD_BYTES), count * size);
}

static void mem_free(void *at, void *arg)
{
	if (at)
		free(mem_give(arg, at));
}

static void *mem_realloc(void *at, size_t size, void *arg)
{
	void *block = at ? mem_give(arg, at) : NULL;

	return mem_take(arg, xrealloc(block, size + HEAD_BYTES), size);
}

/* ---- Names ---- */

static int on_new_cid(ngtcp2_conn *wire, ngtcp2_cid *cid, uint8_t *token, size_t len, void *arg)
{
	struct quic_conn *q = arg;
	struct rng *rng = q->ep->opts.rng;
	struct quic_route *r;

	(void)wire;
	do {
		rng_fill(rng, cid->data, len);
		cid->datalen = len;
		r = quic_routes_add(&q->ep->routes, QUIC_NAME_CID, bytes_of(cid->data, len), q,
			&q->routes);
	} while (!r); /* until nobody has it; 64 bits long, that is at once */
	r->number = q->wire ? QUIC_NAME_UNUSED : 0; /* the first one is in use at once */
	if (ngtcp2_crypto_generate_stateless_reset_token(
		    token, q->ep->reset_secret, QUIC_SECRET_BYTES, cid))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static void forget_name(struct quic_conn *q, enum quic_name_kind kind, struct bytes name)
{
	struct quic_route *r = quic_routes_find(&q->ep->routes, kind, name);

	if (r && r->conn == q)
		quic_routes_remove(&q->ep->routes, r);
}

static int on_remove_cid(ngtcp2_conn *wire, const ngtcp2_cid *cid, void *arg)
{
	(void)wire;
	forget_name(arg, QUIC_NAME_CID, bytes_of(cid->data, cid->datalen));
	return 0;
}

/* An id of the peer's comes into use or goes out of it. With it comes the token by which the peer
 * would say that it knows us no more; such a datagram names nobody otherwise. */
static int on_peer_cid(ngtcp2_conn *wire, ngtcp2_connection_id_status_type type, uint64_t number,
	const ngtcp2_cid *cid, const uint8_t *token, void *arg)
{
	struct quic_conn *q = arg;
	struct bytes name = bytes_of(token, NGTCP2_STATELESS_RESET_TOKENLEN);

	(void)wire;
	(void)number;
	(void)cid;
	if (!token)
		return 0;
	if (type == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE)
		/* One that is taken is another connection's; a peer that gives the same to two
		 * resets only one of them. */
		(void)quic_routes_add(&q->ep->routes, QUIC_NAME_TOKEN, name, q, &q->routes);
	else
		forget_name(q, QUIC_NAME_TOKEN, name);
	return 0;
}

/* ---- Streams ---- */

static int on_stream_open(ngtcp2_conn *wire, int64_t id, void *arg)
{
	struct quic_conn *q = arg;
	struct quic_stream *s;

	if (!quic_stream_number(id))
		return quic_fault(q, "quic_exhausted", "stream numbers", NGTCP2_NO_ERROR);
	s = quic_stream_add(q, id);
	(void)ngtcp2_conn_set_stream_user_data(wire, id, s); /* it exists */
	if (!yamux_churn_open(&q->churn.streams, q->now, &s->open_number))
		return quic_fault(
			q, "quic_churn", "streams are opened too fast", NGTCP2_INTERNAL_ERROR);
	quic_stream_note(q, s, QUIC_NOTE_OPENED);
	return 0;
}

static int on_stream_data(ngtcp2_conn *wire, uint32_t flags, int64_t id, uint64_t offset,
	const uint8_t *data, size_t len, void *arg, void *stream_arg)
{
	struct quic_stream *s = stream_arg;
	struct quic_conn *q = arg;

	(void)wire;
	(void)id;
	(void)offset;
	if (!s) /* a stream always has its struct */
		return NGTCP2_ERR_CALLBACK_FAILURE;
	quic_churn_progress(&q->churn, len);
	quic_stream_take(q, s, bytes_of(data, len));
	if (!(flags & NGTCP2_STREAM_DATA_FLAG_FIN))
		return 0;
	s->fin_received = true;
	if (!s->is_gone)
		quic_stream_note(q, s, QUIC_NOTE_FIN);
	return 0;
}

static int on_stream_acked(ngtcp2_conn *wire, int64_t id, uint64_t offset, uint64_t len, void *arg,
	void *stream_arg)
{
	struct quic_stream *s = stream_arg;
	struct quic_conn *q = arg;

	(void)wire;
	(void)id;
	(void)offset;
	if (!s || s->is_deaf || s->is_gone)
		return 0; /* not kept any more */
	quic_tx_acked(&s->tx, (size_t)len);
	q->queued_bytes -= (uint32_t)len;
	q->progress_at = q->now;
	q->blocked_check = true;
	quic_churn_progress(&q->churn, (size_t)len);
	return 0;
}

static int on_stream_close(ngtcp2_conn *wire, uint32_t flags, int64_t id, uint64_t code, void *arg,
	void *stream_arg)
{
	struct quic_stream *s = stream_arg;
	struct quic_conn *q = arg;

	(void)flags;
	(void)code;
	q->ep->stats.lost += ngtcp2_conn_get_stream_loss_count(wire, id);
	if (!s)
		return 0;
	s->is_ended = true;
	quic_stream_settle(q, s);
	return 0;
}

static int on_stream_reset(ngtcp2_conn *wire, int64_t id, uint64_t final_size, uint64_t code,
	void *arg, void *stream_arg)
{
	struct quic_stream *s = stream_arg;
	struct quic_conn *q = arg;

	(void)wire;
	(void)id;
	(void)final_size;
	if (!s)
		return 0;
	if (s->is_inbound && !yamux_churn_reset(&q->churn.streams, s->open_number))
		return quic_fault(
			q, "quic_churn", "most streams are reset", NGTCP2_INTERNAL_ERROR);
	quic_stream_on_reset(q, s, code);
	return 0;
}

static int on_stream_credit(
	ngtcp2_conn *wire, int64_t id, uint64_t max, void *arg, void *stream_arg)
{
	struct quic_stream *s = stream_arg;
	struct quic_conn *q = arg;

	(void)wire;
	(void)id;
	(void)max;
	q->blocked_check = true;
	if (s && quic_stream_wants_send(s) && !list_is_linked(&s->sending))
		list_append(&q->sending, &s->sending);
	return 0;
}

/* ---- The connection ---- */

static int on_handshake_completed(ngtcp2_conn *wire, void *arg)
{
	struct quic_conn *q = arg;
	const ngtcp2_transport_params *theirs = ngtcp2_conn_get_remote_transport_params(wire);
	ngtcp2_duration alive = QUIC_KEEP_ALIVE_MS * NGTCP2_MILLISECONDS;

	sm_move(&q->state, QUIC_LIVE);
	q->proven_noted = true;
	q->heard_at = q->now;
	if (theirs && theirs->max_idle_timeout && theirs->max_idle_timeout / 2 <= alive)
		alive = theirs->max_idle_timeout / 2 - theirs->max_idle_timeout / 16;
	q->keep_alive_ns = alive;
	ngtcp2_conn_set_keep_alive_timeout(wire, alive);
	quic_keys_watch(q);
	/* A listener's handshake is confirmed with this. */
	q->is_confirmed = !q->is_dialer;
	return 0;
}

static int on_handshake_confirmed(ngtcp2_conn *wire, void *arg)
{
	struct quic_conn *q = arg;

	(void)wire;
	q->is_confirmed = true;
	return 0;
}

static int on_reset(ngtcp2_conn *wire, const ngtcp2_pkt_stateless_reset *sr, void *arg)
{
	struct quic_conn *q = arg;

	(void)wire;
	(void)sr;
	q->is_reset = true;
	return 0;
}

static int on_path_validated(ngtcp2_conn *wire, uint32_t flags, const ngtcp2_path *path,
	const ngtcp2_path *old_path, ngtcp2_path_validation_result result, void *arg)
{
	struct quic_conn *q = arg;

	(void)wire;
	(void)flags;
	(void)path;
	(void)old_path;
	quic_alias_answered(q);
	if (result == NGTCP2_PATH_VALIDATION_RESULT_SUCCESS)
		quic_mtu_reset(&q->mtu);
	return 0;
}

static void on_random(uint8_t *to, size_t len, const ngtcp2_rand_ctx *from)
{
	rng_fill(from->native_handle, to, len);
}

static int on_challenge_data(ngtcp2_conn *wire, uint8_t *to, void *arg)
{
	struct quic_conn *q = arg;

	(void)wire;
	rng_fill(q->ep->opts.rng, to, NGTCP2_PATH_CHALLENGE_DATALEN);
	return 0;
}

static const ngtcp2_callbacks callbacks = {
	.client_initial = ngtcp2_crypto_client_initial_cb,
	.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
	.recv_crypto_data = quic_on_crypto,
	.handshake_completed = on_handshake_completed,
	.encrypt = quic_on_encrypt,
	.decrypt = quic_on_decrypt,
	.hp_mask = ngtcp2_crypto_hp_mask_cb,
	.recv_stream_data = on_stream_data,
	.acked_stream_data_offset = on_stream_acked,
	.stream_open = on_stream_open,
	.stream_close = on_stream_close,
	.recv_stateless_reset = on_reset,
	.recv_retry = ngtcp2_crypto_recv_retry_cb,
	.rand = on_random,
	.get_new_connection_id = on_new_cid,
	.remove_connection_id = on_remove_cid,
	.update_key = quic_on_update_key,
	.path_validation = on_path_validated,
	.stream_reset = on_stream_reset,
	.extend_max_stream_data = on_stream_credit,
	.dcid_status = on_peer_cid,
	.handshake_confirmed = on_handshake_confirmed,
	.delete_crypto_aead_ctx = quic_on_delete_key,
	.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
	.get_path_challenge_data = on_challenge_data,
	.version_negotiation = ngtcp2_crypto_version_negotiation_cb,
};

/* ---- Setting up ---- */

static void set_settings(ngtcp2_settings *s, struct quic_conn *q, const struct quic_first *first)
{
	ngtcp2_settings_default(s);
	s->initial_ts = quic_stamp(q->now);
	s->rand_ctx.native_handle = q->ep->opts.rng;
	s->handshake_timeout = QUIC_HANDSHAKE_MS * NGTCP2_MILLISECONDS;
	/* What arrives together is acknowledged together anyway. What arrives alone is a question more
	 * often than not, and an answer put off costs one more wake-up to give it. */
	s->ack_thresh = 1;
	s->max_tx_udp_payload_size = PROBE_BYTES_MAX;
	s->pmtud_probes = probes;
	s->pmtud_probeslen = sizeof(probes) / sizeof(probes[0]);
	if (first && first->is_retried) {
		s->token = first->head.token;
		s->tokenlen = first->head.tokenlen;
		s->token_type = NGTCP2_TOKEN_TYPE_RETRY;
	}
}

static void set_params(ngtcp2_transport_params *p, const struct quic_first *first)
{
	ngtcp2_transport_params_default(p);
	p->initial_max_stream_data_bidi_local = QUIC_WINDOW_BYTES;
	p->initial_max_stream_data_bidi_remote = QUIC_WINDOW_BYTES;
	p->initial_max_data = QUIC_CONN_WINDOW_BYTES;
	p->initial_max_streams_bidi = QUIC_STREAMS_FIRST;
	p->max_idle_timeout = QUIC_IDLE_MS * NGTCP2_MILLISECONDS;
	p->active_connection_id_limit = QUIC_CIDS_MAX;
	if (!first)
		return;
	p->original_dcid = first->original;
	p->original_dcid_present = 1;
	if (first->is_retried) {
		p->retry_scid = first->head.dcid;
		p->retry_scid_present = 1;
	}
}

int quic_wire_init(
	struct quic_conn *q, const struct datagram_path *path, const struct quic_first *first)
{
	ngtcp2_transport_params params;
	ngtcp2_path_storage along;
	ngtcp2_settings settings;
	ngtcp2_cid own, theirs = {.datalen = NGTCP2_MIN_INITIAL_DCIDLEN};
	uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN];
	int failed;

	q->mem = (ngtcp2_mem){q, mem_malloc, mem_free, mem_calloc, mem_realloc};
	quic_path_set(&along, path);
	set_settings(&settings, q, first);
	set_params(&params, first);
	if (on_new_cid(NULL, &own, token, QUIC_CID_BYTES, q))
		return P2P_ERR_CRYPTO;
	if (first) {
		params.stateless_reset_token_present = 1;
		memcpy(params.stateless_reset_token, token, sizeof(token));
		failed = ngtcp2_conn_server_new(&q->wire, &first->head.scid, &own, &along.path,
			NGTCP2_PROTO_VER_V1, &callbacks, &settings, &params, &q->mem, q);
	} else {
		rng_fill(q->ep->opts.rng, theirs.data, theirs.datalen);
		failed = ngtcp2_conn_client_new(&q->wire, &theirs, &own, &along.path,
			NGTCP2_PROTO_VER_V1, &callbacks, &settings, &params, &q->mem, q);
	}
	if (failed)
		return P2P_ERR_CRYPTO;
	ngtcp2_conn_set_tls_native_handle(q->wire, q->tls);
	return 0;
}

void quic_wire_deinit(struct quic_conn *q)
{
	if (q->wire)
		ngtcp2_conn_del(q->wire);
	q->wire = NULL;
	assert(q->wire_bytes == 0);
}
