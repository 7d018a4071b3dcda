/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/quic_foreign.h"

#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <stdlib.h>

#include "proto/quic/path.h"
#include "tests/lib/p2ptest.h"

#define RIDE_BYTES 1130   /* of stream data that a packet of chosen frames is made of */
#define RIDES_MAX  200000 /* bytes of one stream; then another is opened */

/* Whose packet is being sealed: ngtcp2 does not say. */
static struct quic_foreign *speaking;

static int on_encrypt(uint8_t *to, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
	const uint8_t *plain, size_t plain_len, const uint8_t *nonce, size_t nonce_len,
	const uint8_t *head, size_t head_len)
{
	uint8_t chosen[9000] = {0};

	if (speaking && speaking->frames.len && !(head[0] & 0x80)) {
		assert_true(speaking->frames.len <= plain_len);
		memcpy(chosen, speaking->frames.at, speaking->frames.len);
		speaking->frames = BYTES_NONE;
		plain = chosen;
	}
	return ngtcp2_crypto_encrypt_cb(
		to, aead, key, plain, plain_len, nonce, nonce_len, head, head_len);
}

static ngtcp2_conn *wire_of(ngtcp2_crypto_conn_ref *ref)
{
	return ((struct quic_foreign *)ref->user_data)->wire;
}

static void on_random(uint8_t *to, size_t len, const ngtcp2_rand_ctx *from)
{
	rng_fill(from->native_handle, to, len);
}

static int on_new_cid(ngtcp2_conn *wire, ngtcp2_cid *cid, uint8_t *token, size_t len, void *arg)
{
	struct quic_foreign *f = arg;

	(void)wire;
	rng_fill(&f->rng.rng, cid->data, len);
	cid->datalen = len;
	rng_fill(&f->rng.rng, token, NGTCP2_STATELESS_RESET_TOKENLEN);
	return 0;
}

static int on_shaken(ngtcp2_conn *wire, void *arg)
{
	struct quic_foreign *f = arg;

	(void)wire;
	f->is_shaken = true;
	f->early_taken = gnutls_session_get_flags(f->tls) & GNUTLS_SFLAGS_EARLY_DATA;
	if (f->ticket && !f->early_taken)
		assert_int_equal(ngtcp2_conn_tls_early_data_rejected(f->wire), 0);
	if (f->sends_tickets)
		assert_int_equal(gnutls_session_ticket_send(f->tls, 2, 0), 0);
	return 0;
}

static int on_data(ngtcp2_conn *wire, uint32_t flags, int64_t id, uint64_t offset,
	const uint8_t *data, size_t len, void *arg, void *stream_arg)
{
	(void)flags;
	(void)offset;
	(void)data;
	(void)stream_arg;
	((struct quic_foreign *)arg)->received += len;
	(void)ngtcp2_conn_extend_max_stream_offset(wire, id, len);
	ngtcp2_conn_extend_max_offset(wire, len);
	return 0;
}

static const ngtcp2_callbacks callbacks = {
	.client_initial = ngtcp2_crypto_client_initial_cb,
	.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
	.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
	.handshake_completed = on_shaken,
	.encrypt = on_encrypt,
	.decrypt = ngtcp2_crypto_decrypt_cb,
	.hp_mask = ngtcp2_crypto_hp_mask_cb,
	.recv_stream_data = on_data,
	.recv_retry = ngtcp2_crypto_recv_retry_cb,
	.rand = on_random,
	.get_new_connection_id = on_new_cid,
	.update_key = ngtcp2_crypto_update_key_cb,
	.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
	.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
	.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
	.version_negotiation = ngtcp2_crypto_version_negotiation_cb,
};

/* ---- Setting up ---- */

#define LONG_EXTENSION 0xfafa /* nobody knows it */

static int send_long(gnutls_session_t session, gnutls_buffer_t to)
{
	static const uint8_t filler[4096];
	const ngtcp2_crypto_conn_ref *ref = gnutls_session_get_ptr(session);
	const struct quic_foreign *f = ref->user_data;

	assert_int_equal(gnutls_buffer_append_data(to, filler, f->hello_bytes), 0);
	return (int)f->hello_bytes;
}

