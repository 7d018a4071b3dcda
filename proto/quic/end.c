/* SPDX-License-Identifier: Apache-2.0 */
/* How a connection ends: by its owner, by the peer, by a fault of either, or by silence. */
#include "proto/base/err.h"
#include "proto/quic/conn.h"

static void note_end(
	struct quic_conn *q, int err, const char *why, const char *detail, uint64_t code)
{
	q->end = (struct quic_end){err, why, detail, code};
	q->pong_noted = false;
	q->pings_wanted = 0;
}

void quic_end(struct quic_conn *q, int err, const char *why, const char *detail, uint64_t code)
{
	sm_move(&q->state, QUIC_OVER);
	note_end(q, err, why, detail, code);
	q->closed_noted = true;
	q->may_send = false;
}

/* Ours; the peer's words before it are lost. */
static void end_at_once(struct quic_conn *q)
{
	q->has_limits = false;
	quic_stream_drop_all(q);
}

void quic_fail(struct quic_conn *q, int err, const char *why, const char *detail, uint64_t code)
{
	sm_move(&q->state, QUIC_CLOSING);
	end_at_once(q);
	note_end(q, err, why, detail, code);
	ngtcp2_ccerr_set_transport_error(&q->ccerr, code, NULL, 0);
	q->close_owed = true;
	q->closed_noted = true;
	q->may_send = true;
}

int quic_fault(struct quic_conn *q, const char *why, const char *detail, uint64_t code)
{
	/* The first one counts. ngtcp2 returns, and quic_failed() carries it out. */
	if (!q->end.why)
		q->end = (struct quic_end){P2P_ERR_PROTOCOL, why, detail, code};
	return NGTCP2_ERR_CALLBACK_FAILURE;
}

/* ---- The peer's end ---- */

static void by_transport(struct quic_conn *q, uint64_t code)
{
	if (code == NGTCP2_NO_ERROR)
		quic_end(q, P2P_ERR_CLOSED, "remote_close", NULL, code);
	else if (code == NGTCP2_CONNECTION_REFUSED || code == NGTCP2_INVALID_TOKEN)
		quic_end(q, P2P_ERR_REFUSED, "quic_refused", NULL, code);
	else if (code >= NGTCP2_CRYPTO_ERROR && code < NGTCP2_CRYPTO_ERROR + 0x100)
		quic_end(q, P2P_ERR_REFUSED, "tls_alert_received", quic_alert_name((uint8_t)code),
			code);
	else
		quic_end(q, P2P_ERR_RESET, "remote_error", NULL, code);
}

static void by_peer(struct quic_conn *q)
{
	const ngtcp2_ccerr *theirs = ngtcp2_conn_get_ccerr(q->wire);

	q->closed_until = mono_add_ns(q->now, 3 * (int64_t)ngtcp2_conn_get_pto(q->wire));
	if (q->is_reset)
		quic_end(q, P2P_ERR_RESET, "quic_reset", NULL, 0);
	else if (theirs->type == NGTCP2_CCERR_TYPE_APPLICATION)
		quic_end(q, P2P_ERR_CLOSED, "remote_close", NULL, theirs->error_code);
	else
		by_transport(q, theirs->error_code);
}

/* ---- What ngtcp2 reports ---- */

static void by_fault(struct quic_conn *q)
{
	struct quic_end end = q->end;

	if (!end.why)
		end = (struct quic_end){
			P2P_ERR_PROTOCOL, "quic_protocol", NULL, NGTCP2_INTERNAL_ERROR};
	quic_fail(q, end.err, end.why, end.detail, end.code);
}

void quic_failed(struct quic_conn *q, int liberr)
{
	switch (liberr) { /* of many; the rest are broken rules */
	case NGTCP2_ERR_DRAINING: by_peer(q); return;
	case NGTCP2_ERR_CALLBACK_FAILURE: by_fault(q); return;
	case NGTCP2_ERR_CRYPTO: quic_shake_failed(q); return;
	case NGTCP2_ERR_IDLE_CLOSE:
		quic_end(q, P2P_ERR_TIMEOUT, "quic_idle", NULL, 0);
		return;
	case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
		quic_end(q, P2P_ERR_TIMEOUT, "quic_handshake_timeout", NULL, 0);
		return;
	case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
	case NGTCP2_ERR_VERSION_NEGOTIATION_FAILURE:
		quic_end(q, P2P_ERR_UNSUPPORTED, "quic_version", NULL, 0);
		return;
	case NGTCP2_ERR_PKT_NUM_EXHAUSTED:
		quic_end(q, P2P_ERR_CLOSED, "quic_exhausted", "packet numbers", 0);
		return;
	case NGTCP2_ERR_AEAD_LIMIT_REACHED:
		quic_fail(q, P2P_ERR_CLOSED, "quic_exhausted", "uses of a key",
			NGTCP2_AEAD_LIMIT_REACHED);
		return;
	case NGTCP2_ERR_RETRY:
	case NGTCP2_ERR_DROP_CONN:
		quic_end(q, P2P_ERR_PROTOCOL, "quic_protocol", ngtcp2_strerror(liberr), 0);
		return;
	default:
		quic_fail(q, P2P_ERR_PROTOCOL, "quic_protocol", ngtcp2_strerror(liberr),
			ngtcp2_err_infer_quic_transport_error_code(liberr));
	}
}

/* ---- Ours ---- */

void quic_close(struct quic_conn *q, uint64_t code, mono_t now)
{
	if (!quic_is_running(q))
		return;
	quic_set_now(q, now);
	sm_move(&q->state, QUIC_CLOSING);
	note_end(q, P2P_ERR_CLOSED, "local", NULL, code);
	ngtcp2_ccerr_set_application_error(&q->ccerr, code, NULL, 0);
	q->close_owed = true;
	q->may_send = true;
}
