/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the packets of a proven peer on their way to ngtcp2, and at ours on their way out: which
 * of them do nothing, whether a ping was answered, whether large ones get through. */
#include "proto/base/err.h"
#include "proto/quic/conn.h"
#include "proto/quic/frames.h"

#define SEEN_PACKETS (QUIC_SEEN_WORDS * 64)
#define TAG_BYTES    16

/* ---- Packet numbers ---- */

/* The full number of a packet, of which the header has the last bytes: the one nearest to what is
 * expected (RFC 9000 appendix A.3). `head` is a whole header, without its protection. */
static int64_t number_of(struct bytes head, int64_t expected)
{
	size_t len = (head.at[0] & 3) + 1u;
	int64_t span = INT64_C(1) << (8 * len), number = 0;

	for (size_t i = head.len - len; i < head.len; i++)
		number = number << 8 | head.at[i];
	number |= expected & ~(span - 1);
	if (number <= expected - span / 2)
		return number + span;
	if (number > expected + span / 2 && number >= span)
		return number - span;
	return number;
}

/* Notes packet `number`; false when it has come before, as far as that is known. */
static bool is_fresh(struct quic_conn *q, int64_t number)
{
	uint64_t bit = UINT64_C(1) << (number % 64);
	uint64_t *word = &q->rx_seen[number / 64 % QUIC_SEEN_WORDS];

	if (number <= q->rx_newest - SEEN_PACKETS)
		return true; /* not known, and no excuse */
	if (number > q->rx_newest) {
		int64_t from = q->rx_newest + 1;

		if (number - from >= SEEN_PACKETS)
			from = number - SEEN_PACKETS + 1;
		for (int64_t i = from; i <= number; i++)
			q->rx_seen[i / 64 % QUIC_SEEN_WORDS] &= ~(UINT64_C(1) << (i % 64));
		q->rx_newest = number;
	}
	if (*word & bit)
		return false;
	*word |= bit;
	return true;
}

/* ---- What arrives ---- */

/* A frame that is there for nothing. */
static const char *idle(struct quic_conn *q)
{
	return quic_churn_idle(&q->churn, q->now) ? NULL : "too many frames that change nothing";
}

static void note_pong(struct quic_conn *q, int64_t acked)
{
	uint8_t done = 0;

	while (done < q->pings_open && q->pings[done] <= acked)
		done++;
	if (!done)
		return;
	q->pings_open = (uint8_t)(q->pings_open - done);
	memmove(q->pings, q->pings + done, q->pings_open * sizeof(q->pings[0]));
	q->pong_noted = true;
}

static const char *see_ack(struct quic_conn *q, struct quic_frame *f)
{
	int64_t newest = (int64_t)f->largest; /* of 62 bits */
	bool is_new = newest > q->acked_newest;

	/* What was never sent ends the connection by ngtcp2. */
	if (newest > q->tx_newest)
		return NULL;
	if (is_new) {
		q->acked_newest = newest;
		note_pong(q, newest);
	}
	do
		quic_mtu_acked(&q->mtu, (int64_t)f->first, (int64_t)f->largest, q->tx_newest);
	while (q->mtu.waiting && (int64_t)f->first > q->mtu.first && quic_frame_range(f));
	return is_new ? NULL : idle(q);
}

static const char *see_stream(struct quic_conn *q, const struct quic_frame *f)
{
	struct quic_stream *s = quic_stream_at(q, (int64_t)f->stream);

	/* A new one is counted when it opens; one that is gone may still be spoken to. */
	if (!s && (f->offset == 0 || f->data.len == 0))
		return f->data.len > 0 ? NULL : idle(q);
	if (!s)
		return ++q->strays > QUIC_GAPS_MAX ? "a stream with too many gaps" : idle(q);
	/* What is beyond the window ends the connection by ngtcp2. */
	if (f->offset > s->received && f->data.len > 0)
		return f->offset - s->received > s->window ||
				quic_gaps_add(&s->gaps, f->offset, f->offset + f->data.len)
			? NULL
			: "a stream with too many gaps";
	if (f->offset + f->data.len > s->received || (f->fin && !s->fin_received))
		return NULL;
	return idle(q);
}

/* ngtcp2 answers it, but does not tell. Noted here, and carried out when it is through with the
 * packet. */