static int recv_long(gnutls_session_t session, const unsigned char *data, size_t len)
{
	(void)session;
	(void)data;
	(void)len;
	return 0;
}

static void set_tickets(struct quic_foreign *f)
{
	gnutls_datum_t key = f->ticket_key;

	if (!key.size)
		assert_int_equal(gnutls_session_ticket_key_generate(&key), 0);
	assert_int_equal(gnutls_session_ticket_enable_server(f->tls, &key), 0);
	if (!f->ticket_key.size)
		gnutls_free(key.data);
	if (!f->replays)
		return;
	gnutls_anti_replay_enable(f->tls, f->replays);
	assert_int_equal(gnutls_record_set_max_early_data_size(f->tls, UINT32_MAX), 0);
}

static void set_tls(struct quic_foreign *f)
{
	unsigned flags = f->side == QUIC_D ? GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT : GNUTLS_SERVER;
	const struct tls_identity *honest = &f->p->side[f->side].tls;
	gnutls_datum_t name = {(unsigned char *)(uintptr_t)f->alpn,
		f->alpn ? (unsigned)strlen(f->alpn) : 0};

	if (!f->sends_tickets && !f->wants_ticket && !f->ticket)
		flags |= GNUTLS_NO_TICKETS;
	if (f->replays || f->ticket)
		flags |= GNUTLS_ENABLE_EARLY_DATA | GNUTLS_NO_END_OF_EARLY_DATA;
	assert_int_equal(gnutls_init(&f->tls, flags), 0);
	f->ref = (ngtcp2_crypto_conn_ref){wire_of, f};
	gnutls_session_set_ptr(f->tls, &f->ref);
	if (f->priority)
		assert_int_equal(gnutls_priority_set_direct(f->tls, f->priority, NULL), 0);
	else
		assert_int_equal(gnutls_priority_set(f->tls, honest->priority), 0);
	if (f->shows_nothing)
		assert_int_equal(gnutls_certificate_allocate_credentials(&f->credentials), 0);
	assert_int_equal(gnutls_credentials_set(f->tls, GNUTLS_CRD_CERTIFICATE,
				 f->credentials ? f->credentials : honest->credentials),
		0);
	if (f->alpn)
		assert_int_equal(gnutls_alpn_set_protocols(f->tls, &name, 1, 0), 0);
	if (f->hello_bytes)
		assert_int_equal(gnutls_session_ext_register(f->tls, "long", LONG_EXTENSION,
					 GNUTLS_EXT_TLS, recv_long, send_long, NULL, NULL, NULL,
					 GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO),
			0);
	if (f->ticket)
		assert_int_equal(gnutls_session_set_data(
					 f->tls, f->ticket->session.data, f->ticket->session.size),
			0);
	if (f->side == QUIC_D) {
		assert_int_equal(ngtcp2_crypto_gnutls_configure_client_session(f->tls), 0);
		return;
	}
	gnutls_certificate_server_set_request(f->tls, GNUTLS_CERT_REQUEST);
	if (f->sends_tickets)
		set_tickets(f);
	assert_int_equal(ngtcp2_crypto_gnutls_configure_server_session(f->tls), 0);
}

static void set_path(const struct quic_foreign *f, ngtcp2_path_storage *along)
{
	struct datagram_path path = {f->p->side[f->side].addr, f->p->side[1 - f->side].addr};

	quic_path_set(along, &path);
}

