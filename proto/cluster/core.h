/* SPDX-License-Identifier: Apache-2.0 */
/* core.h: the whole mind of a node without hands (p2pos.md sections 3.5 to 5; reliability.md R-11
 * to ).
 *
 * The owner tells facts with the time at which they were seen, and pulls decisions with
 * core_next() until it says false. The core holds no socket, reads no clock, writes no file. What
 * a fact leads to is only ever said by a decision, so nothing is called back and nothing re-enters.
 *
 *   every fact call  ──►  core_next() until false  ──►  arm one timer at core_deadline()
 *
 * Words: a *conn* is an authenticated connection, named by a number (not 0) that the owner chose
 * and never uses twice. A *dial* and a *token* likewise are numbers. Everything handed in is
 * borrowed for the call. Everything handed out by core_next() is borrowed until the next call that
 * takes a non-const core, except where a comment says that it lives longer.
 *
 * `wall` is UTC as this node believes it, `now` the clock that drives timers; both must be read
 * together. `now` never goes back. */
#ifndef P2POS_CLUSTER_CORE_H
#define P2POS_CLUSTER_CORE_H

#include "proto/conn/conn.h"
#include "proto/multi/maddr.h"
#include "proto/p2pos/heartbeat.h"
#include "proto/p2pos/snapshot.h"

#define CORE_DIAL_ADDRS_MAX 8     /* of one dial */
#define CORE_DIALS_MAX      64    /* under way at once; further peers wait for their turn */
#define CORE_PUSHES_MAX     16    /* under way at once; further peers wait for their turn (P-070) */
#define CORE_PEER_ADDRS_MAX 24    /* kept of one peer; the one that failed longest makes room */
#define CORE_SEEDS_MAX      128   /* bootstrap addresses without /p2p; further ones are dropped */
#define CORE_STRANGERS_MAX  1024  /* non-members with addresses; further ones are dropped */
#define CORE_PENDING_MAX    64    /* guests that knocked; the oldest makes room */
#define CORE_ADMINS_MAX     8     /* admin sessions; the next stays a guest */
#define CORE_OPEN_MAX       64    /* accepted conns while unconfigured; the oldest makes room */
#define CORE_GUEST_MS       60000 /* a guest's time */
#define CORE_GUEST_YIELD_MS 10000 /* only a guest idle for this long makes room */
#define CORE_ADMIN_MS       600000 /* an admin session's time (P-066) */
#define CORE_NEWS_MAX                                                                              \
	4096 /* decisions waiting to be pulled; beyond, alerts are dropped and                     \
	      * counted, all others are state that the core keeps itself */

struct core;

/* ---- who and how -------------------------------------------------------------------------- */

struct core_opts {
	const struct key_pair *identity; /* borrowed, outlives the core */
	const char *cluster_id;          /* valid (cluster_id.h); copied */
	const struct key_public *system; /* NULL: none configured; copied */
	bool insecure_accept_any_issuer;
	int64_t heartbeat_interval_ms;     /* 30,000 */
	int64_t heartbeat_timeout_ms;      /* 90,000 */
	int64_t dead_after_ms;             /* 4,000; at least 1,000 */
	unsigned mesh_full_limit;          /* 128 members */
	unsigned mesh_degree;              /* 24 */
	unsigned guests_max;               /* 16 */
	unsigned connections_max;          /* 1,024 in all; members are never refused for it */
	const struct peer_id *admin_peers; /* get an admin session at once (P-066); copied */
	size_t admin_peer_count;           /* at most CORE_ADMINS_MAX are taken */
	struct rng *rng;                   /* borrowed, outlives the core */
};

/* Never NULL. */
struct core *core_new(const struct core_opts *opts, wall_t wall, mono_t now);
void core_free(struct core *c);

/* Takes new values after a reload; identity, cluster_id, system and rng must be as they were. */
void core_configure(struct core *c, const struct core_opts *opts, wall_t wall, mono_t now);