static const char *see_stop(struct quic_conn *q, const struct quic_frame *f)
{
	struct quic_stream *s = quic_stream_at(q, (int64_t)f->stream);

	if (s && !s->is_stopped)
		s->is_stopped = q->stop_seen = true;
	return idle(q);
}

static const char *see_frame(struct quic_conn *q, struct quic_frame *f)
{
	switch ((enum quic_frame_type)f->type) {
	case QUIC_FRAME_ACK:
	case QUIC_FRAME_ACK_ECN: return see_ack(q, f);
	case QUIC_FRAME_STREAM: return see_stream(q, f);
	case QUIC_FRAME_PATH_CHALLENGE:
		quic_alias_challenged(q);
		return quic_churn_challenge(&q->churn, q->now) ? NULL : "too many path challenges";
	case QUIC_FRAME_NEW_CONNECTION_ID:
		return quic_churn_new_cid(&q->churn, q->now) ? NULL : "too many connection ids";
	case QUIC_FRAME_RETIRE_CONNECTION_ID:
		return quic_churn_retired(&q->churn, q->now) ? NULL
							      : "too many connection ids retired";
	case QUIC_FRAME_STOP_SENDING: return see_stop(q, f);
	case QUIC_FRAME_PING:
	case QUIC_FRAME_RESET_STREAM:
	case QUIC_FRAME_NEW_TOKEN:
	case QUIC_FRAME_MAX_DATA:
	case QUIC_FRAME_MAX_STREAM_DATA:
	case QUIC_FRAME_MAX_STREAMS_BIDI:
	case QUIC_FRAME_MAX_STREAMS_UNI:
	case QUIC_FRAME_DATA_BLOCKED:
	case QUIC_FRAME_STREAM_DATA_BLOCKED:
	case QUIC_FRAME_STREAMS_BLOCKED_BIDI:
	case QUIC_FRAME_STREAMS_BLOCKED_UNI:
	case QUIC_FRAME_PATH_RESPONSE:
	case QUIC_FRAME_HANDSHAKE_DONE: return idle(q);
	case QUIC_FRAME_PADDING:          /* alone in a packet: below */
	case QUIC_FRAME_CRYPTO:           /* has its own limit */
	case QUIC_FRAME_CONNECTION_CLOSE: /* the last one */
	case QUIC_FRAME_CONNECTION_CLOSE_APP: return NULL;
	}
	return NULL;
}

int quic_seen_in(struct quic_conn *q, struct bytes head, struct bytes plain)
{
	const char *fault = NULL;
	struct quic_frame f;
	bool is_empty = true;

	q->heard_at = q->now;
	/* Long headers are of the handshake, whose keys are on their way out. */
	if (head.len < 2 || head.at[0] & 0x80)
		return 0;
	/* Repeated ones are dropped by ngtcp2. */
	if (!is_fresh(q, number_of(head, q->rx_newest + 1)))
		return 0;
	q->strays = 0;
	while (!fault && plain.len > 0 && quic_frame_next(&plain, &f)) {
		is_empty = is_empty && f.type == QUIC_FRAME_PADDING;
		fault = see_frame(q, &f);
	}
	if (!fault && is_empty)
		fault = idle(q);
	return fault ? quic_fault(q, "quic_churn", fault, NGTCP2_INTERNAL_ERROR) : 0;
}

/* ---- What leaves ---- */

static void see_answers(struct quic_conn *q, struct bytes plain)
{
	struct quic_frame f;

	while (q->alias.owed && plain.len > 0 && quic_frame_next(&plain, &f))
		if (f.type == QUIC_FRAME_PATH_RESPONSE)
			quic_alias_answers(q);
}

void quic_seen_out(struct quic_conn *q, struct bytes head, struct bytes plain)
{
	/* Larger than was known to get through, so a ping and nothing but padding. */
	bool is_probe = plain.len > QUIC_PAYLOAD_BYTES_MIN - 200 && plain.at[0] <= 1 && plain.at[1] == 0;
	size_t size = head.len + plain.len + TAG_BYTES;

	if (head.len < 2 || head.at[0] & 0x80)
		return;
	q->tx_newest = number_of(head, q->tx_newest + 1);
	see_answers(q, plain);
	if (!is_probe)
		quic_mtu_sent(&q->mtu, q->tx_newest, size > QUIC_PAYLOAD_BYTES_MIN, q->now);
}
