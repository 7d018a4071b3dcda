/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/noise/noise.h"

/*   dialer:    start ──► wait_second ──────────────► ready
 *   listener:  wait_first ──► wait_third ──────────► ready       any ──► dead   */
enum state {
	STATE_START,       /* a dialer that has not sent message 1 */
	STATE_WAIT_FIRST,  /* nothing is known; no key has been computed yet */
	STATE_WAIT_SECOND, /* message 1 is on its way */
	STATE_WAIT_THIRD,  /* our identity is shown, the peer's is not */
	STATE_READY,       /* the peer's identity is verified and the keys are split */
	STATE_DEAD,        /* something failed; `why` says what */
};

void noise_init(struct noise *n, const struct noise_opts *opts)
{
	memset(n, 0, sizeof(*n));
	n->opts = *opts;
	n->state = opts->initiator ? STATE_START : STATE_WAIT_FIRST;
	noise_xx_init(&n->xx, opts->initiator, BYTES_NONE, opts->own->secret, opts->own->public);
}

void noise_deinit(struct noise *n)
{
	mem_wipe(n, sizeof(*n));
}

static int die(struct noise *n, int err, const char *why)
{
	n->state = STATE_DEAD;
	n->why = why;
	noise_xx_deinit(&n->xx);
	mem_wipe(&n->tx, sizeof(n->tx));
	mem_wipe(&n->rx, sizeof(n->rx));
	return err;
}

/* Appends our next handshake message, its length first. */
static int put_message(struct noise *n, struct bytes payload, struct buf *out)
{
	size_t at = out->len, body;
	int err = buf_put_u16be(out, 0);

	if (!err)
		err = noise_xx_write(&n->xx, n->opts.rng, payload, out);
	if (err) {
		buf_truncate(out, at);
		return die(n, P2P_ERR_PROTOCOL, "noise_handshake");
	}
	body = out->len - at - NOISE_LENGTH_BYTES;
	out->data[at] = (uint8_t)(body >> 8);
	out->data[at + 1] = (uint8_t)body;
	return 0;
}

static struct bytes own_payload(const struct noise *n)
{
	return bytes_of(n->opts.own->payload, n->opts.own->payload_len);
}

int noise_begin(struct noise *n, struct buf *out)
{
	int err;

	assert(n->state == STATE_START);
	err = put_message(n, BYTES_NONE, out);
	if (!err)
		n->state = STATE_WAIT_SECOND;
	return err;
}

int noise_message_len(struct noise *n, struct bytes in, size_t *ret_len)
{
	size_t body;

	if (n->state == STATE_DEAD)
		return P2P_ERR_CLOSED;
	if (in.len < NOISE_LENGTH_BYTES) {
		*ret_len = NOISE_LENGTH_BYTES;
		return 0;
	}
	body = (size_t)in.at[0] << 8 | in.at[1];
	if (n->state == STATE_READY && body < NOISE_TAG_BYTES)
		return die(n, P2P_ERR_CRYPTO, "noise_decrypt");
	/* The framing would let a stranger pin 64 KiB; no key and signature need so much. */
	if (n->state != STATE_READY && (body < NOISE_KEY_BYTES || body > NOISE_HANDSHAKE_BYTES_MAX))
		return die(n, P2P_ERR_PROTOCOL, "noise_handshake");
	*ret_len = NOISE_LENGTH_BYTES + body;
	return 0;
}

/* The peer's payload says who it is: believed once the signature fits the static key that this
 * very handshake has used, and wanted if it is who was to be found. */
static int judge(struct noise *n, struct bytes payload)
{
	const char *why;
	int err = noise_payload_verify(payload, n->xx.peer_static, &n->proof, &why);

	if (err)
		return die(n, err, why);
	if (!peer_id_is_none(&n->opts.expected) && !peer_id_eq(&n->opts.expected, &n->proof.peer))
		return die(n, P2P_ERR_MISMATCH, "peer_id_mismatch");
	return 0;
}

static void become_ready(struct noise *n)
{
	noise_xx_split(&n->xx, &n->tx, &n->rx);
	noise_xx_deinit(&n->xx);
	n->state = STATE_READY;
}

/* The payload of message 1 is not protected and not used; go and js ignore it too. */
static int after_first(struct noise *n, struct buf *out)
{
	int err = put_message(n, own_payload(n), out);

	if (!err)
		n->state = STATE_WAIT_THIRD;
	return err;
}

static int after_second(struct noise *n, struct bytes payload, struct buf *out)
{
	int err = judge(n, payload);

	if (!err)
		err = put_message(n, own_payload(n), out);
	if (!err)
		become_ready(n);
	return err;
}

static int after_third(struct noise *n, struct bytes payload)
{
	int err = judge(n, payload);

	if (!err)
		become_ready(n);
	return err;
}

int noise_handshake(struct noise *n, struct bytes body, struct buf *out)
{
	uint8_t room[NOISE_HANDSHAKE_BYTES_MAX];
	struct bytes payload = bytes_of(room, 0);
	int err;

	assert(n->state != STATE_START && n->state != STATE_READY);
	if (n->state == STATE_DEAD)
		return P2P_ERR_CLOSED;
	if (body.len > sizeof(room))
		return die(n, P2P_ERR_PROTOCOL, "noise_handshake");
	err = noise_xx_read(&n->xx, body, room, &payload.len);
	if (err)
		return err == P2P_ERR_CRYPTO ? die(n, err, "noise_decrypt")
					     : die(n, P2P_ERR_PROTOCOL, "noise_handshake");
	if (n->state == STATE_WAIT_FIRST)
		return after_first(n, out);
	if (n->state == STATE_WAIT_SECOND)
		return after_second(n, payload, out);
	return after_third(n, payload);
}

bool noise_is_ready(const struct noise *n)
{
	return n->state == STATE_READY;
}

int noise_seal(struct noise *n, uint8_t *at, size_t len)
{
	size_t body = len + NOISE_TAG_BYTES;

	assert(n->state == STATE_READY && len > 0 && len <= NOISE_PLAIN_BYTES_MAX);
	if (noise_cipher_seal(&n->tx, BYTES_NONE, at + NOISE_LENGTH_BYTES, len))
		return die(n, P2P_ERR_CRYPTO, "noise_exhausted");
	at[0] = (uint8_t)(body >> 8);
	at[1] = (uint8_t)body;
	return 0;
}

int noise_open(struct noise *n, struct bytes body, uint8_t *to, size_t *ret_len)
{
	if (n->state != STATE_READY)
		return P2P_ERR_CLOSED;
	if (noise_cipher_open(&n->rx, BYTES_NONE, body, to))
		return die(n, P2P_ERR_CRYPTO, "noise_decrypt");
	if (body.len > NOISE_TAG_BYTES) {
		n->empties = 0;
	} else if (n->empties++ == NOISE_EMPTY_IN_A_ROW_MAX) {
		return die(n, P2P_ERR_PROTOCOL, "noise_empty");
	}
	*ret_len = body.len - NOISE_TAG_BYTES;
	return 0;
}