/* What the database and the side file remember. Call once, before any other fact. */
struct core_stored_mark {
	struct peer_id peer; /* this node itself too: its own ts never goes back (FM-12) */
	wall_t heartbeat_ts; /* last accepted (own: last sent) */
	wall_t last_seen;    /* for display; WALL_ZERO = never */
	struct maddr
		addr; /* where it was reached by a dial; MADDR_NONE = never. Is dialled again */
};
struct core_memory {
	struct bytes snapshot;       /* JSON of the newest snapshot; BYTES_NONE = none */
	struct snapshot_stamp floor; /* the larger of database and side file; zero = none */
	const struct core_stored_mark *marks;
	size_t mark_count;
	const struct bytes *records; /* sealed peer records */
	size_t record_count;
	bool resumed; /* this start follows an orderly end at once (core_restarting()): who was seen
		       * in the last seconds before it still counts for that long */
	bool unclean; /* the last end was no clean one: marks are raised by 60 s */
};

/* A snapshot that does not verify, or lies below the floor, is not held: an alert says so, and
 * the node joins anew. */
void core_load(struct core *c, const struct core_memory *m, wall_t wall, mono_t now);

/* ---- connections -------------------------------------------------------------------------- */

enum core_class {
	CORE_REFUSED, /* close it */
	CORE_GUEST,   /* identify, ping, membership-push, admin; R-25 */
	CORE_ADMIN,   /* as a guest, and membership (pull) and status */
	CORE_OPEN,    /* anyone, while this node is unconfigured: as an admin session */
	CORE_MEMBER,  /* everything */
};
const char *core_class_name(enum core_class k); /* "refused", "guest", "admin", "open", "member" */

/* An authenticated conn is there. `dial` is the dial that it answers, 0 when it was accepted.
 * Returns what it may do; later changes come as CORE_GRANT. `*ret_why` (always written, static) is
 * a reason word when refused: "self", "guests_full", "admins_full", "connections_full",
 * "source_blocked". A second conn of a peer is taken as a candidate and settled by CORE_CLOSE of
 * one of the two within about a second. */
enum core_class core_conn_up(struct core *c, uint64_t conn, const struct peer_id *peer,
	enum conn_side side, const struct maddr *remote, uint64_t dial, const char **ret_why,
	wall_t wall, mono_t now);

enum core_down {
	CORE_DOWN_REMOTE, /* the peer or its machine ended it (FIN, RST, go-away) */
	CORE_DOWN_OURS,   /* we did, also when a CORE_CLOSE was carried out */
	CORE_DOWN_ERROR,  /* the transport or the protocol failed */
};
/* It is gone. `detail` is a short word or text for display, copied (cut at 63 bytes). A conn that
 * was refused need not be told. Unknown numbers are ignored. */
void core_conn_down(struct core *c, uint64_t conn, enum core_down why, const char *detail,
	wall_t wall, mono_t now);

/* Authenticated bytes arrived; once per conn and loop turn is enough. */
void core_heard(struct core *c, uint64_t conn, wall_t wall, mono_t now);

/* A CORE_PING was answered. Counts as heard. */
void core_pong(struct core *c, uint64_t conn, int64_t rtt_ns, wall_t wall, mono_t now);

/* What the peer's identify lists. Nothing optional is sent before. */
#define CORE_SPEAKS_PULL      (1u << 0)
#define CORE_SPEAKS_PUSH      (1u << 1)
#define CORE_SPEAKS_HEARTBEAT (1u << 2)
#define CORE_SPEAKS_STATUS    (1u << 3)
#define CORE_SPEAKS_PEERS     (1u << 4)
#define CORE_SPEAKS_ADMIN     (1u << 5)
#define CORE_SPEAKS_SUSPECT   (1u << 6)
#define CORE_SPEAKS_DIGEST    (1u << 7)
#define CORE_SPEAKS_RESTART   (1u << 8)
/* The bit of a protocol name, 0 for others. */
unsigned core_speaks_of(struct bytes protocol);
void core_protocols(struct core *c, uint64_t conn, unsigned speaks, wall_t wall, mono_t now);
/* It did not take a stream for one of these after all: on this conn it is not asked for it again,
 * whatever identify says (P-088). */
void core_unsupported(struct core *c, uint64_t conn, unsigned speaks);

/* ---- addresses and dials ------------------------------------------------------------------ */

