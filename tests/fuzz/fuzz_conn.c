/* SPDX-License-Identifier: Apache-2.0 */
/* A conn that is fed with anything while its owner does anything.
 *
 * The first byte chooses who is fed with what, see enum mode: raw bytes from the start, raw bytes once
 * TLS is agreed or has shaken hands, or what an honest peer seals (frames of the muxer, whole or in
 * pieces), which is the choice for all other values. The rest is a list of steps, each one byte:
 *
 *   0..199    that many bytes of the input arrive (sealed as one message, or raw)
 *   200..     the owner or the clock does something, see step() */
#include <sodium.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/conn/conn.h"
#include "proto/noise/noise.h"
#include "proto/tls/session.h"

#define CHECK(claim)                                                                               \
	do {                                                                                       \
		if (!(claim))                                                                      \
			abort();                                                                   \
	} while (0)

static const char *const protocols[] = {"/test/echo/1.0.0", "/b"};
static const struct conn_grant grants[2] = {
	{protocols, 1, 4, 2, 2, 8192, 262144},
	{protocols, 2, 16, 8, 8, 65536, 1048576},
};

enum mode {
	RAW_LISTENER = 0,
	RAW_DIALER = 1,
	TLS_HELLO = 250,    /* a listener that has agreed on TLS */
	TLS_ANSWER = 251,   /* a dialer that has */
	TLS_SEALED = 252,   /* a listener, with a peer that seals by TLS */
	TLS_RECORDS = 253,  /* the same, but records of anything come behind the handshake */
};

#define WALL          ((wall_t){1800000000, 0})
#define PROPOSE_NOISE "\x13/multistream/1.0.0\n\x07/noise\n"
#define PROPOSE_TLS   "\x13/multistream/1.0.0\n\x0b/tls/1.0.0\n"

static struct noise_static own[2]; /* made once: key pairs cost more than the rest */
static struct tls_identity own_tls[2];
static struct key_pair identities[2];
static uint8_t identity_pbs[2][KEY_PUBLIC_PB_BYTES];
static bool is_ready;

