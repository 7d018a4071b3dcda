/* SPDX-License-Identifier: Apache-2.0 */
/* core_parts.h: what the parts of the core share: the tables of peers and conns, and who owns
 * what. Nobody outside proto/cluster includes it.
 *
 * Each part is a file with a few functions on `struct core`; core.c calls them and tells nobody
 * else. A fact changes the tables, and core_settle() at its end draws the conclusions, once. */
#ifndef P2POS_CLUSTER_CORE_PARTS_H
#define P2POS_CLUSTER_CORE_PARTS_H

#include "proto/base/err.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/cluster/addrs.h"
#include "proto/cluster/alive.h"
#include "proto/cluster/bucket.h"
#include "proto/cluster/core.h"
#include "proto/cluster/members.h"
#include "proto/cluster/sources.h"
#include "proto/cluster/timer.h"

#include <assert.h>
#include <stdlib.h>

#define uthash_malloc(size) xmalloc(size)
#include <uthash.h>

#define LINK_SHORT_MS        60000  /* a conn that falls silent before that died young */
#define LINK_SHORT_FORGET_MS 300000 /* …which is of no interest any more after this */
#define LINK_PONGS           16     /* so many answers are looked at for late ones */
#define LINK_PONGS_ENOUGH    12     /* fewer prove nothing */

#define CORE_TELLERS_MAX 16 /* who told us of one silent member; the oldest makes room */

struct link;

/* Somebody told us that a member does not answer (suspect.h). It counts as a witness while fresh,
 * and is owed news of that member for a while longer. */
struct teller {
	uint64_t serial; /* of the peer that told: one peer is one witness */
	uint64_t conn;   /* where to send news */
	mono_t at;
};

struct tellers {
	size_t count;
	struct teller list[CORE_TELLERS_MAX];
	size_t told_count; /* whom we told lately that it does not answer us either */
	struct teller told[CORE_TELLERS_MAX];
};

struct peer {
	struct peer_id id; /* key of core.peers; padded with zeros, so hashed whole */
	bool is_member, is_self;
	bool online;      /* counted in k */
	bool told_online; /* what the owner was last told */
	bool target;      /* the mesh wants a conn to it */
	bool dialling;
	bool was_member; /* in an earlier list of this run: is told of its removal when it knocks */
	uint64_t serial; /* never used twice */
	uint64_t list_generation; /* of the last list that named it */

	struct link *link;  /* the conn that stands for it */
	struct link *rival; /* a second one, until it is settled */
	uint8_t conflicts;  /* second conns from another network within conflict_from + 10 min */
	mono_t conflict_from;

	struct alive alive;
	wall_t seen_before;     /* newest evidence of an earlier run; WALL_ZERO = none */
	wall_t changed_at;      /* online or offline since */
	uint8_t short_lives;    /* points of conns in a row that died young (conns.c) */
	mono_t short_at;        /* the last of them */
	char down_detail[64];   /* what was said when its conn ended last */
	wall_t beat_ts;         /* of the last heartbeat accepted (own: sent); WALL_ZERO = none */
	wall_t direct_ts;       /* of the last one that came from itself; never above beat_ts */
	struct heartbeat *beat; /* owned; the newest accepted one, to be passed on; may be NULL */
	bool has_offset;
	bool offset_doubted; /* the last heartbeat was far slower than that, or its clock went back
			      */
	int64_t offset_ns;   /* its clock minus our monotonic one, as of its quickest heartbeat */
	mono_t marked_at;    /* last CORE_STORE_MARK; MONO_ZERO = never */
	bool skew_alerted;

	mono_t restart_at;       /* when it last announced a restart; MONO_ZERO = never */
	struct tellers *tellers; /* owned, may be NULL */
	mono_t wished_at;        /* when we last asked others about it */
	mono_t urged_at;         /* when we last passed a suspicion on to itself */

	struct addrs addrs;
	mono_t dial_from;         /* not dialled before, whatever its addresses say */
	struct place *seen_at;    /* owned; last remote address, may be NULL */
	struct place *reached_at; /* owned; last address that a dial reached, may be NULL */
	struct buf record;        /* its sealed peer record */
	uint64_t record_seq;
	struct timer dial_timer, expiry;
	struct list dirty, fresh; /* in core.dirty_peers, core.fresh_beats */
	UT_hash_handle hh;
};

/* An address in as many bytes as it needs: there are two of every member. */
struct place {
	uint16_t len;
	uint8_t at[];
};

/* Copies into `*at`, whose old place is freed. */
void place_set(struct place **at, const struct maddr *a);
/* MADDR_NONE for NULL. */
struct maddr place_get(const struct place *p);

