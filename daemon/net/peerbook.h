/* SPDX-License-Identifier: Apache-2.0 */
/* peerbook.h: addresses and protocols that we have learned of others, with age and source. In
 * memory only: what must survive a restart the store keeps, and gives back at start. Bounded:
 * PEERBOOK_PEERS_MAX peers with PEERBOOK_ADDRS_MAX addresses each. Pure but for its allocations. */
#ifndef P2POS_NET_PEERBOOK_H
#define P2POS_NET_PEERBOOK_H

#include "proto/base/clock.h"
#include "proto/keys/peer_record.h"

#define PEERBOOK_PEERS_MAX     4096 /* beyond: the longest untouched one that nobody keeps goes */
#define PEERBOOK_ADDRS_MAX     16   /* of one peer; beyond: the worst one goes */
#define PEERBOOK_PROTOCOLS_MAX 128  /* of one peer; the rest is left out */

/* Where an address comes from; the higher, the more it is worth. */
enum peerbook_source {
	PEERBOOK_HEARSAY,   /* a hint of another peer */
	PEERBOOK_STORED,    /* the database, from an earlier run */
	PEERBOOK_DNS,
	PEERBOOK_IDENTIFY,  /* its own word, unsigned */
	PEERBOOK_RECORD,    /* its own word, signed */
	PEERBOOK_CONFIG,    /* the operator's */
	PEERBOOK_CONNECTED, /* it answered there */
};
const char *peerbook_source_name(enum peerbook_source source);

struct peerbook_addr {
	struct maddr addr; /* without /p2p */
	enum peerbook_source source;
	mono_t learned;    /* newest time that somebody told it */
	mono_t worked;     /* newest time that the peer answered there; MONO_ZERO = never */
};

struct peerbook;

struct peerbook *peerbook_new(void);
void peerbook_free(struct peerbook *b);

/* True for peers that are never thrown out for room (members). NULL: none. */
void peerbook_set_keep(struct peerbook *b, bool (*is_kept)(void *arg, const struct peer_id *peer),
	void *arg);

/* Learns one address; a trailing /p2p is cut off (and the address ignored if it names another).
 * What nobody can dial (reach NONE, port 0, link-local) is ignored; loopback is the caller's to
 * judge. Returns true when it was new. */
bool peerbook_learn(struct peerbook *b, const struct peer_id *peer, const struct maddr *addr,
	enum peerbook_source source, mono_t now);

/* The peer answered there. */
void peerbook_worked(struct peerbook *b, const struct peer_id *peer, const struct maddr *addr,
	mono_t now);

/* Takes a verified signed record (`sealed` is its envelope, copied): replaces the addresses of the
 * peer's older record. `allow_loopback`: the peer itself is on loopback. P2P_ERR_STALE when
 * its seq is not above the one held; P2P_ERR_FULL. */
int peerbook_record(struct peerbook *b, const struct peer_record *rec, struct bytes sealed,
	bool allow_loopback, mono_t now);
/* The sealed record held; BYTES_NONE when there is none. Borrowed until the next change. */
struct bytes peerbook_sealed(const struct peerbook *b, const struct peer_id *peer);

/* The protocols it listed in identify; replaces the earlier list. */
void peerbook_set_protocols(struct peerbook *b, const struct peer_id *peer,
	const struct bytes *protocols, size_t count, mono_t now);
/* 1: listed; 0: its list lacks it; -1: no list yet. */
int peerbook_speaks(const struct peerbook *b, const struct peer_id *peer, const char *protocol);
size_t peerbook_protocols(const struct peerbook *b, const struct peer_id *peer, const char **ret,
	size_t max); /* borrowed until the next change */
void peerbook_set_agent(struct peerbook *b, const struct peer_id *peer, struct bytes agent);
const char *peerbook_agent(const struct peerbook *b, const struct peer_id *peer); /* "" = unknown */

/* Its addresses, best first (worked lately, then by source, then newest). Returns how many. */
size_t peerbook_addrs(const struct peerbook *b, const struct peer_id *peer,
	struct peerbook_addr *ret, size_t max);
/* The same, as a dial wants them. */
size_t peerbook_dial_addrs(const struct peerbook *b, const struct peer_id *peer, struct maddr *ret,
	size_t max);

/* An address proved to be somebody else's, or the operator wants it gone. */
void peerbook_unlearn(struct peerbook *b, const struct peer_id *peer, const struct maddr *addr);
void peerbook_forget(struct peerbook *b, const struct peer_id *peer);

/* Walks all peers in no order; false at the end. Start with *iter 0; no changes meanwhile. */
bool peerbook_next(const struct peerbook *b, size_t *iter, struct peer_id *ret);
size_t peerbook_count(const struct peerbook *b);

#endif
