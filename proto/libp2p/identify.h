/* SPDX-License-Identifier: Apache-2.0 */
/* identify.h: who I am, what I speak, where you see me (identify-ping.md sections 1 to 4;
 * features.md P-027).
 *
 * The same message travels on /ipfs/id/1.0.0 (the opener of the stream reads) and on
 * /ipfs/id/push/1.0.0 (the opener writes), one or more length-prefixed parts until the end of the
 * stream. It speaks of the peer of this connection and of nobody else, and all of it is advice:
 * a listed protocol may still be refused. */
#ifndef P2POS_LIBP2P_IDENTIFY_H
#define P2POS_LIBP2P_IDENTIFY_H

#include "proto/base/buf.h"
#include "proto/keys/peer_record.h"
#include "proto/multi/maddr.h"

#define IDENTIFY_PROTOCOL      "/ipfs/id/1.0.0"
#define IDENTIFY_PUSH_PROTOCOL "/ipfs/id/push/1.0.0"

#define IDENTIFY_PART_BYTES_MAX      8192 /* of one part; a longer one is refused */
#define IDENTIFY_PARTS_MAX           10   /* merged; more are refused */
#define IDENTIFY_OWN_BYTES_MAX       4096 /* of all that we say; else without the signed record */
#define IDENTIFY_OWN_FIRST_BYTES_MAX 2048 /* of our first part; beyond it addresses are left out */
#define IDENTIFY_ADDRS_MAX           32   /* kept; further ones are dropped */
#define IDENTIFY_PROTOCOLS_MAX       128  /* kept; further ones are dropped */
#define IDENTIFY_TEXT_MAX            128  /* of a name or version; a longer protocol is dropped */

/* What we say. All is borrowed. */
struct identify_self {
	struct bytes public_key;        /* its protobuf form; always said */
	struct peer_id peer;            /* ours: its /p2p is cut off the addresses */
	const struct maddr *addrs;
	size_t addr_count;
	const char *const *protocols;
	size_t protocol_count;
	const char *protocol_version;   /* "ipfs/0.1.0" or of one's own */
	const char *agent;              /* "p2posd/20261121-0000" */
	struct maddr observed;          /* where we see the reader; none: not said */
	struct bytes signed_record;     /* peer_record_seal()'s; empty: not said */
};

/* Appends the framed message for a reader that is reached over a network of `reach`: addresses
 * that are of no use there are left out. In two parts, the second with the signed record alone,
 * when one would be over IDENTIFY_OWN_FIRST_BYTES_MAX. P2P_ERR_TOO_LARGE when not even the
 * protocols fit. */
int identify_encode(const struct identify_self *self, enum maddr_reach reach, struct buf *out);

/* True when an address of reach `addr` is worth telling or keeping over a connection of reach
 * `conn`: nothing leaves the kind of network in which it means something. */
bool identify_may_tell(enum maddr_reach addr, enum maddr_reach conn);

/* What a peer said. */
struct identify {
	struct maddr addrs[IDENTIFY_ADDRS_MAX]; /* without /p2p; fit for the connection's reach */
	size_t addr_count;
	bool addrs_signed;     /* they are those of `record`; else nobody vouches for them */
	uint64_t record_seq;
	struct buf record;     /* the verified sealed record; empty: none that holds */
	struct maddr observed; /* where the peer sees us; none: not said */
	char protocol_version[IDENTIFY_TEXT_MAX + 1]; /* printable */
	char agent[IDENTIFY_TEXT_MAX + 1];
	size_t protocol_count;
	struct buf protocols;  /* names, each with its NUL; walk with identify_next_protocol() */
};

void identify_deinit(struct identify *id);

/* The name behind `prev` (NULL: the first), or NULL at the end. */
const char *identify_next_protocol(const struct identify *id, const char *prev);

bool identify_speaks(const struct identify *id, const char *protocol);

/* Reads one message from bytes that may be cut anywhere. It holds at most one part and what was
 * understood so far. */
struct identify_reader {
	struct peer_id peer;    /* of the connection */
	enum maddr_reach reach; /* of the connection */
	struct identify got;
	struct buf record;      /* as it came: judged at the end, when no later one replaces it */
	struct buf part;        /* the length in front of a part, then the part, so far */
	bool in_part;           /* the length is known */
	size_t part_len;
	unsigned parts;         /* begun so far */
	int err;                /* the first error sticks */
};

void identify_reader_init(struct identify_reader *r, const struct peer_id *peer,
	enum maddr_reach reach);
void identify_reader_deinit(struct identify_reader *r);

/* Takes in all of `in`. P2P_ERR_TOO_LARGE (a part, or too many), P2P_ERR_INVALID,
 * P2P_ERR_MISMATCH (the key is of another peer): reset the stream, nothing of it counts. */
int identify_reader_recv(struct identify_reader *r, struct bytes in);

/* The stream ended. Moves what was said to `ret`, which the caller deinits. Errors as above, and
 * P2P_ERR_TRUNCATED when a part is incomplete or nothing was said. A signed record that does not
 * hold is left out, and its message still counts. */
int identify_reader_end(struct identify_reader *r, struct identify *ret);

#endif