enum link_want { /* decisions that a conn waits for; each at most once */
	WANT_PING = 1 << 0,
	WANT_BEAT = 1 << 1,
	WANT_URGE = 1 << 2, /* send it the suspicion about itself */
	WANT_PEERS = 1 << 3,
	WANT_POKE = 1 << 4,
};

struct link {
	uint64_t conn;     /* key of core.links */
	struct peer *peer; /* NULL once it is closing */
	enum core_class klass;
	enum conn_side side;
	unsigned speaks; /* CORE_SPEAKS_… of identify */
	unsigned lacks;  /* …that it did not take after all */
	bool closing;    /* CORE_CLOSE was said; waits for core_conn_down() */
	bool identified; /* core_protocols() was told */
	bool wins;       /* of two conns it stays, as soon as it is sure that the peer has it too */
	bool leaving;    /* its peer was removed: gets the list that says so, and is closed */
	bool ends_untold;     /* over QUIC: no kernel says goodbye for a process that was killed */
	struct list untold;   /* in core.untold while it is a member's and ends so */
	struct place *remote; /* owned */
	wall_t up_wall;
	mono_t up, heard;
	const char *admin_why; /* for an admin session: "issuer", "configured", "proof" */

	/* liveness (probe.c) */
	bool asked;      /* a probe is unanswered */
	bool suspected;  /* …for longer than its patience */
	bool silent;     /* …for so long that a replacement is sought */
	mono_t asked_at; /* of the first unanswered one */
	mono_t told_at;  /* when we last told others */
	mono_t urged_at; /* it said that it does not hear us, and no pong has come since; ZERO = no */
	mono_t urged_again_at; /* …and said so last */
	bool one_way;    /* …for so long that a replacement is sought */
	struct timer pong_timer;
	bool has_rtt;
	int64_t srtt_ns, rttvar_ns;
	int64_t answer_min_ns; /* from question to answer; a path without losses would show it again
				  and again */
	uint16_t late_bits; /* of the last LINK_PONGS answers, newest lowest: far later than that */
	uint8_t pongs, late; /* how many there were, and late ones among them */
	wall_t pong_at;

	/* membership (spread.c) */
	bool has_stamp;
	struct snapshot_stamp has;     /* newest snapshot that it is known to hold */
	struct snapshot_stamp offered; /* pushed to it already */
	bool pull_wanted, pulling, pull_done;
	bool push_wanted, pushing;
	bool push_cut; /* a list that was sent did not arrive whole, or its answer did not */
	struct bucket push_rate; /* signature checks for its pushes */
	struct bucket suspect_rate;

	unsigned wants; /* enum link_want */
	struct timer timer;
	struct list order;    /* in core.by_heard while a member, core.guests while a guest, … */
	struct list dirty;    /* in core.dirty_links */
	struct list transfer; /* in core.pulls_wanted or core.pushes_wanted */
	UT_hash_handle hh;
};

struct dial {
	uint64_t id;       /* 0 = free slot */
	struct peer *peer; /* NULL = a bootstrap address without ID */
	struct maddr seed; /* that address */
	size_t reached;    /* 1 when a conn came of it */
};

struct news;

enum core_timer {
	TIMER_PROBE,   /* one more member to probe, some to poke */
	TIMER_BEAT,    /* heartbeat to all */
	TIMER_REFUTE,  /* somebody doubts us */
	TIMER_SYNC,    /* pull from a few */
	TIMER_PULLS,   /* the bucket has a pull for us */
	TIMER_RESOLVE, /* ask the bootstrap entries */
	TIMER_PEERS,   /* ask once more for addresses of members */
	TIMER_SEEDS,   /* dial a bootstrap address without ID */
	TIMER_JOIN,    /* enough waited for sources */
	TIMER_APPLY,   /* the issuer may be applied again */
	TIMER_WISH,    /* ask about members out of reach */
	TIMER_FLUSH,   /* pass fresh heartbeats on */
	TIMER_REVIEW,  /* look at periods of validity and clocks */
	TIMER_GLOBAL_COUNT,
	TIMER_LINK,   /* of one conn */
	TIMER_PONG,   /* of one whose peer does not hear us */
	TIMER_DIAL,   /* of one peer */
	TIMER_EXPIRY, /* of one peer's evidence */
};

