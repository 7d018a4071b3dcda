/* SPDX-License-Identifier: Apache-2.0 */
/* self.c: our address list, and the record that vouches for it. */
#include "daemon/net/self.h"

#include <stdlib.h>

#include "daemon/io/interfaces.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/libp2p/identify.h"

#define SEQ_VARIANTS  4  /* records under one list: one for each reach of the reader */
#define READERS       (2 + MADDR_REACH_PUBLIC) /* nobody in particular, and one of each reach */

struct self {
	struct self_opts opts;
	struct peer_id peer;
	struct listen_door listening[LISTEN_ADDRS_MAX];
	size_t listen_count;
	struct maddr *announce; /* owned */
	size_t announce_count;
	struct maddr addrs[SELF_ADDRS_MAX];
	size_t addr_count;
	uint64_t seq;
	struct buf records[READERS]; /* sealed under this list; empty: nobody has asked yet */
};

struct self *self_new(const struct self_opts *opts)
{
	struct self *s = xcalloc(1, sizeof(*s));

	s->opts = *opts;
	key_pair_peer_id(opts->identity, &s->peer);
	return s;
}

static void forget_records(struct self *s)
{
	for (size_t i = 0; i < READERS; i++)
		buf_deinit(&s->records[i]);
}

void self_free(struct self *s)
{
	if (!s)
		return;
	forget_records(s);
	free(s->announce);
	free(s);
}

const char *self_agent(const struct self *s)
{
	return s->opts.agent;
}

const struct key_pair *self_identity(const struct self *s)
{
	return s->opts.identity;
}

const struct peer_id *self_peer(const struct self *s)
{
	return &s->peer;
}

struct addr_list {
	struct maddr at[SELF_ADDRS_MAX];
	size_t count;
};

static void add(struct addr_list *to, const struct maddr *addr)
{
	for (size_t i = 0; i < to->count; i++)
		if (maddr_eq(&to->at[i], addr))
			return;
	if (to->count < SELF_ADDRS_MAX)
		to->at[to->count++] = *addr;
}

/* QUIC first, as it is dialled first. */
static void add_ip(struct addr_list *to, const struct listen_door *door, const struct maddr_ip *ip)
{
	enum maddr_reach reach = maddr_ip_reach(ip);
	struct maddr addr;

	/* A link-local address means nothing without the name of the interface, R-36. */
	if (reach == MADDR_REACH_NONE || reach == MADDR_REACH_LINK)
		return;
	if (door->has_quic) {
		maddr_from_ip_quic(ip, &addr);
		add(to, &addr);
	}
	if (door->has_tcp) {
		maddr_from_ip_tcp(ip, &addr);
		add(to, &addr);
	}
}

static bool is_any(const struct maddr_ip *ip)
{
	static const uint8_t zero[16];

	return memcmp(ip->ip, zero, sizeof(zero)) == 0;
}

static void expand(struct addr_list *to, const struct listen_door *door,
	const struct maddr_ip *interfaces, size_t interface_count)
{
	if (!is_any(&door->ip)) {
		add_ip(to, door, &door->ip);
		return;
	}
	for (size_t i = 0; i < interface_count; i++) {
		struct maddr_ip ip = interfaces[i];

		if (ip.family != door->ip.family)
			continue;
		ip.port = door->ip.port;
		add_ip(to, door, &ip);
	}
}

/* Grows with every list, also over a restart and when the wall clock was set back meanwhile (as far
 * as this process remembers). */
static void next_seq(struct self *s)
{
	wall_t wall = loop_wall(s->opts.loop);
	uint64_t ns = (uint64_t)wall.sec * (uint64_t)NS_PER_SEC + (uint64_t)wall.nsec;

	s->seq = ns > s->seq + SEQ_VARIANTS ? ns : s->seq + SEQ_VARIANTS;
}

