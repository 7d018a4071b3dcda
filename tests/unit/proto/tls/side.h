/* SPDX-License-Identifier: Apache-2.0 */
/* side.h: one end of a TLS connection in memory, for the tests beside it. */
#ifndef P2POS_TESTS_UNIT_TLS_SIDE_H
#define P2POS_TESTS_UNIT_TLS_SIDE_H

#include "proto/tls/session.h"
#include "tests/unit/proto/tls/forge.h"

/* One of ours. */
struct side {
	struct rng_seeded rng;
	struct key_pair identity;
	struct peer_id id;
	struct tls_identity own;
	struct tls_opts opts;
	struct tls t;
	struct buf rest; /* received, not yet a whole record */
	struct buf out;
	struct buf got; /* content */
	int err;        /* the first one */
};

static inline void side_init(struct side *s, uint64_t seed, bool initiator)
{
	*s = (struct side){0};
	rng_seed(&s->rng, seed);
	key_generate(&s->rng.rng, &s->identity);
	key_pair_peer_id(&s->identity, &s->id);
	assert_ok(tls_identity_init(&s->own, &s->identity, &s->rng.rng, FORGE_NOW, TLS_AES_FIRST));
	s->opts = (struct tls_opts){.initiator = initiator, .own = &s->own, .now = FORGE_NOW};
}

static inline void side_begin(struct side *s)
{
	tls_init(&s->t, &s->opts);
	buf_reset(&s->rest);
	buf_reset(&s->out);
	buf_reset(&s->got);
	s->err = s->opts.initiator ? tls_begin(&s->t, &s->out) : 0;
}

static inline void side_deinit(struct side *s)
{
	tls_deinit(&s->t);
	tls_identity_deinit(&s->own);
	buf_deinit(&s->rest);
	buf_deinit(&s->out);
	buf_deinit(&s->got);
}

static inline int take_record(struct side *s, struct bytes record)
{
	size_t len;
	int err;

	if (!tls_is_ready(&s->t))
		return tls_handshake(&s->t, record, &s->out);
	assert_ok(buf_reserve(&s->got, record.len));
	err = tls_open(&s->t, record, s->got.data + s->got.len, &s->out, &len);
	if (!err)
		s->got.len += len;
	return err;
}

/* Gives it bytes as they may come: cut anywhere. */
static inline void deliver(struct side *s, struct bytes in)
{
	size_t len;

	assert_ok(buf_put(&s->rest, in));
	while (!s->err && s->rest.len) {
		s->err = tls_message_len(&s->t, buf_bytes(&s->rest), &len);
		if (s->err || len > s->rest.len)
			return;
		if (len == TLS_HEADER_BYTES)
			continue;
		s->err = take_record(s, bytes_head(buf_bytes(&s->rest), len));
		buf_drop(&s->rest, len);
	}
}

/* One flight; false when there was nothing to bring. `cut`: in pieces of so many bytes. */
static inline bool fly(struct side *from, struct side *to, size_t cut)
{
	struct buf flight = BUF_INIT;
	bool any = from->out.len > 0;

	buf_swap(&flight, &from->out);
	for (size_t at = 0; at < flight.len; at += cut ? cut : flight.len)
		deliver(to, bytes_head(bytes_from(buf_bytes(&flight), at), cut ? cut : flight.len));
	buf_deinit(&flight);
	return any;
}

static inline void run(struct side *a, struct side *b, size_t cut)
{
	bool any = true;

	for (int i = 0; any && i < 20; i++) {
		any = fly(a, b, cut);
		any = fly(b, a, cut) || any;
	}
	assert_false(any);
}

/* Two of ours that do not know each other. */
static inline void pair_init(struct side *d, struct side *l)
{
	side_init(d, 1, true);
	side_init(l, 2, false);
}

static inline void pair_begin(struct side *d, struct side *l)
{
	tls_deinit(&d->t);
	tls_deinit(&l->t);
	side_begin(d);
	side_begin(l);
}

static inline void pair_deinit(struct side *d, struct side *l)
{
	side_deinit(d);
	side_deinit(l);
}

static inline void assert_failed(
	const struct side *s, int err, const char *why, uint8_t alert, bool is_ours)
{
	assert_non_null(s->t.why);
	assert_string_equal(s->t.why, why);
	assert_err(s->err, err);
	assert_int_equal(s->t.alert, alert);
	assert_int_equal(s->t.alert_is_ours, is_ours);
	assert_null(s->t.session);
	assert_false(tls_is_ready(&s->t));
}

#endif
