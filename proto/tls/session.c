/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/session.h"

#include <assert.h>
#include <errno.h>
#include <gnutls/gnutls.h>

#include "proto/base/err.h"

#define TYPE_CHANGE_CIPHER 20 /* means nothing in TLS 1.3; sent to please middle boxes */
#define TYPE_ALERT         21
#define TYPE_HANDSHAKE     22
#define TYPE_APPLICATION   23 /* everything that is encrypted */

#define ALERT_NO_ALPN 120

/*   dialer:    start ──► shaking ──► ready
 *   listener:  shaking ────────────► ready       ready ──► ended       any ──► dead   */
enum state {
	STATE_START,   /* a dialer that has not sent its hello */
	STATE_SHAKING, /* nothing is known of the peer, or not all of it */
	STATE_READY,   /* the peer's certificate is accepted and its Finished was right */
	STATE_ENDED,   /* we have said goodbye: nothing is sealed any more, the peer may go on */
	STATE_DEAD,    /* something failed; `why` says what */
};

static const gnutls_datum_t protocols[] = {
	{(unsigned char *)"/yamux/1.0.0", 12},
	{(unsigned char *)"libp2p", 6},
};

/* ---- What GnuTLS calls ---- */

static ssize_t pull(gnutls_transport_ptr_t arg, void *to, size_t len)
{
	struct tls *t = arg;
	struct bytes piece = bytes_head(t->in, len);

	if (piece.len == 0) {
		gnutls_transport_set_errno(t->session, EAGAIN);
		return -1;
	}
	memcpy(to, piece.at, piece.len);
	t->in = bytes_from(t->in, piece.len);
	return (ssize_t)piece.len;
}

static int pull_timeout(gnutls_transport_ptr_t arg, unsigned ms)
{
	const struct tls *t = arg;

	(void)ms; /* nothing comes while we are called */
	return t->in.len > 0;
}

static ssize_t push(gnutls_transport_ptr_t arg, const void *at, size_t len)
{
	struct tls *t = arg;

	if (!t->out || buf_put(t->out, bytes_of(at, len))) {
		t->is_out_full = true;
		gnutls_transport_set_errno(t->session, EIO);
		return -1;
	}
	return (ssize_t)len;
}

/* A message of the handshake, before GnuTLS looks at it. */
static int on_message(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
	const gnutls_datum_t *message)
{
	struct tls *t = gnutls_session_get_ptr(session);

	(void)when;
	return tls_peer_look(
		&t->peer, session, type, incoming, bytes_of(message->data, message->size));
}

static int on_verify(gnutls_session_t session)
{
	const struct tls *t = gnutls_session_get_ptr(session);

	return tls_peer_confirm(&t->peer, session);
}

/* ---- Failing ---- */

/* Ends it; what GnuTLS held is freed at once. */
static int die(struct tls *t, int err, const char *why, const char *detail)
{
	if (t->session)
		gnutls_deinit(t->session);
	t->session = NULL;
	t->in = BYTES_NONE;
	t->out = NULL;
	t->state = STATE_DEAD;
	t->why = why;
	t->detail = detail;
	return err;
}

/* Ends it and tells the peer, if that can still be told. */
static int die_loudly(struct tls *t, uint8_t alert, int err, const char *why, const char *detail)
{
	t->alert = alert;
	t->alert_is_ours = true;
	(void)gnutls_alert_send(t->session, GNUTLS_AL_FATAL, (gnutls_alert_description_t)alert);
	return die(t, err, why, detail);
}

static int die_alerted(struct tls *t)
{
	gnutls_alert_description_t alert = gnutls_alert_get(t->session);

	t->alert = (uint8_t)alert;
	return die(t, P2P_ERR_REFUSED, "tls_alert_received", gnutls_alert_get_strname(alert));
}

/* A call of GnuTLS failed. */
static int fail(struct tls *t, int code)
{
	const char *why, *detail = gnutls_strerror_name(code);
	int err, level, alert;

	if (code == GNUTLS_E_FATAL_ALERT_RECEIVED || code == GNUTLS_E_WARNING_ALERT_RECEIVED)
		return die_alerted(t);
	if (t->is_out_full)
		return die(t, P2P_ERR_TOO_LARGE, "tls_output", NULL);
	if (t->peer.refusal)
		return die_loudly(t, t->peer.verdict.alert, t->peer.refusal, t->peer.verdict.why, NULL);
	err = tls_peer_failure(code, &why);
	alert = gnutls_error_to_alert(code, &level);
	return die_loudly(t, (uint8_t)alert, err, why, detail);
}

