/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/peer.h"

#include <gnutls/gnutls.h>

#include "proto/base/err.h"
#include "proto/tls/request.h"

unsigned tls_peer_flags(bool initiator)
{
	if (!initiator)
		return GNUTLS_SERVER | GNUTLS_NO_TICKETS;
	/* A client sends its certificate although nobody names authorities for it. It makes one key,
	 * for X25519, which everybody speaks; making another for P-256, as GnuTLS would, costs as much
	 * as a signature, and who wants that instead asks for it at the price of a round trip. */
	return GNUTLS_CLIENT | GNUTLS_NO_TICKETS | GNUTLS_FORCE_CLIENT_CERT | GNUTLS_KEY_SHARE_TOP;
}

int tls_peer_prepare(gnutls_session_t session, const struct tls_identity *own, bool initiator)
{
	gnutls_handshake_set_timeout(session, 0); /* the deadline is the owner's */
	gnutls_handshake_set_max_packet_length(session, TLS_MESSAGE_BYTES_MAX);
	if (!initiator)
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
	if (gnutls_priority_set(session, own->priority) < 0 ||
		gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
			initiator ? own->credentials : own->credentials_either) < 0)
		return P2P_ERR_CRYPTO;
	return 0;
}

static int judge(struct tls_peer *p, struct bytes message)
{
	p->refusal = tls_judge_message(&p->judge, message, &p->verdict);
	p->is_judged = !p->refusal;
	return p->refusal ? GNUTLS_E_CERTIFICATE_ERROR : 0;
}

int tls_peer_look(struct tls_peer *p, gnutls_session_t session, unsigned type, bool is_incoming,
	struct bytes message)
{
	if (!is_incoming)
		return 0;
	if (type == GNUTLS_HANDSHAKE_CERTIFICATE_PKT)
		return judge(p, message);
	if (type == GNUTLS_HANDSHAKE_CERTIFICATE_REQUEST && !tls_request_takes_ed25519(message))
		return gnutls_credentials_set(
			session, GNUTLS_CRD_CERTIFICATE, p->own->credentials_p256);
	return 0;
}

int tls_peer_confirm(const struct tls_peer *p, gnutls_session_t session)
{
	unsigned count = 0;

	(void)gnutls_certificate_get_peers(session, &count);
	return p->is_judged && count == 1 ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

int tls_peer_failure(int code, const char **ret_why)
{
	switch (code) { /* of some hundred codes; the rest are broken rules */
	case GNUTLS_E_NO_APPLICATION_PROTOCOL: *ret_why = "tls_alpn"; return P2P_ERR_UNSUPPORTED;
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
	case GNUTLS_E_NO_CIPHER_SUITES: /* there are no others of TLS 1.3 in use */
		*ret_why = "tls_version";
		return P2P_ERR_UNSUPPORTED;
	case GNUTLS_E_DECRYPTION_FAILED: *ret_why = "tls_decrypt"; return P2P_ERR_CRYPTO;
	case GNUTLS_E_PK_SIG_VERIFY_FAILED: *ret_why = "tls_signature"; return P2P_ERR_SIGNATURE;
	case GNUTLS_E_MEMORY_ERROR:
	case GNUTLS_E_INTERNAL_ERROR:
	case GNUTLS_E_RANDOM_FAILED: *ret_why = "tls_internal"; return P2P_ERR_CRYPTO;
	default: *ret_why = "tls_protocol"; return P2P_ERR_PROTOCOL;
	}
}