enum core_addr_from {     /* in order of trust; a better source replaces a worse one */
	CORE_ADDR_SEEN,   /* it was connected there */
	CORE_ADDR_CONFIG, /* a multiaddr entry of init_connections */
	CORE_ADDR_RECORD, /* signed by the peer */
	CORE_ADDR_IDENTIFY,
	CORE_ADDR_DNS,
	CORE_ADDR_HINT, /* status addrs (P-095) */
};
const char *core_addr_from_name(enum core_addr_from from);

/* Addresses where `peer` may be (a trailing /p2p of the peer is cut off, of another drops the
 * address). NULL or none as peer: bootstrap addresses without an ID, dialled while a need is open.
 * Those that nothing can dial (maddr_kind: other, dns…, dnsaddr) are dropped: resolve them first.
 */
void core_addrs(struct core *c, const struct peer_id *peer, const struct maddr *addrs, size_t count,
	enum core_addr_from from, wall_t wall, mono_t now);

/* A sealed peer record, from anywhere. 0, P2P_ERR_REFUSED (not a member), P2P_ERR_STALE, or
 * what peer_record_open() gives. A new one leads to CORE_STORE_RECORD. */
int core_record(struct core *c, struct bytes sealed, wall_t wall, mono_t now);

/* The message of /p2pos/peers/1.0.0, from a member: core_record() for each. Takes at most
 * PEERS_RECORDS_MAX. 0 or what peers_parse() gives. */
int core_peers_in(struct core *c, uint64_t conn, struct bytes json, wall_t wall, mono_t now);
/* Our side of it: appends the records of members (and `own`, our sealed record; may be empty). */
int core_peers_print(const struct core *c, struct bytes own, struct buf *out);

enum core_stage { /* how far a dial came */
	CORE_AT_CONNECT,
	CORE_AT_UPGRADE,
	CORE_AT_SECURE,
	CORE_AT_MUX,
	CORE_AT_READY,
};
const char *core_stage_name(enum core_stage stage); /* "connect", "upgrade", … */

/* One address of a dial failed. P2P_ERR_MISMATCH (another peer answered) drops the address. */
void core_dial_failed(struct core *c, uint64_t dial, const struct maddr *addr, int err,
	enum core_stage stage, wall_t wall, mono_t now);
/* A dial is over, whether core_conn_up() came of it or not. Addresses that were not tried are
 * free to be tried again at once. */
void core_dial_done(struct core *c, uint64_t dial, wall_t wall, mono_t now);

/* May a new connection from there use the slots reserved for known members? */
bool core_is_known_source(const struct core *c, const struct maddr_ip *ip, wall_t wall);

/* Is the source blocked because of failed signatures? Refuse it before any handshake. */
bool core_is_blocked_source(const struct core *c, const struct maddr_ip *ip, mono_t now);

/* ---- membership --------------------------------------------------------------------------- */

/* A snapshot was pushed (`source` SNAPSHOT_PUSHED, `conn` given) or handed in on the control socket
 * (SNAPSHOT_LOCAL, conn 0). Exactly one CORE_VERDICT with `token` follows, perhaps much later:
 * nothing is acknowledged before it is on disk. */
void core_snapshot_in(struct core *c, uint64_t token, enum snapshot_source source, uint64_t conn,
	struct bytes json, wall_t wall, mono_t now);

/* The answer to CORE_STORE_SNAPSHOT. */
void core_stored(struct core *c, uint64_t token, bool ok, wall_t wall, mono_t now);

/* The answer to CORE_PULL: the JSON as received with err 0, or an error and no JSON. */
void core_pull_done(
	struct core *c, uint64_t conn, struct bytes json, int err, wall_t wall, mono_t now);
/* The answer to CORE_PUSH, likewise. P2P_ERR_UNSUPPORTED: the peer does not speak it. */
void core_push_done(
	struct core *c, uint64_t conn, struct bytes json, int err, wall_t wall, mono_t now);

/* Appends our answer to a pull: the snapshot in force, or "membership not initialized". */
int core_pull_print(const struct core *c, struct buf *out);

/* ---- messages ----------------------------------------------------------------------------- */

/* /p2pos/heartbeat/1.0.0. The result is for counting and logging (heartbeat_reason_name());
 * nothing is answered. */
enum heartbeat_reason core_heartbeat_in(
	struct core *c, uint64_t conn, struct bytes json, wall_t wall, mono_t now);