static int fail_protocol(struct tls *t, const char *detail)
{
	return die(t, P2P_ERR_PROTOCOL, "tls_protocol", detail);
}

/* ---- Beginning and end ---- */

static int set_up(struct tls *t)
{
	unsigned side = tls_peer_flags(t->opts.initiator);
	gnutls_session_t s;
	unsigned skip = t->opts.offers_no_muxer;

	if (gnutls_init(&s, side | GNUTLS_NONBLOCK) < 0)
		return P2P_ERR_CRYPTO;
	t->session = s;
	gnutls_session_set_ptr(s, t);
	gnutls_transport_set_ptr(s, t);
	gnutls_transport_set_pull_function(s, pull);
	gnutls_transport_set_pull_timeout_function(s, pull_timeout);
	gnutls_transport_set_push_function(s, push);
	gnutls_handshake_set_hook_function(s, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_PRE, on_message);
	gnutls_session_set_verify_function(s, on_verify);
	if (tls_peer_prepare(s, t->opts.own, t->opts.initiator) ||
		gnutls_alpn_set_protocols(s, protocols + skip, 2 - skip,
			t->opts.initiator ? 0 : GNUTLS_ALPN_MANDATORY) < 0)
		return P2P_ERR_CRYPTO;
	return 0;
}

void tls_init(struct tls *t, const struct tls_opts *opts)
{
	*t = (struct tls){.opts = *opts};
	t->peer.own = opts->own;
	t->peer.judge = (struct tls_judge){opts->now, opts->expected, opts->initiator, opts->own->known};
	t->state = opts->initiator ? STATE_START : STATE_SHAKING;
	if (set_up(t))
		(void)die(t, P2P_ERR_CRYPTO, "tls_internal", NULL); /* each verb will say so */
}

void tls_deinit(struct tls *t)
{
	if (t->session)
		gnutls_deinit(t->session);
	*t = (struct tls){0};
}

/* ---- The handshake ---- */

/* What was agreed to be spoken inside. Nothing at all counts as "libp2p", where the muxer is agreed
 * by name: go tolerates that on TCP, too (tcp-stack.md 5.3). */
static int read_alpn(struct tls *t)
{
	gnutls_datum_t got = {NULL, 0};
	struct bytes name;

	(void)gnutls_alpn_get_selected_protocol(t->session, &got); /* fails when there is none */
	name = bytes_of(got.data, got.size);
	t->proof.speaks_yamux =
		!t->opts.offers_no_muxer && bytes_eq(name, BYTES_LIT("/yamux/1.0.0"));
	if (t->proof.speaks_yamux || name.len == 0 || bytes_eq(name, BYTES_LIT("libp2p")))
		return 0;
	return die_loudly(t, ALERT_NO_ALPN, P2P_ERR_UNSUPPORTED, "tls_alpn", NULL);
}

/* As far as the bytes go. */
static int shake(struct tls *t, struct buf *out)
{
	int code, err = 0;

	t->out = out;
	code = gnutls_handshake(t->session);
	if (code == GNUTLS_E_SUCCESS) {
		t->proof.key = t->peer.verdict.key;
		t->proof.peer = t->peer.verdict.peer;
		err = read_alpn(t);
	} else if (code != GNUTLS_E_AGAIN || t->is_out_full) {
		err = fail(t, code);
	}
	if (!err && code == GNUTLS_E_SUCCESS)
		t->state = STATE_READY;
	t->out = NULL;
	return err;
}

int tls_begin(struct tls *t, struct buf *out)
{
	if (t->state == STATE_DEAD)
		return P2P_ERR_CRYPTO; /* tls_init() has failed */
	assert(t->state == STATE_START);
	t->state = STATE_SHAKING;
	return shake(t, out);
}