static void start(struct quic_foreign *f, const ngtcp2_pkt_hd *first)
{
	ngtcp2_cid own = {.datalen = 8}, theirs = {.datalen = 8};
	ngtcp2_transport_params params;
	ngtcp2_path_storage along;
	ngtcp2_settings settings;
	int failed;

	set_tls(f);
	set_path(f, &along);
	rng_fill(&f->rng.rng, own.data, own.datalen);
	rng_fill(&f->rng.rng, theirs.data, theirs.datalen);
	ngtcp2_settings_default(&settings);
	settings.initial_ts = (ngtcp2_tstamp)f->p->now.ns;
	settings.rand_ctx.native_handle = &f->rng.rng;
	settings.ack_thresh = 1;
	settings.no_pmtud = 1;
	settings.token = f->token;
	settings.tokenlen = f->token_len;
	ngtcp2_transport_params_default(&params);
	params.initial_max_stream_data_bidi_local = 256 * 1024;
	params.initial_max_stream_data_bidi_remote = 256 * 1024;
	params.initial_max_data = 1024 * 1024;
	params.initial_max_streams_bidi = 100;
	params.max_idle_timeout = f->idle;
	params.disable_active_migration = f->forbids_moves;
	if (first) {
		params.original_dcid = first->dcid;
		params.original_dcid_present = 1;
		failed = ngtcp2_conn_server_new(&f->wire, &first->scid, &own, &along.path,
			NGTCP2_PROTO_VER_V1, &callbacks, &settings, &params, NULL, f);
	} else {
		failed = ngtcp2_conn_client_new(&f->wire, &theirs, &own, &along.path,
			NGTCP2_PROTO_VER_V1, &callbacks, &settings, &params, NULL, f);
	}
	assert_int_equal(failed, 0);
	ngtcp2_conn_set_tls_native_handle(f->wire, f->tls);
	if (f->ticket)
		assert_int_equal(ngtcp2_conn_decode_and_set_0rtt_transport_params(f->wire,
					 f->ticket->params, f->ticket->params_len),
			0);
}

/* ---- Talking ---- */

static void note_close(struct quic_foreign *f)
{
	const ngtcp2_ccerr *theirs = ngtcp2_conn_get_ccerr(f->wire);

	f->is_closed = true;
	f->heard_code = theirs->error_code;
	f->heard_is_app = theirs->type == NGTCP2_CCERR_TYPE_APPLICATION;
}

static ngtcp2_ssize write_packet(struct quic_foreign *f, uint8_t *to, size_t room, int64_t stream,
	struct bytes data, bool with_end)
{
	ngtcp2_vec piece = {(uint8_t *)(uintptr_t)data.at, data.len};
	ngtcp2_path_storage along;
	ngtcp2_pkt_info info;
	ngtcp2_ssize n;

	ngtcp2_path_storage_zero(&along);
	speaking = f;
	n = ngtcp2_conn_writev_stream(f->wire, &along.path, &info, to, room, &f->taken,
		with_end ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0, stream, &piece, stream >= 0,
		(ngtcp2_tstamp)f->p->now.ns);
	speaking = NULL;
	/* Nothing is paced: ngtcp2 is not told that it was sent. */
	return n;
}

void quic_foreign_flush(struct quic_foreign *f)
{
	uint8_t packets[4][1500];
	size_t len[4], count = 0;

	if (!f->wire || f->is_closed || f->liberr)
		return;
	for (;;) {
		ngtcp2_ssize n = write_packet(
			f, packets[count], sizeof(packets[0]), -1, BYTES_NONE, false);

		if (n <= 0)
			break;
		if (!f->swaps_hello || f->is_shaken) {
			quic_pair_throw(f->p, f->side, bytes_of(packets[0], (size_t)n));
			continue;
		}
		len[count++] = (size_t)n;
		assert_true(count < 4);
	}
	while (count-- > 0)
		quic_pair_throw(f->p, f->side, bytes_of(packets[count], len[count]));
}

static void on_datagram(struct quic_pair *p, int side, const struct datagram *in, void *arg)
{
	struct quic_foreign *f = arg;
	ngtcp2_path_storage along;
	ngtcp2_pkt_info info = {0};
	ngtcp2_pkt_hd first;
	int liberr;

	(void)side;
	if (!f->wire) {
		if (ngtcp2_accept(&first, in->data.at, in->data.len))
			return;
		start(f, &first);
	}
	if (f->is_closed || f->liberr || f->is_deaf)
		return;
	set_path(f, &along);
	liberr = ngtcp2_conn_read_pkt(f->wire, &along.path, &info, in->data.at, in->data.len,
		(ngtcp2_tstamp)p->now.ns);
	if (liberr == NGTCP2_ERR_DRAINING)
		note_close(f);
	else if (liberr)
		f->liberr = liberr;
	quic_foreign_flush(f);
}

void quic_foreign_init(struct quic_foreign *f, struct quic_pair *p, int side)
{
	*f = (struct quic_foreign){
		.p = p, .side = side, .alpn = "libp2p", .idle = 30 * NGTCP2_SECONDS, .stream = -1};
	rng_seed(&f->rng, 1000 + (uint64_t)side);
	p->side[side].stranger = on_datagram;
	p->side[side].stranger_arg = f;
}

