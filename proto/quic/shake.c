/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake: GnuTLS with libp2p's certificates, over ngtcp2. */
#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include "proto/base/err.h"
#include "proto/quic/conn.h"
#include "proto/tls/session.h"

#define ALERT_UNEXPECTED 10  /* unexpected_message */
#define ALERT_NO_ALPN    120 /* no_application_protocol */
#define TYPE_NEW_TICKET  4   /* NewSessionTicket (RFC 8446 section 4) */

static ngtcp2_conn *wire_of(ngtcp2_crypto_conn_ref *ref)
{
	const struct quic_conn *q = ref->user_data;

	return q->wire;
}

static struct quic_conn *conn_of(gnutls_session_t session)
{
	const ngtcp2_crypto_conn_ref *ref = gnutls_session_get_ptr(session);

	return ref->user_data;
}

static int on_message(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
	const gnutls_datum_t *message)
{
	struct quic_conn *q = conn_of(session);

	(void)when;
	return tls_peer_look(
		&q->peer, session, type, incoming, bytes_of(message->data, message->size));
}

static int on_verify(gnutls_session_t session)
{
	return tls_peer_confirm(&conn_of(session)->peer, session);
}

int quic_shake_init(struct quic_conn *q, const struct quic_opts *opts)
{
	const gnutls_datum_t libp2p = {(unsigned char *)"libp2p", 6};
	gnutls_session_t s;

	q->peer.own = q->ep->opts.tls;
	q->peer.judge = (struct tls_judge){opts->wall, opts->expected, q->is_dialer, q->ep->opts.tls->known};
	q->ref = (ngtcp2_crypto_conn_ref){wire_of, q};
	if (gnutls_init(&s, tls_peer_flags(q->is_dialer)) < 0)
		return P2P_ERR_CRYPTO;
	q->tls = s;
	gnutls_session_set_ptr(s, &q->ref);
	gnutls_handshake_set_hook_function(s, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_PRE, on_message);
	gnutls_session_set_verify_function(s, on_verify);
	if (tls_peer_prepare(s, q->ep->opts.tls, q->is_dialer) ||
		gnutls_alpn_set_protocols(s, &libp2p, 1, GNUTLS_ALPN_MANDATORY) < 0)
		return P2P_ERR_CRYPTO;
	return (q->is_dialer ? ngtcp2_crypto_gnutls_configure_client_session(s)
			     : ngtcp2_crypto_gnutls_configure_server_session(s))
		? P2P_ERR_CRYPTO
		: 0;
}

void quic_shake_deinit(struct quic_conn *q)
{
	if (!q->tls)
		return;
	if (q->wire)
		ngtcp2_conn_set_tls_native_handle(q->wire, NULL);
	gnutls_deinit(q->tls);
	q->tls = NULL;
}

/* ---- Failing ---- */

const char *quic_alert_name(uint8_t alert)
{
	return gnutls_alert_get_strname((gnutls_alert_description_t)alert);
}

void quic_shake_failed(struct quic_conn *q)
{
	uint8_t alert = ngtcp2_conn_get_tls_alert(q->wire);
	const char *why;
	int err;

	if (q->peer.refusal) {
		quic_fail(q, q->peer.refusal, q->peer.verdict.why, NULL,
			NGTCP2_CRYPTO_ERROR | q->peer.verdict.alert);
		return;
	}
	err = tls_peer_failure(q->tls_code, &why);
	quic_fail(q, err, why, q->tls_code ? gnutls_strerror_name(q->tls_code) : NULL,
		NGTCP2_CRYPTO_ERROR | alert);
}

/* GnuTLS failed with `code`: what ngtcp2 is to be told. */
static int fail(struct quic_conn *q, int code)
{
	int known = ngtcp2_conn_get_tls_error(q->wire);

	q->tls_code = code;
	return known ? known : NGTCP2_ERR_CRYPTO;
}

/* ---- What comes ---- */

/* GnuTLS accepts a peer that names no protocol at all. */
static bool speaks_libp2p(gnutls_session_t s)
{
	gnutls_datum_t got = {NULL, 0};

	(void)gnutls_alpn_get_selected_protocol(s, &got); /* fails when there is none */
	return bytes_eq(bytes_of(got.data, got.size), BYTES_LIT("libp2p"));
}

static int shake(struct quic_conn *q)
{
	int code = gnutls_handshake(q->tls);

	if (code < 0) {
		if (!gnutls_error_is_fatal(code))
			return 0;
		(void)gnutls_alert_send_appropriate(q->tls, code); /* only noted for ngtcp2 */
		return fail(q, code);
	}
	if (!speaks_libp2p(q->tls)) {
		ngtcp2_conn_set_tls_alert(q->wire, ALERT_NO_ALPN);
		return fail(q, GNUTLS_E_NO_APPLICATION_PROTOCOL);
	}
	ngtcp2_conn_tls_handshake_completed(q->wire);
	return 0;
}

/* Behind the handshake GnuTLS is gone. What may come there are tickets, which some servers send
 * unasked and which we have no use for; they are stepped over. Anything else, the update of keys that
 * QUIC forbids among it, ends the connection. */
static int step_over(struct quic_conn *q, struct bytes in)
{
	struct quic_tickets *t = &q->tickets;

	if (in.len > QUIC_TICKET_BYTES_MAX - t->bytes)
		return quic_fault(q, "quic_churn", "TLS messages without end",
			NGTCP2_CRYPTO_BUFFER_EXCEEDED);
	t->bytes += (uint32_t)in.len;
	while (in.len > 0) {
		struct bytes piece = bytes_head(in, t->skip);

		t->skip -= (uint32_t)piece.len;
		in = bytes_from(in, piece.len);
		while (in.len > 0 && t->skip == 0 && t->head_len < sizeof(t->head)) {
			t->head[t->head_len++] = in.at[0];
			in = bytes_from(in, 1);
		}
		if (t->head_len > 0 && t->head[0] != TYPE_NEW_TICKET)
			return quic_fault(q, "tls_protocol", "a TLS message behind the handshake",
				NGTCP2_CRYPTO_ERROR | ALERT_UNEXPECTED);
		if (t->head_len < sizeof(t->head))
			continue;
		t->skip = (uint32_t)t->head[1] << 16 | (uint32_t)t->head[2] << 8 | t->head[3];
		t->head_len = 0;
	}
	return 0;
}

int quic_on_crypto(ngtcp2_conn *wire, ngtcp2_encryption_level level, uint64_t offset,
	const uint8_t *data, size_t len, void *arg)
{
	struct quic_conn *q = arg;
	int code;

	(void)wire;
	(void)offset;
	if (level == NGTCP2_ENCRYPTION_LEVEL_1RTT)
		return step_over(q, bytes_of(data, len));
	if (!q->tls)
		return 0; /* repeated bytes of a handshake that is over */
	q->crypto_bytes += (uint32_t)len;
	if (q->crypto_bytes > TLS_HANDSHAKE_BYTES_MAX)
		return quic_fault(q, "tls_protocol", "a handshake without end",
			NGTCP2_CRYPTO_BUFFER_EXCEEDED);
	code = gnutls_handshake_write(
		q->tls, ngtcp2_crypto_gnutls_from_ngtcp2_encryption_level(level), data, len);
	if (code < 0)
		return fail(q, code);
	return ngtcp2_conn_get_handshake_completed(q->wire) ? 0 : shake(q);
}