/* /p2pos/heartbeat-digest/1.0.0. 0, P2P_ERR_DENIED (not from a member), or what parsing gives. */
int core_digest_in(struct core *c, uint64_t conn, struct bytes json, wall_t wall, mono_t now);
/* /p2pos/suspect/1.0.0. As above, and P2P_ERR_FULL when the sender is over its rate. */
int core_suspect_in(struct core *c, uint64_t conn, struct bytes json, wall_t wall, mono_t now);
/* /p2pos/restart/1.0.0: the sender restarts. As above, P2P_ERR_FULL within a minute of the last. */
int core_restart_in(struct core *c, uint64_t conn, struct bytes json, wall_t wall, mono_t now);
/* /p2pos/admin/1.0.0. Appends the answer to send (admin_answer_print()); on success CORE_GRANT
 * follows. Returns 0 or the error, for the log. */
int core_admin_in(struct core *c, uint64_t conn, struct bytes json, struct buf *answer, wall_t wall,
	mono_t now);

/* ---- time, self and operator -------------------------------------------------------------- */

/* Our own loop stood still for so long (tell it when that was 500 ms or more, before any other
 * fact of that turn): from 1 s on the node accuses nobody for a while (N-09). */
void core_stalled(struct core *c, int64_t ms, wall_t wall, mono_t now);

/* To be called when core_deadline() has come; earlier does no harm. */
void core_tick(struct core *c, wall_t wall, mono_t now);
mono_t core_deadline(const struct core *c);

/* This node is about to restart: the members that understand it are told, each by a
 * CORE_SEND_RESTART. Returns how many. */
size_t core_restarting(struct core *c, wall_t wall, mono_t now);

/* Operator: pull from members now; ask the bootstrap entries now. */
void core_sync_now(struct core *c, wall_t wall, mono_t now);
void core_bootstrap_now(struct core *c, wall_t wall, mono_t now);

/* ---- decisions ---------------------------------------------------------------------------- */

enum core_state { CORE_UNCONFIGURED, CORE_DEGRADED, CORE_HEALTHY };
const char *core_state_name(enum core_state s);

enum core_decision_kind {
	/* Carry these out. */
	CORE_DIAL,      /* u.dial */
	CORE_RESOLVE,   /* ask all bootstrap entries (DNS) now, and give core_addrs() what comes */
	CORE_CLOSE,     /* conn, why; answered by core_conn_down(CORE_DOWN_OURS) */
	CORE_GRANT,     /* conn, klass: from now on it may do that */
	CORE_PING,      /* conn; answered by core_pong(), or by silence */
	CORE_POKE,      /* conn: send its machine a datagram that means nothing. A living process ignores
			 * it; where none is, the kernel may say so, and core_conn_down() follows */
	CORE_PULL,      /* conn: ask for its snapshot (5 s); answered by core_pull_done() */
	CORE_PUSH,      /* conn: send core_snapshot()->raw (8 s); answered by core_push_done() */
	CORE_ASK_PEERS, /* conn: ask for its peer records; answered by core_peers_in() or not */
	CORE_SEND_HEARTBEAT, /* conn, json (whole message with newline, as the next two) */
	CORE_SEND_DIGEST,    /* conn, json */
	CORE_SEND_SUSPECT,   /* conn, json; u.peer is the suspect */
	CORE_SEND_RESTART,   /* conn, json */
	CORE_STORE_SNAPSHOT, /* u.store: commit durably, then core_stored(). One at a time */
	/* Remember these; they are lost without harm. */
	CORE_STORE_RECORD, /* peer, json = the sealed record, u.seq */
	CORE_STORE_MARK,   /* peer, u.mark: at most once a minute and peer */
	CORE_EQUIVOCATION, /* json = evidence file (p2pos/evidence.h); peer = issuer that lost */
	/* Answer and tell these. */
	CORE_VERDICT,      /* u.verdict: answers core_snapshot_in() */
	CORE_STATE,        /* u.state: exactly one for each change of state or its reason's word */
	CORE_MEMBER_UP,    /* peer, why: counts as online now; conn or 0 */
	CORE_MEMBER_DOWN,  /* peer, why: does not count any more */
	CORE_MEMBERSHIP,   /* u.membership: a snapshot is in force now */
	CORE_PUSH_FAILED,  /* peer, conn, why: word for the log (P-072) */
	CORE_PULL_REFUSED, /* peer, conn, u.reason: what it gave is no snapshot that may be taken */
	CORE_ALERT,        /* why = kind word, text; peer or none */
};
const char *core_decision_name(enum core_decision_kind k);