void quic_foreign_deinit(struct quic_foreign *f)
{
	if (f->wire)
		ngtcp2_conn_del(f->wire);
	if (f->tls)
		gnutls_deinit(f->tls);
	if (f->credentials)
		gnutls_certificate_free_credentials(f->credentials);
	f->p->side[f->side].stranger = NULL;
}

void quic_foreign_show(struct quic_foreign *f, struct bytes der, gnutls_privkey_t key)
{
	gnutls_datum_t raw = {(unsigned char *)(uintptr_t)der.at, (unsigned)der.len};
	gnutls_x509_privkey_t inner;
	gnutls_privkey_t copy;

	assert_int_equal(gnutls_certificate_allocate_credentials(&f->credentials), 0);
	gnutls_certificate_set_flags(f->credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
	assert_int_equal(
		gnutls_pcert_import_x509_raw(&f->chain, &raw, GNUTLS_X509_FMT_DER, 0), 0);
	assert_int_equal(gnutls_privkey_export_x509(key, &inner), 0);
	assert_int_equal(gnutls_privkey_init(&copy), 0);
	assert_int_equal(
		gnutls_privkey_import_x509(copy, inner, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE), 0);
	/* Takes the chain and the key. */
	assert_int_equal(
		gnutls_certificate_set_key(f->credentials, NULL, 0, &f->chain, 1, copy), 0);
}

void quic_foreign_begin(struct quic_foreign *f)
{
	if (f->side == QUIC_L)
		return;
	start(f, NULL);
	if (f->early.len)
		(void)quic_foreign_write(f, f->early, false);
	quic_foreign_flush(f);
}

void quic_foreign_ticket(struct quic_foreign *f, struct quic_ticket *ret)
{
	ngtcp2_ssize n;

	assert_true(gnutls_session_get_flags(f->tls) & GNUTLS_SFLAGS_SESSION_TICKET);
	assert_int_equal(gnutls_session_get_data2(f->tls, &ret->session), 0);
	n = ngtcp2_conn_encode_0rtt_transport_params(f->wire, ret->params, sizeof(ret->params));
	assert_true(n > 0);
	ret->params_len = (size_t)n;
}

int64_t quic_foreign_write(struct quic_foreign *f, struct bytes data, bool with_end)
{
	uint8_t packet[1500];
	ngtcp2_ssize n;
	int64_t id;

	assert_int_equal(ngtcp2_conn_open_bidi_stream(f->wire, &id, NULL), 0);
	do { /* a first packet may have no room for it */
		n = write_packet(f, packet, sizeof(packet), id, data, with_end);
		assert_true(n > 0);
		quic_pair_throw(f->p, f->side, bytes_of(packet, (size_t)n));
	} while (f->taken < 0);
	return id;
}

void quic_foreign_say(struct quic_foreign *f, struct bytes frames)
{
	static const uint8_t ride[RIDE_BYTES];
	uint8_t packet[1500];
	ngtcp2_ssize n;

	assert_true(frames.len > 0 && frames.len <= 1100);
	if (f->stream < 0 || f->ridden > RIDES_MAX) {
		assert_int_equal(ngtcp2_conn_open_bidi_stream(f->wire, &f->stream, NULL), 0);
		f->ridden = 0;
	}
	f->frames = frames;
	n = write_packet(f, packet, sizeof(packet), f->stream, bytes_of(ride, sizeof(ride)), false);
	assert_true(n > 0);
	assert_int_equal(f->frames.len, 0);
	f->ridden += sizeof(ride);
	quic_pair_throw(f->p, f->side, bytes_of(packet, (size_t)n));
}

void quic_number(struct buf *out, uint64_t v)
{
	unsigned bits = v < 1 << 6 ? 0 : v < 1 << 14 ? 1 : v < 1 << 30 ? 2 : 3;
	unsigned len = 1u << bits;

	for (unsigned i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)(v >> (8 * (len - 1 - i)));

		assert_ok(buf_put_u8(out, i == 0 ? (uint8_t)(byte | bits << 6) : byte));
	}
}
