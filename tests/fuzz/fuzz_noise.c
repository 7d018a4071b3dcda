/* SPDX-License-Identifier: Apache-2.0 */
/* Noise fed with anything. The first byte chooses where the input stands:
 *
 *   0  raw messages to a listener        1  raw messages to a dialer
 *   2  the payload of an otherwise honest second message (its proof of identity)
 *   3  the payload alone, against the static key that the good seed signs
 *   4  bodies of transport messages after an honest handshake
 *
 * Nobody may become proven by chance, and a session that failed stays dead and silent. */
#include <sodium.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/noise/noise.h"

#define CHECK(claim)                                                                               \
	do {                                                                                       \
		if (!(claim))                                                                      \
			abort();                                                                   \
	} while (0)

static struct noise_static own[2]; /* made once: key pairs cost more than the rest */
static struct peer_id ids[2];
static bool is_ready;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Gives bytes that count up: the static keys of the vectors. */
struct rng_counting {
	struct rng rng;
	uint8_t next;
};

static void count_up(struct rng *r, void *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = ((struct rng_counting *)r)->next++;
}

static void prepare(void)
{
	if (is_ready)
		return;
	CHECK(sodium_init() >= 0);
	for (int i = 0; i < 2; i++) {
		struct rng_counting counting = {{count_up}, (uint8_t)(1 + 0x40 * i)};
		uint8_t seed[32];
		struct key_pair k;

		/* The identities A and B of the vectors, so that their proofs are seeds that hold. */
		memset(seed, i + 1, sizeof(seed));
		key_from_seed(seed, &k);
		key_pair_peer_id(&k, &ids[i]);
		noise_static_init(&own[i], &k, &counting.rng);
	}
	is_ready = true;
}

static void start(struct noise *n, bool initiator, struct rng *rng)
{
	noise_init(n, &(struct noise_opts){.initiator = initiator, .own = &own[!initiator], .rng = rng});
}

/* Hands over what stands at the front as messages do; the first error. */
static int feed(struct noise *n, struct bytes in, struct buf *out)
{
	int err = 0;

	while (!err && !noise_is_ready(n)) {
		size_t len, before = out->len;

		err = noise_message_len(n, in, &len);
		if (err || in.len < len || len == NOISE_LENGTH_BYTES)
			break;
		CHECK(len <= NOISE_LENGTH_BYTES + NOISE_HANDSHAKE_BYTES_MAX);
		err = noise_handshake(n, bytes_from(bytes_head(in, len), NOISE_LENGTH_BYTES), out);
		CHECK(!err || out->len == before);
		in = bytes_from(in, len);
	}
	if (err) {
		size_t len;

		CHECK(n->why);
		CHECK(!noise_is_ready(n));
		CHECK(noise_message_len(n, in, &len) == P2P_ERR_CLOSED);
	}
	return err;
}

static void raw(struct bytes in, bool initiator, struct rng *rng)
{
	struct buf out = BUF_INIT;
	struct noise n;

	start(&n, initiator, rng);
	if (initiator)
		CHECK(noise_begin(&n, &out) == 0);
	(void)feed(&n, in, &out);
	/* Nobody guesses a proof. */
	CHECK(!noise_is_ready(&n));
	noise_deinit(&n);
	buf_deinit(&out);
}

/* A responder that does everything right but the proof. */
static void odd_payload(struct bytes payload, struct rng *rng)
{
	uint8_t plain[NOISE_HANDSHAKE_BYTES_MAX];
	struct buf one = BUF_INIT, two = BUF_INIT, three = BUF_INIT;
	struct noise_xx responder;
	struct noise n;
	size_t len;

	if (payload.len > NOISE_HANDSHAKE_BYTES_MAX - 96)
		return;
	start(&n, true, rng);
	CHECK(noise_begin(&n, &one) == 0);
	noise_xx_init(&responder, false, BYTES_NONE, own[1].secret, own[1].public);
	CHECK(noise_xx_read(&responder, bytes_from(buf_bytes(&one), 2), plain, &len) == 0);
	CHECK(buf_put_u16be(&two, (uint16_t)(96 + payload.len)) == 0);
	CHECK(noise_xx_write(&responder, rng, payload, &two) == 0);
	if (feed(&n, buf_bytes(&two), &three) == 0)
		CHECK(peer_id_eq(&n.proof.peer, &ids[1]));
	else
		CHECK(three.len == 0);
	noise_deinit(&n);
	noise_xx_deinit(&responder);
	buf_deinit(&one);
	buf_deinit(&two);
	buf_deinit(&three);
}

static void payload_alone(struct bytes payload)
{
	struct noise_proof proof;
	const char *why = NULL;

	if (noise_payload_verify(payload, own[0].public, &proof, &why) == 0)
		CHECK(peer_id_eq(&proof.peer, &ids[0]));
	else
		CHECK(why);
}

static void transport(struct bytes in, struct rng *rng)
{
	static uint8_t plain[NOISE_BODY_BYTES_MAX];
	struct buf one = BUF_INIT, two = BUF_INIT, three = BUF_INIT, four = BUF_INIT;
	struct noise d, l;
	size_t len, got;

	start(&d, true, rng);
	start(&l, false, rng);
	CHECK(noise_begin(&d, &one) == 0);
	CHECK(feed(&l, buf_bytes(&one), &two) == 0);
	CHECK(feed(&d, buf_bytes(&two), &three) == 0);
	CHECK(feed(&l, buf_bytes(&three), &four) == 0);
	CHECK(noise_is_ready(&d) && noise_is_ready(&l));
	if (noise_message_len(&l, in, &len) == 0 && len > NOISE_LENGTH_BYTES && len <= in.len)
		CHECK(noise_open(&l, bytes_from(bytes_head(in, len), 2), plain, &got) ==
			P2P_ERR_CRYPTO);
	noise_deinit(&d);
	noise_deinit(&l);
	buf_deinit(&one);
	buf_deinit(&two);
	buf_deinit(&three);
	buf_deinit(&four);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_from(bytes_of(data, size), 1);
	struct rng_seeded seeded;

	prepare();
	if (size < 1)
		return 0;
	rng_seed(&seeded, 2);
	switch (data[0] % 5) {
	case 0:
		raw(in, false, &seeded.rng);
		break;
	case 1:
		raw(in, true, &seeded.rng);
		break;
	case 2:
		odd_payload(in, &seeded.rng);
		break;
	case 3:
		payload_alone(in);
		break;
	default:
		transport(in, &seeded.rng);
		break;
	}
	return 0;
}
