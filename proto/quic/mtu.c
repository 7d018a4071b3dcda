/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/quic/mtu.h"

#define PACKETS (QUIC_MTU_WORDS * 64)

static bool is_large_packet(const struct quic_mtu *m, int64_t number)
{
	return m->large[number / 64 % QUIC_MTU_WORDS] >> (number % 64) & 1;
}

void quic_mtu_sent(struct quic_mtu *m, int64_t number, bool is_large, mono_t now)
{
	uint64_t *word = &m->large[number / 64 % QUIC_MTU_WORDS];

	*word &= ~(UINT64_C(1) << (number % 64));
	if (!is_large)
		return;
	*word |= UINT64_C(1) << (number % 64);
	if (m->waiting++ == 0) {
		m->first = number;
		m->since = now;
	}
}

void quic_mtu_acked(struct quic_mtu *m, int64_t first, int64_t last, int64_t newest)
{
	if (!m->waiting || last > newest)
		return;
	if (first < m->first)
		first = m->first;
	if (first <= newest - PACKETS)
		first = newest - PACKETS + 1;
	for (int64_t number = first; number <= last; number++) {
		if (is_large_packet(m, number)) {
			m->waiting = 0; /* they get through; the next one begins anew */
			m->hold_ms = 0;
			return;
		}
	}
}

bool quic_mtu_is_held(struct quic_mtu *m, int64_t pto_ns, mono_t now)
{
	if (m->waiting >= QUIC_MTU_LOST_MAX && mono_since_ns(now, m->since) > 3 * pto_ns) {
		if (!m->hold_ms)
			m->hold_ms = QUIC_MTU_HELD_MS;
		m->held_until = mono_add_ms(now, m->hold_ms);
		m->hold_ms = m->hold_ms * 2 < QUIC_MTU_RAISE_MS ? m->hold_ms * 2 : QUIC_MTU_RAISE_MS;
		m->waiting = 0;
	}
	return mono_before(now, m->held_until);
}

void quic_mtu_reset(struct quic_mtu *m)
{
	*m = (struct quic_mtu){0};
}