struct core_dial {
	uint64_t id;
	struct peer_id peer; /* who must answer; none = anybody */
	size_t count;
	struct maddr addrs[CORE_DIAL_ADDRS_MAX]; /* best first, without /p2p */
};

struct core_store {
	uint64_t token; /* the core's own, for core_stored() */
	const struct snapshot
		*snapshot; /* raw, issued_at, hash, issuer; lives until core_stored() */
	enum snapshot_source source;
};

struct core_verdict {
	uint64_t token;
	bool applied;                /* it is in force, here and on disk */
	bool unchanged;              /* …because it was already */
	enum snapshot_reason reason; /* SNAPSHOT_OK when applied, or when only our disk failed */
	const char *error; /* what to put into the push answer's `error`; "" when applied */
};

struct core_state_change {
	enum core_state prev, next;
	const char
		*reason; /* word with its argument, e.g. "quorum", "lost:12D3…", "removed_by:…" */
	size_t online, members, needed;
	size_t missing_count;
	const struct peer_id *missing; /* members not online; at most CORE_MISSING_MAX of them */
};
#define CORE_MISSING_MAX 64

struct core_membership {
	const struct snapshot *snapshot; /* lives until the next CORE_MEMBERSHIP */
	enum snapshot_source source;
	struct peer_id from; /* who sent it; none when local or stored */
	size_t added_count, removed_count;
	const struct peer_id *added, *removed;
};

struct core_decision {
	enum core_decision_kind kind;
	uint64_t conn;       /* 0 where it has no meaning */
	struct peer_id peer; /* none where it has no meaning */
	const char *why;     /* reason word, static; NULL where it has no meaning */
	enum core_class klass;
	struct bytes json;
	const char *text; /* CORE_ALERT: a sentence */
	union {
		const struct core_dial *dial;
		struct core_store store;
		struct core_verdict verdict;
		struct core_state_change state;
		struct core_membership membership;
		struct core_stored_mark mark;
		enum snapshot_reason reason;
		uint64_t seq;
	} u;
};

/* The next decision; false when there is none for now. */
bool core_next(struct core *c, struct core_decision *ret);

/* ---- questions ---------------------------------------------------------------------------- */

struct core_view {
	struct peer_id self;
	enum core_state state;
	const char *reason; /* as in core_state_change; borrowed */
	wall_t state_since;
	size_t members, online, needed;  /* N, k, majority; 0 without a list */
	bool is_member;                  /* this node is in the list in force */
	const struct snapshot *snapshot; /* in force; NULL = none. Borrowed */
	enum snapshot_source source;
	wall_t applied_at; /* WALL_ZERO: before this start */
	struct snapshot_stamp floor;
	bool insecure;                     /* snapshots of any issuer are taken (P-060) */
	bool single_source;                /* only one source confirmed the first list */
	enum admin_proof_reason proof_now; /* of the snapshot in force, at this moment */
	bool self_doubt;                   /* accuses nobody at the moment (N-09) */
	const char *self_doubt_why;        /* "stalled", "many_links_silent"; NULL = none */
	bool has_skew;                     /* against the median of the peers (N-15) */
	int64_t skew_ms;                   /* positive: this node's clock is ahead */
	bool need_open;                    /* it still looks for peers */
	int64_t resolve_in_ms;             /* when the bootstrap entries are asked next */
	size_t conns, conns_member, conns_guest, conns_admin, conns_open;
	size_t pending;
	size_t dials;
	uint64_t news_dropped; /* beyond CORE_NEWS_MAX */
};
void core_view(const struct core *c, wall_t wall, mono_t now, struct core_view *ret);

/* The snapshot in force, or NULL. Borrowed until the next fact. */
const struct snapshot *core_snapshot(const struct core *c);

bool core_is_member(const struct core *c, const struct peer_id *peer);

/* The class of a conn; CORE_REFUSED when it is unknown. */
enum core_class core_conn_class(const struct core *c, uint64_t conn);