struct run {
	struct rng_seeded seeded;
	struct conn *conn;
	struct conn_scratch scratch;
	struct noise noise; /* the peer's end; ready when it seals */
	struct tls tls;
	uint8_t mode;
	bool is_honest;     /* the peer has shaken hands */
	mono_t now;
	bool is_closed;
	uint32_t last_stream;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prepare(void)
{
	struct rng_seeded seeded;

	if (is_ready)
		return;
	CHECK(sodium_init() >= 0);
	CHECK(tls_global_init() == 0);
	rng_seed(&seeded, 1);
	for (int i = 0; i < 2; i++) {
		struct key_public k;

		key_generate(&seeded.rng, &identities[i]);
		key_public_of(&identities[i], &k);
		key_public_pb(&k, identity_pbs[i]);
		noise_static_init(&own[i], &identities[i], &seeded.rng);
		CHECK(tls_identity_init(
			      &own_tls[i], &identities[i], &seeded.rng, WALL, TLS_AES_FIRST) == 0);
	}
	is_ready = true;
}

static void on_event(struct run *r, const struct conn_event *ev)
{
	CHECK(!r->is_closed);
	switch (ev->kind) {
	case CONN_PROVEN:
		CHECK(r->is_honest); /* nobody guesses a proof */
		conn_admit(r->conn, &grants[0], r->now);
		break;
	case CONN_STREAM_IN:
		CHECK(ev->protocol == protocols[0] || ev->protocol == protocols[1]);
		r->last_stream = ev->stream;
		break;
	case CONN_STREAM_DATA:
		CHECK(ev->data.len > 0);
		(void)conn_write(r->conn, ev->stream, ev->data);
		break;
	case CONN_STREAM_END:
		if (ev->stream % 4 == 1)
			conn_end_stream(r->conn, ev->stream);
		break;
	case CONN_STREAM_AGREED:
	case CONN_STREAM_REFUSED:
	case CONN_STREAM_RESET:
	case CONN_STREAM_ROOM:
	case CONN_PONG:
		break;
	case CONN_CLOSED:
		CHECK(ev->why && *ev->why && ev->err < 0);
		r->is_closed = true;
		break;
	}
}

static void check_info(const struct run *r)
{
	struct conn_info info;

	conn_info(r->conn, &info);
	CHECK(info.memory <= 1024 * 1024);
	CHECK(info.peer.len || info.memory <= 96 * 1024); /* */
	CHECK(info.streams_in <= 16 && info.streams_out <= CONN_STREAMS_OUT_MAX);
	if (r->is_closed)
		CHECK(info.streams_in == 0 && info.streams_out == 0 && info.memory <= 32768);
}

static void read_events(struct run *r)
{
	struct conn_event ev;

	while (conn_next(r->conn, &ev))
		on_event(r, &ev);
	CHECK(r->scratch.user == NULL);
	check_info(r);
}

static void arrive(struct run *r, struct bytes in)
{
	uint8_t room[TLS_SEALED_BYTES_MAX(256)];
	struct buf sealed = {.data = room, .cap = sizeof(room), .max = sizeof(room)};

	if (r->is_honest && r->mode == TLS_SEALED && in.len) {
		CHECK(tls_seal(&r->tls, in, &sealed) == 0);
		in = buf_bytes(&sealed);
	} else if (r->is_honest && r->mode != TLS_RECORDS && in.len) {
		memcpy(room + NOISE_LENGTH_BYTES, in.at, in.len);
		CHECK(noise_seal(&r->noise, room, in.len) == 0);
		in = bytes_of(room, NOISE_LENGTH_BYTES + in.len + NOISE_TAG_BYTES);
	}
	(void)conn_recv(r->conn, in, r->now); /* CONN_CLOSED tells */
	read_events(r);
}

static void carry_away(struct run *r, size_t budget)
{
	struct buf out = BUF_INIT;

	conn_send(r->conn, &out, budget, r->now);
	CHECK(out.len <= budget + 8192);
	buf_deinit(&out);
	read_events(r);
}

static void step(struct run *r, uint8_t what)
{
	uint32_t stream;

	switch (what) {
	case 200:
		carry_away(r, 1 << 20);
		return;
	case 201:
		carry_away(r, 100);
		return;
	case 202:
		if (conn_open_stream(r->conn, protocols[0], r->now, &stream) == 0)
			r->last_stream = stream;
		return;
	case 203:
		(void)conn_write(r->conn, r->last_stream, BYTES_LIT("some words of the owner"));
		return;
	case 204:
		conn_end_stream(r->conn, r->last_stream);
		return;
	case 205:
		conn_reset_stream(r->conn, r->last_stream);
		return;
	case 206:
		conn_ping(r->conn, r->now);
		return;
	case 207:
		conn_close(r->conn, "shutdown", r->now);
		return;
	case 208:
		conn_eof(r->conn, P2P_ERR_CLOSED);
		return;
	case 209:
		conn_abort(r->conn, P2P_ERR_BUSY, "because");
		return;
	case 210: {
		struct conn_info info;

		conn_info(r->conn, &info);
		if (info.peer.len)
			conn_admit(r->conn, &grants[1], r->now);
		return;
	}
	default:
		r->now = mono_add_ms(r->now, (what - 210) * 100);
		conn_tick(r->conn, r->now);
		return;
	}
}

static int begin(struct run *r, struct buf *out)
{
	if (r->mode == TLS_SEALED || r->mode == TLS_RECORDS) {
		tls_init(&r->tls, &(struct tls_opts){
					  .initiator = true, .own = &own_tls[1], .now = WALL});
		CHECK(buf_put(out, BYTES_LIT(PROPOSE_TLS)) == 0);
		return tls_begin(&r->tls, out);
	}
	noise_init(&r->noise,
		&(struct noise_opts){.initiator = true, .own = &own[1], .rng = &r->seeded.rng});
	CHECK(buf_put(out, BYTES_LIT(PROPOSE_NOISE)) == 0);
	return noise_begin(&r->noise, out);
}

static void hear_tls(struct run *r, struct bytes in, struct buf *out)
{
	size_t len;

	for (in = bytes_from(in, sizeof(PROPOSE_TLS) - 1); in.len; in = bytes_from(in, len)) {
		CHECK(tls_message_len(&r->tls, in, &len) == 0 && len <= in.len);
		CHECK(tls_handshake(&r->tls, bytes_head(in, len), out) == 0);
	}
}

static void hear_noise(struct run *r, struct bytes in, struct buf *out)
{
	in = bytes_from(in, sizeof(PROPOSE_NOISE) - 1 + NOISE_LENGTH_BYTES);
	CHECK(noise_handshake(&r->noise, in, out) == 0);
}

/* An honest dialer up to its last handshake message. */
static void shake_hands(struct run *r)
{
	struct buf said = BUF_INIT, answer = BUF_INIT;

	CHECK(begin(r, &said) == 0);
	CHECK(conn_recv(r->conn, buf_bytes(&said), r->now) == 0);
	conn_send(r->conn, &answer, 1 << 20, r->now);
	buf_reset(&said);
	if (r->mode == TLS_SEALED || r->mode == TLS_RECORDS)
		hear_tls(r, buf_bytes(&answer), &said);
	else
		hear_noise(r, buf_bytes(&answer), &said);
	CHECK(conn_recv(r->conn, buf_bytes(&said), r->now) == 0);
	r->is_honest = true;
	read_events(r);
	buf_deinit(&said);
	buf_deinit(&answer);
}

/* Whatever comes first and is the same for each input of a mode. */
static void begin_run(struct run *r)
{
	switch (r->mode) {
	case RAW_LISTENER:
	case RAW_DIALER: return;
	case TLS_HELLO:
	case TLS_ANSWER:
		CHECK(conn_recv(r->conn, BYTES_LIT(PROPOSE_TLS), r->now) == 0);
		return;
	default: shake_hands(r);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = {.now = {NS_PER_SEC}};
	struct bytes in = bytes_from(bytes_of(data, size), 1);
	struct conn_opts opts = {.side = CONN_LISTENER, .identity = &identities[0],
		.identity_pb = identity_pbs[0], .noise = &own[0], .tls = &own_tls[0],
		.securities = {CONN_NOISE, CONN_TLS}, .security_count = 2, .wall = WALL,
		.rng = &r.seeded.rng, .scratch = &r.scratch, .now = r.now};

	prepare();
	if (size < 1)
		return 0;
	rng_seed(&r.seeded, 3);
	r.mode = data[0];
	if (r.mode == RAW_DIALER || r.mode == TLS_ANSWER)
		opts.side = CONN_DIALER;
	if (r.mode == TLS_ANSWER)
		opts.securities[0] = CONN_TLS;
	r.conn = conn_new(&opts);
	begin_run(&r);
	while (in.len) {
		uint8_t what = in.at[0];

		in = bytes_from(in, 1);
		if (what < 200) {
			arrive(&r, bytes_head(in, what));
			in = bytes_from(in, what);
		} else {
			step(&r, what);
			read_events(&r);
		}
	}
	carry_away(&r, 1 << 20);
	conn_eof(r.conn, P2P_ERR_CLOSED);
	read_events(&r);
	CHECK(r.is_closed);
	CHECK(mono_is_never(conn_deadline(r.conn)));
	conn_free(r.conn);
	noise_deinit(&r.noise);
	tls_deinit(&r.tls);
	buf_deinit(&r.scratch.plain);
	return 0;
}
