/* SPDX-License-Identifier: Apache-2.0 */
/* QUIC fed with anything. The first byte chooses what the rest is, cut by a length of two bytes in
 * front of each part:
 *
 *   0  datagrams of strangers to an endpoint that accepts whoever knocks
 *   1  datagrams to a proven connection of ours, with its name put where it belongs
 *   2  frames that a proven peer says, one packet each, and the answers to them
 *
 * Nobody becomes proven by chance, the books of a connection balance, and what was said to be over
 * stays over. */
#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/quic/conn.h"
#include "proto/quic/path.h"
#include "proto/tls/tls.h"

#define CHECK(claim)                                                                               \
	do {                                                                                       \
		if (!(claim))                                                                      \
			abort();                                                                   \
	} while (0)

#define WALL       ((wall_t){1800000000, 0})
#define PARTS_MAX  64
#define RIDE_BYTES 1130

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rng_seeded rng;
static struct key_pair identity[2];
static struct tls_identity tls[2];
static bool is_ready;

static const struct datagram_path from_us = {{4, {10, 0, 0, 1}, 1}, {4, {10, 0, 0, 2}, 2}};
static const struct datagram_path from_them = {{4, {10, 0, 0, 2}, 2}, {4, {10, 0, 0, 1}, 1}};

static void prepare(void)
{
	if (is_ready)
		return;
	CHECK(sodium_init() >= 0);
	CHECK(tls_global_init() == 0);
	rng_seed(&rng, 1);
	for (int i = 0; i < 2; i++) {
		key_generate(&rng.rng, &identity[i]);
		CHECK(tls_identity_init(&tls[i], &identity[i], &rng.rng, WALL, TLS_AES_FIRST) == 0);
	}
	is_ready = true;
}

/* ---- Our side ---- */

struct us {
	struct quic_endpoint *ep;
	struct quic_conn *conn;
	mono_t now;
	bool is_proven, is_closed;
	struct buf out;
};

static void us_init(struct us *u, int who)
{
	struct quic_endpoint_opts opts = {&tls[who], &identity[who], &rng.rng};

	*u = (struct us){.now = {NS_PER_SEC}};
	u->ep = quic_endpoint_new(&opts);
}

static void us_deinit(struct us *u)
{
	quic_free(u->conn);
	quic_endpoint_free(u->ep);
	buf_deinit(&u->out);
}

static void check_books(const struct us *u)
{
	const struct quic_conn *q = u->conn;
	uint64_t queued = 0, unsent = 0, unread = 0;
	uint32_t count = 0;

	for (size_t i = 0; q->buckets && i < QUIC_STREAM_BUCKETS; i++) {
		for (const struct quic_stream *s = q->buckets[i]; s; s = s->next) {
			queued += s->tx.queued;
			unsent += s->tx.unsent_bytes;
			unread += yamux_fifo_len(&s->rx);
			count++;
		}
	}
	CHECK(q->queued_bytes == queued && q->unsent_bytes == unsent && q->unread_bytes == unread);
	CHECK(q->stream_count == count && q->inbound + q->outbound <= count);
	CHECK(q->inbound <= q->limits.inbound_max && q->outbound <= q->limits.outbound_max);
}

static void on_event(struct us *u, const struct quic_event *ev)
{
	const struct quic_limits limits = {8, 8, 65536, 65536, 1024 * 1024, 20};

	CHECK(!u->is_closed);
	switch (ev->kind) {
	case QUIC_PROVEN:
		u->is_proven = true;
		quic_set_limits(u->conn, &limits);
		break;
	case QUIC_DATA:
		CHECK(ev->data.len > 0);
		(void)quic_write(u->conn, ev->stream, ev->data);
		CHECK(quic_consumed(u->conn, ev->stream, (ev->data.len + 1) / 2) == 0);
		break;
	case QUIC_FIN: (void)quic_finish(u->conn, ev->stream); break;
	case QUIC_CLOSED:
		CHECK(ev->why);
		u->is_closed = true;
		break;
	case QUIC_OPENED:
	case QUIC_RESET:
	case QUIC_WRITABLE:
	case QUIC_PONG: break;
	}
}

static void read_events(struct us *u)
{
	struct quic_event ev;

	while (quic_next(u->conn, &ev))
		on_event(u, &ev);
	check_books(u);
	CHECK(!u->is_closed || quic_deadline(u->conn).ns == INT64_MAX);
}