struct core_member {
	const char *text;    /* as the snapshot spells it; borrowed */
	struct peer_id peer; /* none: no peer ID, can never be online (P-067) */
	bool self, online;
	const char *why;  /* the newest evidence or what ended it: "handshake", "heartbeat",
			   * "relayed", "bytes", "remote_close", "silence", "never", … */
	wall_t since;     /* online or offline since; WALL_ZERO = before this start, never */
	wall_t last_seen; /* newest evidence; WALL_ZERO = never */
	bool relayed;     /* the newest evidence came through others */
	uint64_t conn;    /* 0 = not connected (a silent conn that is being replaced is not) */
	enum conn_side side;
	wall_t connected_since;
	unsigned speaks;
	struct maddr addr; /* seen now or last; MADDR_NONE = never */
	bool has_rtt;
	int64_t rtt_ns;   /* smoothed */
	wall_t last_pong; /* WALL_ZERO = never */
	bool suspected;   /* a probe is unanswered for longer than its patience */
	size_t witnesses; /* …and so many others say the same */
	bool has_skew;
	int64_t skew_ms;   /* its clock against ours; positive: ahead */
	bool has_snapshot; /* known to hold the one in force */
	size_t addr_count; /* addresses known */
	bool dialling;
	int64_t dial_in_ms;     /* next dial; -1 = none planned */
	unsigned dial_failures; /* in a row */
	int dial_err;           /* of the last failed dial; 0 = none */
	enum core_stage dial_stage;
	struct maddr dial_addr;
	wall_t dial_at;
};

/* Members in the order of the snapshot, i < core_view.members. False beyond. */
bool core_member_at(
	const struct core *c, size_t i, wall_t wall, mono_t now, struct core_member *ret);
/* One by its ID; false when it is no member. */
bool core_member_get(const struct core *c, const struct peer_id *peer, wall_t wall, mono_t now,
	struct core_member *ret);

/* Address `i` of a peer, best first; false beyond. */
struct core_addr {
	struct maddr addr;
	enum core_addr_from from;
	unsigned failures;
	int err;      /* of the last try; 0 = none failed */
	wall_t tried; /* WALL_ZERO = never */
};
bool core_addr_at(
	const struct core *c, const struct peer_id *peer, size_t i, struct core_addr *ret);

/* Peers that were connected as guests, newest first (`member pending`). */
struct core_knock {
	struct peer_id peer;
	struct maddr from;
	wall_t first_seen, last_seen;
	unsigned tries;
};
bool core_pending_at(const struct core *c, size_t i, struct core_knock *ret);

/* ---- explain ------------------------------------------------------------------------------ */

/* Why things are as they are, in plain words, one sentence a line. `cause` is a fixed word for
 * scripts. The first of `lines` names the cause with its numbers, the others follow indented, those
 * about absent members among them. `notes` and `remedies` repeat, not indented, what is remarkable
 * besides absent members and what would change the state. Owned; explain_deinit(). */
struct explain {
	const char
		*cause; /* static, e.g. "quorum", "too_few_online", "no_snapshot", "not_a_member" */
	const char *finding; /* static: the word of the finding in the first line; NULL = none */
	struct buf lines, notes, remedies;
};
void explain_deinit(struct explain *e);

/* What only the owner can see. All zero: nothing is known of it. */
struct core_alert {
	const char *kind, *text; /* of a CORE_ALERT */
	wall_t at;
};
struct core_surroundings {
	size_t bootstrap_entries; /* of init_connections */
	const char *dns_failed;   /* a name of them that gave no answer; NULL = none */
	int dns_err;
	bool is_disk_full;
	wall_t starved_at;               /* out of descriptors then; WALL_ZERO = never */
	size_t tcp_though_quic;          /* members connected by TCP though both sides speak QUIC */
	size_t quic_conns;               /* members connected by QUIC */
	const struct core_alert *alerts; /* newest first */
	size_t alert_count;
};

/* About this node's state. The first line names the most telling finding (findings.h), if there is
 * one. `around` may be NULL. */
void core_explain(const struct core *c, const struct core_surroundings *around, wall_t wall,
	mono_t now, struct explain *ret);
/* About one peer, member or not. */
void core_explain_peer(const struct core *c, const struct peer_id *peer, wall_t wall, mono_t now,
	struct explain *ret);

#endif
