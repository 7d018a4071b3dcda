/* SPDX-License-Identifier: Apache-2.0 */
/* peer.h: what every TLS session of ours has in common, over TCP and over QUIC: how GnuTLS is set
 * up, and that the peer's certificate is judged by cert.h before GnuTLS parses it.
 *
 * GnuTLS calls two functions for this. They cannot be shared, because each kind of session finds
 * its own struct in another way; each is three lines that end here. */
#ifndef P2POS_TLS_PEER_H
#define P2POS_TLS_PEER_H

#include "proto/tls/cert.h"
#include "proto/tls/tls.h"

struct gnutls_session_int;

#define TLS_MESSAGE_BYTES_MAX 16384 /* of a handshake message; a longer one fails */

/* The peer of one session, as far as it is known. */
struct tls_peer {
	struct tls_judge judge;
	const struct tls_identity *own; /* borrowed: what we show to it */
	struct tls_verdict verdict; /* valid once is_judged or refusal */
	int refusal;                /* code of the refused certificate; 0 when it was not */
	bool is_judged;             /* and accepted */
};

/* What gnutls_init() is told. */
unsigned tls_peer_flags(bool initiator);

/* Sets ciphers, our certificate, sizes, and that a listener wants a certificate. P2P_ERR_CRYPTO. */
int tls_peer_prepare(
	struct gnutls_session_int *session, const struct tls_identity *own, bool initiator);

/* For the hook before a message of the handshake is parsed, which is called for those that we send,
 * too. The peer's certificate is judged, and a dialer looks which of ours it is asked for. 0, or what
 * the hook returns. */
int tls_peer_look(struct tls_peer *p, struct gnutls_session_int *session, unsigned type,
	bool is_incoming, struct bytes message);

/* For the verify function, after the proof that the peer holds the certificate's key: GnuTLS would
 * build a chain here; all there is to say was said before, and this makes sure that it was. 0, or
 * what the function returns. */
int tls_peer_confirm(const struct tls_peer *p, struct gnutls_session_int *session);

/* What a failure of GnuTLS is called here: a result code, and the reason word of session.h. */
int tls_peer_failure(int code, const char **ret_why);

#endif