struct core {
	/* as told */
	const struct key_pair *identity;
	struct rng *rng;
	struct peer_id self;
	char cluster_id[CLUSTER_ID_SIZE];
	bool has_system;
	struct key_public system;
	bool insecure;
	int64_t beat_ms, timeout_ms, dead_ms;
	unsigned full_limit, degree, guests_max, conns_max;
	struct peer_id admins[CORE_ADMINS_MAX];
	size_t admin_count;

	struct timers timers;
	struct timer global[TIMER_GLOBAL_COUNT];

	/* tables */
	struct peer *peers;
	struct link *links;
	struct peer *me; /* our own entry */
	uint64_t serials;
	size_t stranger_count; /* peers that are no members */
	size_t class_count[CORE_MEMBER + 1];
	struct list untold; /* members' links whose end nobody tells, longest not poked first … */
	size_t untold_count; /* … and how many they are */
	size_t accepted_open;
	struct list by_heard; /* member links, longest unheard first */
	struct list others;   /* all other links, longest unheard first */
	struct list dirty_links, dirty_peers, fresh_beats;
	struct sources sources;
	struct core_knock knocks[CORE_PENDING_MAX];
	size_t knock_count;

	/* membership */
	struct members members;
	bool configured; /* we are in the list in force */
	uint64_t list_generation;
	size_t member_peers;  /* entries of `peers` that are members */
	size_t online;        /* k, with ourselves when configured */
	struct bucket checks; /* signature checks of pushed snapshots, all peers */
	size_t pulls, pushes; /* under way */
	struct list pulls_wanted, pushes_wanted;
	struct bucket pull_rate;
	struct refused {
		enum snapshot_reason why; /* SNAPSHOT_OK: none was */
		wall_t at, issued_at, proof_from, proof_to;
		char cluster_id[CLUSTER_ID_SIZE];
	} refused;                 /* the last list that was not taken for what it says */
	wall_t guests_full_at;     /* a guest was turned away; WALL_ZERO = never */
	struct place *mismatch_at; /* owned; where another peer answered than `mismatched` */
	struct peer_id mismatched;
	wall_t mismatched_at;
	bool join_waiting; /* the first good answer came, others are still out */
	bool forced_sync;

	/* mesh */
	struct dial dials[CORE_DIALS_MAX];
	size_t dial_count, target_count, target_linked;
	uint64_t dial_ids;
	struct addrs seeds;
	bool resolved_once;
	int64_t peers_wait_ms;

	/* liveness */
	size_t suspected;               /* member links that are */
	mono_t doubt_from, doubt_until; /* after a stall (N-09) */
	mono_t died_at;                 /* the last time that somebody was given up for silence */
	mono_t round_at;                /* last round of probes for all */
	struct bucket refute_rate, greet_rate, peers_rate;
	mono_t born;

	/* heartbeats */
	struct buf beat_json; /* our newest, printed */
	mono_t beat_at;
	bool has_skew, skew_alerted;
	int64_t skew_ms;

	/* state */
	enum core_state state;
	char reason[160];
	char trigger[160]; /* what may have caused the next change */
	wall_t state_since;
	bool state_dirty, started;
	bool proof_expired;    /* of the list in force, when it was looked at last */
	int proof_warned_days; /* the smallest warning given: 30, 7, 1 days before (P-078) */

	/* decisions */
	struct list news; /* of struct news */
	size_t news_count;
	uint64_t news_dropped;
	struct news *told;  /* the one that the owner looks at; freed with the next */
	struct buf scratch; /* bytes of a decision that is made on the spot */
};

/* ---- peers and links (peers.c) ------------------------------------------------------------ */

struct peer *peer_find(const struct core *c, const struct peer_id *id);
/* Finds or makes; NULL when it would be a stranger too many. */
struct peer *peer_get(struct core *c, const struct peer_id *id);
/* Forgets a stranger that nothing holds on to. */
void peer_let_go(struct core *c, struct peer *p);
void peer_free(struct core *c, struct peer *p);

struct link *link_find(const struct core *c, uint64_t conn); /* none that is closing */
struct link *link_new(struct core *c, uint64_t conn, struct peer *p);
/* Takes it out of the lists and counts of its class, and into those of `klass`. */
void link_set_class(struct core *c, struct link *l, enum core_class klass);
/* Forgets that it stands for its peer; it stays only to be closed. */
void link_detach(struct core *c, struct link *l);
void link_free(struct core *c, struct link *l);
void link_want(struct core *c, struct link *l, enum link_want what);
/* Bytes came: moves it to the end of its list. */
void link_heard(struct core *c, struct link *l, mono_t now);

/* A member whose conn answers for it: class member, and not given up. */
static inline bool link_is_member(const struct link *l)
{
	return l && !l->closing && l->klass == CORE_MEMBER;
}

