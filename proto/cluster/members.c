/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cluster/members.h"

#include "proto/base/mem.h"
#include <assert.h>
#include <stdlib.h>

struct judged *judged_new(struct snapshot *take_s, enum snapshot_source source,
	const struct peer_id *from, uint64_t token)
{
	struct judged *j = xcalloc(1, sizeof(*j));

	j->s = *take_s;
	*take_s = (struct snapshot){0};
	j->source = source;
	if (from)
		j->from = *from;
	(void)judged_add_token(j, token); /* the first always fits */
	return j;
}

void judged_free(struct judged *j)
{
	if (!j)
		return;
	snapshot_deinit(&j->s);
	free(j);
}

bool judged_add_token(struct judged *j, uint64_t token)
{
	if (!token)
		return true;
	if (j->token_count >= MEMBERS_TOKENS_MAX)
		return false;
	j->tokens[j->token_count++] = token;
	return true;
}

void members_deinit(struct members *m)
{
	snapshot_deinit(&m->held);
	judged_free(m->join);
	judged_free(m->late);
	judged_free(m->waiting);
	judged_free(m->storing);
	*m = (struct members){0};
}

static int order(const struct snapshot_stamp *s, const struct judged *j)
{
	struct snapshot_stamp other = snapshot_stamp(&j->s);

	return snapshot_stamp_cmp(s, &other);
}

enum members_place members_place(const struct members *m, const struct snapshot_stamp *s)
{
	struct snapshot_stamp held;
	int c = snapshot_stamp_cmp(s, &m->floor);

	if (m->has_held) {
		held = snapshot_stamp(&m->held);
		if (snapshot_stamp_cmp(s, &held) == 0)
			return MEMBERS_IS_HELD;
	}
	if (c < 0 || (c == 0 && m->has_held))
		return MEMBERS_STALE;
	if (m->storing && order(s, m->storing) <= 0)
		return order(s, m->storing) ? MEMBERS_STALE : MEMBERS_IS_STORING;
	if (m->waiting && order(s, m->waiting) <= 0)
		return order(s, m->waiting) ? MEMBERS_STALE : MEMBERS_IS_WAITING;
	return MEMBERS_NEWER;
}

const struct snapshot *members_conflict(const struct members *m, const struct snapshot *s)
{
	if (m->has_held && snapshot_is_conflict(&m->held, s))
		return &m->held;
	if (m->storing && snapshot_is_conflict(&m->storing->s, s))
		return &m->storing->s;
	if (m->waiting && snapshot_is_conflict(&m->waiting->s, s))
		return &m->waiting->s;
	return NULL;
}

bool members_conflict_is_new(struct members *m, const uint8_t hash[SNAPSHOT_HASH_BYTES])
{
	size_t kept = m->conflict_count < MEMBERS_CONFLICTS_MAX ? m->conflict_count
								: MEMBERS_CONFLICTS_MAX;

	for (size_t i = 0; i < kept; i++)
		if (memcmp(m->conflicts[i], hash, SNAPSHOT_HASH_BYTES) == 0)
			return false;
	memcpy(m->conflicts[m->conflict_count++ % MEMBERS_CONFLICTS_MAX], hash,
		SNAPSHOT_HASH_BYTES);
	return true;
}

static size_t find_issuer(const struct members *m, const struct peer_id *issuer)
{
	size_t i = 0;

	while (i < m->issuer_count && !peer_id_eq(&m->issuers[i].issuer, issuer))
		i++;
	return i;
}

bool members_may_apply(struct members *m, const struct peer_id *issuer, mono_t now)
{
	size_t i = find_issuer(m, issuer);

	if (i == m->issuer_count) {
		if (i == MEMBERS_ISSUERS_MAX) {
			i = 0;
			for (size_t k = 1; k < m->issuer_count; k++)
				if (mono_before(
					    m->issuers[k].rate.full_at, m->issuers[i].rate.full_at))
					i = k;
		} else {
			m->issuer_count++;
		}
		m->issuers[i].issuer = *issuer;
		m->issuers[i].rate = (struct bucket){0};
	}
	return bucket_take(&m->issuers[i].rate, MEMBERS_APPLY_BURST, MEMBERS_APPLY_MS, now);
}

mono_t members_apply_at(const struct members *m, const struct peer_id *issuer)
{
	size_t i = find_issuer(m, issuer);

	if (i == m->issuer_count)
		return MONO_ZERO;
	return bucket_ready(&m->issuers[i].rate, MEMBERS_APPLY_BURST, MEMBERS_APPLY_MS);
}

void members_raise_floor(struct members *m, const struct snapshot_stamp *s)
{
	if (snapshot_stamp_cmp(s, &m->floor) > 0)
		m->floor = *s;
}

struct judged *members_commit(struct members *m, struct snapshot *ret_old, wall_t wall)
{
	struct judged *j = m->storing;
	struct snapshot_stamp stamp;

	assert(j);
	m->storing = NULL;
	stamp = snapshot_stamp(&j->s);
	/* Only what is above the floor, or the floor's own lost list, ever gets here. */
	assert(snapshot_stamp_cmp(&stamp, &m->floor) >= 0);
	*ret_old = m->held;
	m->held = j->s;
	j->s = (struct snapshot){0};
	m->has_held = true;
	m->held_source = j->source;
	m->held_from = j->from;
	m->applied_at = wall;
	members_raise_floor(m, &stamp);
	return j;
}