static bool may_come(const struct tls *t, uint8_t type)
{
	switch (type) {
	case TYPE_CHANGE_CIPHER:
	case TYPE_ALERT:
	case TYPE_HANDSHAKE: return t->state == STATE_SHAKING;
	case TYPE_APPLICATION: return t->handshake_bytes > 0 || t->opts.initiator;
	default: /* the type is the peer's */ return false;
	}
}

int tls_message_len(struct tls *t, struct bytes in, size_t *ret_len)
{
	bool is_sealed;
	size_t body;

	if (t->state == STATE_DEAD)
		return P2P_ERR_CLOSED;
	if (in.len > 0 && !may_come(t, in.at[0]))
		return fail_protocol(t, "a record of another type");
	if (in.len < TLS_HEADER_BYTES) {
		*ret_len = TLS_HEADER_BYTES;
		return 0;
	}
	body = (size_t)in.at[3] << 8 | in.at[4];
	is_sealed = in.at[0] == TYPE_APPLICATION;
	if (in.at[1] != 3 || body > TLS_BODY_BYTES_MAX ||
		body < (is_sealed ? TLS_TAG_BYTES + 1 : 1))
		return fail_protocol(t, "a record of another version or size");
	*ret_len = TLS_HEADER_BYTES + body;
	return 0;
}

int tls_handshake(struct tls *t, struct bytes record, struct buf *out)
{
	int err;

	if (t->state == STATE_DEAD)
		return P2P_ERR_CLOSED;
	assert(t->state == STATE_SHAKING);
	t->handshake_bytes += (uint32_t)record.len;
	if (t->handshake_bytes > TLS_HANDSHAKE_BYTES_MAX)
		return fail_protocol(t, "a handshake without end");
	t->in = record;
	err = shake(t, out);
	/* The change of keys is between records: one that is not read to its end hides something.
	 */
	if (!err && t->in.len > 0)
		err = fail_protocol(t, "more than a record");
	t->in = BYTES_NONE;
	return err;
}

bool tls_is_ready(const struct tls *t)
{
	return t->state == STATE_READY || t->state == STATE_ENDED;
}

bool tls_is_accepted(const struct tls *t)
{
	return tls_is_ready(t) && (!t->opts.initiator || t->is_heard);
}

/* ---- Content ---- */

int tls_seal(struct tls *t, struct bytes plain, struct buf *out)
{
	if (t->state != STATE_READY)
		return P2P_ERR_CLOSED;
	assert(plain.len > 0);
	if (buf_reserve(out, TLS_SEALED_BYTES_MAX(plain.len)))
		return P2P_ERR_TOO_LARGE;
	t->out = out;
	while (plain.len > 0) {
		/* One record a call, of the largest size that the peer takes. */
		ssize_t n = gnutls_record_send(t->session, plain.at, plain.len);

		if (n <= 0)
			return fail(t, (int)n);
		plain = bytes_from(plain, (size_t)n);
	}
	t->out = NULL;
	return 0;
}

int tls_open(struct tls *t, struct bytes record, uint8_t *to, struct buf *out, size_t *ret_len)
{
	ssize_t n;
	int err = 0;

	if (!tls_is_ready(t))
		return P2P_ERR_CLOSED;
	t->in = record;
	t->out = out;
	n = gnutls_record_recv(t->session, to, record.len);
	if (n == GNUTLS_E_AGAIN)
		n = 0; /* a change of keys, or nothing */
	else if (n == 0)
		err = die(t, P2P_ERR_CLOSED, "tls_closed", NULL);
	else if (n < 0)
		err = fail(t, (int)n);
	if (!err && n == 0 && t->empties++ == TLS_EMPTY_IN_A_ROW_MAX)
		err = die_loudly(
			t, GNUTLS_A_UNEXPECTED_MESSAGE, P2P_ERR_PROTOCOL, "tls_empty", NULL);
	t->in = BYTES_NONE;
	t->out = NULL;
	if (err)
		return err;
	if (n > 0) {
		t->empties = 0;
		t->is_heard = true;
	}
	*ret_len = (size_t)n;
	return 0;
}

void tls_bye(struct tls *t, struct buf *out)
{
	if (t->state != STATE_READY)
		return;
	t->out = out;
	(void)gnutls_bye(t->session, GNUTLS_SHUT_WR); /* best effort: the connection ends anyway */
	t->out = NULL;
	t->state = STATE_ENDED;
}