/* What came, and what we have to say to it, into `u->out`; false when nothing more will. */
static void hear(struct us *u, struct bytes data, const struct datagram_path *path)
{
	struct datagram in = {*path, ECN_NONE, data};
	struct quic_opts opts = {.wall = WALL};
	struct datagram_train train;
	struct quic_found found;

	buf_reset(&u->out);
	switch (quic_sort(u->ep, &in, u->now, &found, &u->out, &train)) {
	case QUIC_FOR_CONN: (void)quic_recv(found.conn, &in, u->now); break;
	case QUIC_KNOCK:
		if (!u->conn)
			(void)quic_accept(u->ep, &in, &opts, u->now, &u->out, &train, &u->conn);
		break;
	case QUIC_ANSWERED: CHECK(u->out.len <= 3 * data.len); break;
	case QUIC_IGNORED: CHECK(u->out.len == 0); break;
	}
	if (u->conn)
		read_events(u);
}

/* ---- A peer that says what it likes ---- */

struct foreign {
	ngtcp2_conn *wire;
	gnutls_session_t session;
	ngtcp2_crypto_conn_ref ref;
	int64_t stream;
	bool is_over;
};

static struct bytes chosen; /* frames for the next packet */

static int on_encrypt(uint8_t *to, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
	const uint8_t *plain, size_t plain_len, const uint8_t *nonce, size_t nonce_len,
	const uint8_t *head, size_t head_len)
{
	uint8_t other[2000] = {0};

	if (chosen.len && !(head[0] & 0x80) && chosen.len <= plain_len) {
		memcpy(other, chosen.at, chosen.len);
		chosen = BYTES_NONE;
		plain = other;
	}
	return ngtcp2_crypto_encrypt_cb(
		to, aead, key, plain, plain_len, nonce, nonce_len, head, head_len);
}

static ngtcp2_conn *wire_of(ngtcp2_crypto_conn_ref *ref)
{
	return ((struct foreign *)ref->user_data)->wire;
}

static void on_random(uint8_t *to, size_t len, const ngtcp2_rand_ctx *from)
{
	(void)from;
	rng_fill(&rng.rng, to, len);
}

static int on_new_cid(ngtcp2_conn *wire, ngtcp2_cid *cid, uint8_t *token, size_t len, void *arg)
{
	(void)wire;
	(void)arg;
	rng_fill(&rng.rng, cid->data, len);
	cid->datalen = len;
	rng_fill(&rng.rng, token, NGTCP2_STATELESS_RESET_TOKENLEN);
	return 0;
}

static void foreign_init(struct foreign *f, mono_t now)
{
	const ngtcp2_callbacks callbacks = {
		.client_initial = ngtcp2_crypto_client_initial_cb,
		.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
		.encrypt = on_encrypt,
		.decrypt = ngtcp2_crypto_decrypt_cb,
		.hp_mask = ngtcp2_crypto_hp_mask_cb,
		.recv_retry = ngtcp2_crypto_recv_retry_cb,
		.rand = on_random,
		.get_new_connection_id = on_new_cid,
		.update_key = ngtcp2_crypto_update_key_cb,
		.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
		.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
		.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
		.version_negotiation = ngtcp2_crypto_version_negotiation_cb,
	};
	const gnutls_datum_t libp2p = {(unsigned char *)"libp2p", 6};
	ngtcp2_cid own = {.datalen = 8}, theirs = {.datalen = 8};
	ngtcp2_transport_params params;
	ngtcp2_path_storage along;
	ngtcp2_settings settings;

	*f = (struct foreign){.stream = -1};
	f->ref = (ngtcp2_crypto_conn_ref){wire_of, f};
	CHECK(gnutls_init(&f->session, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT | GNUTLS_NO_TICKETS) ==
		0);
	gnutls_session_set_ptr(f->session, &f->ref);
	CHECK(gnutls_priority_set(f->session, tls[0].priority) == 0);
	CHECK(gnutls_credentials_set(f->session, GNUTLS_CRD_CERTIFICATE, tls[0].credentials) == 0);
	CHECK(gnutls_alpn_set_protocols(f->session, &libp2p, 1, 0) == 0);
	CHECK(ngtcp2_crypto_gnutls_configure_client_session(f->session) == 0);
	ngtcp2_settings_default(&settings);
	settings.initial_ts = (ngtcp2_tstamp)now.ns;
	settings.no_pmtud = 1;
	ngtcp2_transport_params_default(&params);
	params.initial_max_stream_data_bidi_local = 65536;
	params.initial_max_stream_data_bidi_remote = 65536;
	params.initial_max_data = 1 << 20;
	params.initial_max_streams_bidi = 16;
	rng_fill(&rng.rng, own.data, 8);
	rng_fill(&rng.rng, theirs.data, 8);
	quic_path_set(&along, &from_us);
	CHECK(ngtcp2_conn_client_new(&f->wire, &theirs, &own, &along.path, NGTCP2_PROTO_VER_V1,
		      &callbacks, &settings, &params, NULL, f) == 0);
	ngtcp2_conn_set_tls_native_handle(f->wire, f->session);
}

