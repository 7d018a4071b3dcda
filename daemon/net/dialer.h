/* SPDX-License-Identifier: Apache-2.0 */
/* dialer.h: several addresses of one peer, staggered; the first that authenticates as that peer wins
 * and the others are closed (p2pos.md section 6; rules ).
 *
 * QUIC and TCP are two lanes, in the order of preference that dialer_new() is given: the second starts
 * DIAL_LANE_MS after the first, so UDP that is blocked entirely costs that and no more. In a lane
 * private and loopback addresses come first, then public ones, IPv6 before IPv4 alternately; the
 * next starts DIAL_STEP_MS (DIAL_STEP_NEAR_MS when the one before is private or loopback) later.
 * When all that were begun have failed, the next starts at once, whichever it is. What is no address
 * that can be dialled here fails with P2P_ERR_UNSUPPORTED, so that the result shows it.
 *
 * Back-off is the asker's business (proto/cluster keeps it for each address, R-38); what is asked
 * for here is tried now.
 */
#ifndef P2POS_NET_DIALER_H
#define P2POS_NET_DIALER_H

#include "daemon/io/ares_dns.h"
#include "daemon/net/identify.h"

#define DIAL_LANE_MS           250
#define DIAL_STEP_MS           250
#define DIAL_STEP_NEAR_MS      30
#define DIAL_CONNECT_MS        5000
#define DIAL_TOTAL_MS          15000 /* for one peer, whatever happens */
#define DIAL_PARALLEL_PER_PEER 8
#define DIAL_PARALLEL_MAX      64   /* attempts of all dials; further ones wait for their turn */
#define DIAL_DIALS_MAX         256  /* dials in progress; beyond: P2P_ERR_FULL */
#define DIAL_ADDRS_MAX         32   /* of one dial, names resolved; further ones are dropped */

/* How far an attempt came: the step that failed, or DIAL_DONE. */
enum dial_stage {
	DIAL_WAITING,  /* never started: won by another, or the time was over */
	DIAL_RESOLVE,
	DIAL_CONNECT,  /* over QUIC: nothing came back at all */
	DIAL_SECURITY,
	DIAL_MUXER,
	DIAL_ADMIT,    /* judged here; P2P_ERR_DENIED: refused, `why` says the judge's word */
	DIAL_IDENTIFY, /* only where the request asked for it */
	DIAL_DONE,
	DIAL_STAGE_COUNT
};

/* "waiting", "resolve", "connect", "security", "muxer", "admit", "identify", "done". */
const char *dial_stage_name(enum dial_stage stage);

struct dial_attempt {
	struct maddr addr;       /* as dialled, names resolved, without /p2p */
	enum dial_stage stage;
	int err;                 /* 0 = this one won */
	const char *why;         /* static reason word; "" when the code says it all */
	int64_t ns[DIAL_STAGE_COUNT]; /* time spent in each stage; 0 where it did not come */
};

struct dial_result {
	int err;                 /* 0; else the most telling error of the attempts: P2P_ERR_MISMATCH,
	                          * P2P_ERR_DENIED, P2P_ERR_TIMEOUT, P2P_ERR_REFUSED, P2P_ERR_NOT_FOUND
	                          * (no addresses) … */
	const char *why;         /* static reason word belonging to it */
	uint64_t conn;           /* up; 0 on error */
	struct peer_id peer;     /* who answered; none on error, except P2P_ERR_DENIED */
	const struct dial_attempt *attempts; /* borrowed */
	size_t attempt_count;
};

/* Told once, unless cancelled; never from inside dialer_dial(). */
typedef void dial_done_fn(void *arg, const struct dial_result *r);

struct dial_request {
	struct peer_id expected;    /* none: anybody may answer (a bootstrap entry without /p2p) */
	const struct maddr *addrs;  /* copied; a trailing /p2p must be `expected` or is refused for that
	                             * address (P2P_ERR_MISMATCH); names are resolved here, /dnsaddr is
	                             * the business of discover/ and P2P_ERR_UNSUPPORTED here */
	size_t addr_count;
	uint64_t id;                /* the asker's number, shown as swarm_conn.dial to the judge; 0: none */
	bool may_reuse;             /* an existing connection of `expected` is an answer, too */
	bool wants_identify;        /* not done before identify is, for `peer trace` */
	dial_done_fn *on_done;
	void *arg;
};

struct dialer;
struct dial;

enum dial_lane { DIAL_QUIC, DIAL_TCP, DIAL_LANES };

struct dialer_opts {
	struct swarm *swarm;       /* all borrowed, outlive the dialer */
	struct quic_ports *ports;  /* NULL: no QUIC */
	struct dns *dns;           /* NULL: names fail */
	struct identify_service *identify; /* NULL: nobody can wait for it */
	/* What may be dialled, most wanted first. None at all: QUIC, then TCP. */
	enum dial_lane lanes[DIAL_LANES];
	unsigned lane_count;
};

struct dialer *dialer_new(const struct dialer_opts *opts);
/* Dials in progress end without a callback. NULL is fine. */
void dialer_free(struct dialer *d);

/* P2P_ERR_FULL, P2P_ERR_INVALID (ourselves). */
int dialer_dial(struct dialer *d, const struct dial_request *req, struct dial **ret);

/* No callback follows; what it was trying is closed. Not to be used after on_done. */
void dial_cancel(struct dial *dial);

/* True while a dial to `peer` is in progress. */
bool dialer_is_dialling(const struct dialer *d, const struct peer_id *peer);

struct dialer_stats {
	uint64_t dials, dials_ok;
	uint64_t attempts, attempts_ok;
	uint64_t failed[DIAL_STAGE_COUNT]; /* attempts, by the stage that failed */
	uint64_t mismatched;               /* somebody else answered */
	uint32_t dialling, attempting;     /* now */
};
void dialer_stats(const struct dialer *d, struct dialer_stats *ret);

#endif