bool self_refresh(struct self *s)
{
	struct addr_list fresh = {.count = 0};
	struct maddr_ip interfaces[INTERFACE_IPS_MAX];
	size_t interface_count = interface_ips(interfaces, INTERFACE_IPS_MAX);
	bool same;

	for (size_t i = 0; i < s->announce_count; i++)
		add(&fresh, &s->announce[i]);
	for (size_t i = 0; i < s->listen_count && !s->announce_count; i++)
		expand(&fresh, &s->listening[i], interfaces, interface_count);
	same = fresh.count == s->addr_count;
	for (size_t i = 0; same && i < fresh.count; i++)
		same = maddr_eq(&fresh.at[i], &s->addrs[i]);
	if (same)
		return false;
	memcpy(s->addrs, fresh.at, sizeof(s->addrs));
	s->addr_count = fresh.count;
	forget_records(s);
	next_seq(s);
	return true;
}

bool self_set_addrs(struct self *s, const struct listen_door *listening, size_t listen_count,
	const struct maddr *announce, size_t announce_count)
{
	s->listen_count = listen_count < LISTEN_ADDRS_MAX ? listen_count : LISTEN_ADDRS_MAX;
	for (size_t i = 0; i < s->listen_count; i++)
		s->listening[i] = listening[i];
	free(s->announce);
	s->announce = NULL;
	s->announce_count = announce_count < SELF_ADDRS_MAX ? announce_count : SELF_ADDRS_MAX;
	if (s->announce_count) {
		s->announce = xcalloc(s->announce_count, sizeof(*announce));
		memcpy(s->announce, announce, s->announce_count * sizeof(*announce));
	}
	for (size_t i = 0; i < s->announce_count; i++)
		(void)maddr_split_peer(&s->announce[i], NULL); /* ours; said apart */
	return self_refresh(s);
}

static bool has_beyond_loopback(const struct self *s)
{
	for (size_t i = 0; i < s->addr_count; i++)
		if (maddr_reach(&s->addrs[i]) > MADDR_REACH_LOOPBACK)
			return true;
	return false;
}

static bool may_tell(const struct self *s, const struct maddr *addr, const struct maddr *remote)
{
	enum maddr_reach reach = maddr_reach(addr);

	if (remote)
		return identify_may_tell(reach, maddr_reach(remote));
	return reach != MADDR_REACH_LINK &&
		(reach != MADDR_REACH_LOOPBACK || !has_beyond_loopback(s));
}

size_t self_addrs(const struct self *s, const struct maddr *remote, struct maddr *ret, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < s->addr_count && count < max; i++)
		if (may_tell(s, &s->addrs[i], remote))
			ret[count++] = s->addrs[i];
	return count;
}

static unsigned variant(const struct maddr *remote)
{
	if (!remote)
		return 1;
	switch (maddr_reach(remote)) {
	case MADDR_REACH_LOOPBACK:
		return 3;
	case MADDR_REACH_LINK:
	case MADDR_REACH_PRIVATE:
		return 2;
	case MADDR_REACH_PUBLIC:
	case MADDR_REACH_NONE:
		break;
	}
	return 0;
}

static int seal_record(const struct self *s, const struct maddr *remote, struct buf *out)
{
	struct peer_record rec = {.peer = s->peer};

	rec.addr_count = (uint8_t)self_addrs(s, remote, rec.addrs, PEER_RECORD_ADDRS_MAX);
	if (!rec.addr_count)
		return P2P_ERR_NOT_FOUND;
	rec.seq = s->seq + variant(remote);
	return peer_record_seal(out, s->opts.identity, &rec);
}

/* Each connection is told, and a signature costs as much as everything else that it is told. */
int self_record(struct self *s, const struct maddr *remote, struct buf *out)
{
	struct buf *sealed = &s->records[remote ? 1 + maddr_reach(remote) : 0];
	int err = sealed->len ? 0 : seal_record(s, remote, sealed);

	return err ? err : buf_put(out, buf_bytes(sealed));
}