static void foreign_deinit(struct foreign *f)
{
	ngtcp2_conn_del(f->wire);
	gnutls_deinit(f->session);
}

static ngtcp2_ssize foreign_write(
	struct foreign *f, mono_t now, uint8_t *to, size_t room, int64_t stream, struct bytes data)
{
	ngtcp2_vec piece = {(uint8_t *)(uintptr_t)data.at, data.len};
	ngtcp2_path_storage along;
	ngtcp2_pkt_info info;

	ngtcp2_path_storage_zero(&along);
	return ngtcp2_conn_writev_stream(f->wire, &along.path, &info, to, room, NULL, 0, stream,
		&piece, stream >= 0, (ngtcp2_tstamp)now.ns);
}

/* All that either has to say, to and fro. */
static void converse(struct foreign *f, struct us *u)
{
	uint8_t packet[1500];

	for (int round = 0; round < 20; round++) {
		struct datagram_train train;
		ngtcp2_ssize n;
		bool moved = false;

		u->now = mono_add_ms(u->now, 5);
		while (!f->is_over &&
			(n = foreign_write(f, u->now, packet, sizeof(packet), -1, BYTES_NONE)) > 0) {
			hear(u, bytes_of(packet, (size_t)n), &from_them);
			moved = true;
		}
		if (u->conn && mono_reached(quic_deadline(u->conn), u->now)) {
			quic_tick(u->conn, u->now);
			read_events(u);
		}
		buf_reset(&u->out);
		while (u->conn && quic_send(u->conn, &u->out, 65000, u->now, &train)) {
			struct bytes left = buf_bytes(&u->out);

			moved = true;
			for (; left.len; left = bytes_from(left, train.segment)) {
				struct bytes one = bytes_head(left, train.segment);
				ngtcp2_path_storage along;
				ngtcp2_pkt_info info = {0};

				quic_path_set(&along, &from_us);
				f->is_over = f->is_over ||
					ngtcp2_conn_read_pkt(f->wire, &along.path, &info, one.at,
						one.len, (ngtcp2_tstamp)u->now.ns);
			}
			buf_reset(&u->out);
			read_events(u);
		}
		if (!moved)
			return;
	}
}

/* ---- What is fed ---- */

static bool next_part(struct bytes *in, struct bytes *ret)
{
	size_t len;

	if (in->len < 2)
		return false;
	len = (size_t)in->at[0] << 8 | in->at[1];
	*in = bytes_from(*in, 2);
	*ret = bytes_head(*in, len);
	*in = bytes_from(*in, ret->len);
	return true;
}

static void strangers(struct bytes in)
{
	struct bytes part;
	struct us u;

	us_init(&u, 1);
	for (int i = 0; i < PARTS_MAX && next_part(&in, &part); i++) {
		u.now = mono_add_ms(u.now, 1);
		hear(&u, part, &from_them);
		CHECK(!u.is_proven);
	}
	us_deinit(&u);
}

static void proven(struct bytes in, bool with_frames)
{
	static const uint8_t ride[RIDE_BYTES];
	struct foreign f;
	struct bytes part;
	struct us u;

	us_init(&u, 1);
	foreign_init(&f, u.now);
	converse(&f, &u);
	CHECK(u.is_proven && !u.is_closed);
	for (int i = 0; i < PARTS_MAX && !u.is_closed && next_part(&in, &part); i++) {
		uint8_t packet[65536];
		ngtcp2_ssize n;

		if (!with_frames) {
			const struct quic_route *r =
				list_entry(u.conn->routes.next, struct quic_route, of_owner);

			memcpy(packet, part.at, part.len);
			if (part.len > 9 && r->kind == QUIC_NAME_CID && r->len == 8)
				memcpy(packet + 1, r->name, 8);
			hear(&u, bytes_of(packet, part.len), &from_them);
			continue;
		}
		if (f.is_over || part.len == 0 || part.len > 1100)
			break;
		if (f.stream < 0 && ngtcp2_conn_open_bidi_stream(f.wire, &f.stream, NULL))
			break;
		chosen = part;
		n = foreign_write(&f, u.now, packet, sizeof(packet), f.stream,
			bytes_of(ride, sizeof(ride)));
		chosen = BYTES_NONE;
		if (n <= 0)
			break;
		hear(&u, bytes_of(packet, (size_t)n), &from_them);
		converse(&f, &u);
	}
	us_deinit(&u);
	foreign_deinit(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);

	prepare();
	if (size < 1)
		return 0;
	if (data[0] % 3 == 0)
		strangers(bytes_from(in, 1));
	else
		proven(bytes_from(in, 1), data[0] % 3 == 2);
	return 0;
}