/* Picks up to `max` links of members that speak `speaks`, evenly, none of them of `but`. */
size_t links_pick(
	struct core *c, struct link **ret, size_t max, unsigned speaks, const struct peer *but);

/* ---- decisions (news.c) ------------------------------------------------------------------- */

struct news {
	struct list node;
	struct core_decision d;
	struct buf bytes;               /* behind d.json, d.text, d.u.state.reason */
	struct peer_id *ids, *more_ids; /* owned, behind the lists of peers */
	struct core_dial *dial;
};

/* Appends one; the caller fills in the rest at once. Alerts may be dropped (NULL). */
struct news *news_add(struct core *c, enum core_decision_kind kind);
struct news *news_link(
	struct core *c, enum core_decision_kind kind, const struct link *l, const char *why);
void news_alert(struct core *c, const char *kind, const struct peer_id *peer, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void news_free_all(struct core *c);

/* ---- gate.c ------------------------------------------------------------------------------- */

/* What a peer may do now, not looking at numbers. */
enum core_class gate_class(const struct core *c, const struct peer *p, const char **ret_admin_why);
/* The class that there is room for; CORE_REFUSED with a reason when there is none. May close an
 * idle stranger to make room. */
enum core_class gate_room(struct core *c, enum core_class wish, enum conn_side side,
	const char **ret_why, wall_t wall, mono_t now);
/* Gives an admin session for `why`; false when there are too many. */
bool gate_admin(struct core *c, struct link *l, const char *why, mono_t now);
/* A list came into force: everyone gets the class that it gives. */
void gate_review(struct core *c, wall_t wall, mono_t now);
/* Arms the clock of its class. */
void gate_arm(struct core *c, struct link *l);
void gate_timer(struct core *c, struct link *l, wall_t wall, mono_t now);

/* ---- conns.c ------------------------------------------------------------------------------ */

/* Says CORE_CLOSE, and draws the conclusions as if it were closed already. */
void conn_give_up(struct core *c, struct link *l, const char *why, enum alive_loss loss,
	mono_t lost, wall_t wall, mono_t now);
/* One of the two conns of a peer answered a ping that was sent at `asked`. */
void conn_rival_answered(struct core *c, struct link *l, mono_t asked, wall_t wall, mono_t now);
/* Something was heard on the one of two that is to stay. */
void conn_sure(struct core *c, struct link *winner, wall_t wall, mono_t now);
void conn_rival_timer(struct core *c, struct link *l, wall_t wall, mono_t now);

/* ---- probe.c ------------------------------------------------------------------------------ */

void probe_next(struct core *c, mono_t now); /* TIMER_PROBE */
void probe_heard(struct core *c, struct link *l);
void probe_pong(struct core *c, struct link *l, int64_t rtt_ns, wall_t wall, mono_t now);
void probe_timer(struct core *c, struct link *l, wall_t wall, mono_t now);
void probe_ask(struct core *c, struct link *l, mono_t now);
void probe_stalled(struct core *c, int64_t ms, mono_t now);
void probe_urged(struct core *c, struct link *l, mono_t now); /* it does not hear us: is it so? */
void probe_pong_missing(struct core *c, struct link *l, mono_t now);
void probe_doubted(struct core *c, mono_t now);    /* somebody does not hear us: whom do we? */
void probe_forget(struct core *c, struct link *l); /* it is closed or no member any more */
/* Does the member live, and its conn not carry anything for a while? Then it is not shown as one.
 */
bool probe_is_broken(const struct core *c, const struct link *l, mono_t now);
/* NULL, or why this node accuses nobody at the moment. */
const char *probe_doubt(const struct core *c, mono_t now);
size_t probe_witnesses(const struct core *c, const struct peer *p, mono_t now);
size_t probe_witnesses_needed(const struct core *c);

/* ---- poke.c ------------------------------------------------------------------------------- */

void poke_some(struct core *c, int64_t turn_ms); /* a turn's share of them */

/* ---- restart.c ---------------------------------------------------------------------------- */

/* After our own announced restart: a member that was seen at `last_seen` may still count. */
void restart_resume(struct core *c, struct peer *p, wall_t last_seen, wall_t wall, mono_t now);

/* ---- rumour.c: suspicions and relayed heartbeats ------------------------------------------- */

void rumour_ask(struct core *c, struct peer *about, mono_t now);
/* It is gone for us, and no kernel told the others: they should ask it now. */
void rumour_end(struct core *c, struct peer *about, mono_t now); /* tell up to three, and itself */
void rumour_wishes(struct core *c, mono_t now);                  /* TIMER_WISH */
void rumour_beat(struct core *c, struct peer *about, const struct link *from, wall_t wall,
	mono_t now);                                           /* a fresh heartbeat of it came */
void rumour_flush(struct core *c, mono_t now);                 /* TIMER_FLUSH */
void rumour_greet(struct core *c, struct link *l, mono_t now); /* ask a new one what it knows */

/* ---- beat.c ------------------------------------------------------------------------------- */

void beat_to_all(struct core *c, wall_t wall, mono_t now); /* TIMER_BEAT, TIMER_REFUTE */
void beat_to(struct core *c, struct link *l, wall_t wall, mono_t now);
/* Somebody who is linked by `to` doubts us: shows that we live, not too often. */
void beat_refute(struct core *c, struct link *to, wall_t wall, mono_t now);
void beat_review(struct core *c, wall_t wall, mono_t now); /* clocks */

/* ---- mesh.c ------------------------------------------------------------------------------- */

void mesh_targets(struct core *c); /* a list came into force */
void mesh_plan(struct core *c, struct peer *p, mono_t now);
void mesh_plan_all(struct core *c, mono_t now);
void mesh_lost(struct core *c, struct peer *p, mono_t now); /* quick redial */
void mesh_dial_timer(struct core *c, struct peer *p, mono_t now);
void mesh_seeds(struct core *c, mono_t now);
/* Asks it for the addresses of members, while some are missing. */
void mesh_ask_peers(struct core *c, struct link *l, mono_t now);
void mesh_ask_again(struct core *c, mono_t now); /* TIMER_PEERS */
void mesh_resolve(struct core *c, mono_t now);   /* TIMER_RESOLVE */
bool mesh_needs(const struct core *c);
void mesh_reached(struct core *c, uint64_t dial, struct link *l, wall_t wall);
void mesh_reached_self(struct core *c, uint64_t dial, wall_t wall, mono_t now);

/* ---- addresses.c -------------------------------------------------------------------------- */

/* core_record(); `store`: it is news, not memory. */
/* `teller`: where the one is who passed it on; NONE = the peer itself. */
int record_learn(
	struct core *c, struct bytes sealed, bool store, enum maddr_reach teller, mono_t now);

/* ---- spread.c ----------------------------------------------------------------------------- */

void spread_sync(struct core *c, mono_t now);                /* TIMER_SYNC */
void spread_pulls(struct core *c, mono_t now);               /* TIMER_PULLS */
void spread_met(struct core *c, struct link *l, mono_t now); /* a conn is identified */
void spread_all(struct core *c, mono_t now);                 /* a new list is in force */
void spread_forget(struct core *c, struct link *l);
void spread_knows(struct core *c, struct link *l, const struct snapshot_stamp *s, mono_t now);
void spread_pull_from(struct core *c, struct link *l, mono_t now);
void spread_ask(struct core *c, struct link *l, mono_t now); /* the same, when its turn comes */

/* ---- accept.c: judging snapshots ----------------------------------------------------------- */

/* Tells that what a peer gave when it was asked is no snapshot that may be taken. */
void accept_pull_refused(struct core *c, const struct link *from, enum snapshot_reason reason);
void accept_offer(struct core *c, struct snapshot *take_s, enum snapshot_source source,
	struct link *from, uint64_t token, wall_t wall, mono_t now);
void accept_review(struct core *c, bool time_is_up, wall_t wall, mono_t now);
void accept_next(struct core *c, mono_t now); /* TIMER_APPLY */
void accept_verdict(struct core *c, uint64_t token, enum snapshot_reason reason, bool unchanged,
	const char *error);

/* ---- apply.c: a list comes into force ------------------------------------------------------ */

/* The list in members.held is new; `old` is the one before (empty: none). */
void apply_held(struct core *c, const struct snapshot *old, wall_t wall, mono_t now);

/* ---- core.c ------------------------------------------------------------------------------- */

/* Evidence changed: counts it anew. Call after every change of p->alive. */
void core_recount(struct core *c, struct peer *p, wall_t wall, mono_t now);
void core_settle(struct core *c, wall_t wall, mono_t now);

static inline void core_arm(struct core *c, enum core_timer t, mono_t at)
{
	timer_arm(&c->timers, &c->global[t], at);
}

/* Arms it unless it would ring earlier anyway. */
static inline void core_arm_by(struct core *c, enum core_timer t, mono_t at)
{
	if (!timer_is_armed(&c->global[t]) || mono_before(at, c->global[t].at))
		timer_arm(&c->timers, &c->global[t], at);
}

#endif
