/* SPDX-License-Identifier: Apache-2.0 */
/* dnsaddr.h: addresses out of DNS TXT records: what to ask, what the answers mean, when to stop
 * (spec multiformats.md section 10.2; p2pos.md on entry points; features P-041 to P-045; R-46).
 *
 * A record says "dnsaddr=/…" or just "/…". Such an address may be a /dnsaddr again, so one name can
 * lead to many. A `struct dnsaddr` keeps the books of one resolution and asks nothing itself:
 *
 *	dnsaddr_init(&d);
 *	dnsaddr_add_name(&d, domain);                   or dnsaddr_add(&d, &multiaddr)
 *	while (dnsaddr_next(&d, &ask)) {
 *		(look up the TXT records of ask.name)
 *		for each: if (dnsaddr_answer(&d, ask.id, txt, &a) == 0) (a is an address)
 *		dnsaddr_done(&d, ask.id);
 *	}
 *
 * Questions may be open side by side: dnsaddr_next() gives what can be asked now, and after a
 * dnsaddr_done() there may be more. The resolution is over when dnsaddr_is_over() says so.
 * Loops are cut, because no question is put twice; what grows too far is cut by the limits. DNS
 * proves nothing: the addresses are candidates for a dial that checks who answers. */
#ifndef P2POS_MULTI_DNSADDR_H
#define P2POS_MULTI_DNSADDR_H

#include "proto/multi/maddr.h"

#define DNSADDR_DEPTH_MAX   4   /* a /dnsaddr found deeper is dropped                     */
#define DNSADDR_LOOKUPS_MAX 32  /* questions of one resolution; further ones are dropped  */
#define DNSADDR_RECORDS_MAX 100 /* address records of one resolution; further are dropped */
#define DNSADDR_NAME_SIZE   254 /* the longest DNS name and its NUL                       */

/* Reads one TXT record (its character-strings joined): "dnsaddr=/…" or "/…", with or without
 * double quotes around it. P2P_ERR_NOT_FOUND when it speaks of something else, P2P_ERR_INVALID when
 * the address in it is malformed or of an unknown kind. */
int dnsaddr_parse_txt(struct bytes txt, struct maddr *ret);

/* True when the last components of `a` are those of `suffix`; always for an empty one. */
bool dnsaddr_ends_with(const struct maddr *a, struct bytes suffix);

/* One question: the TXT records of a name. */
struct dnsaddr_question {
	char name[DNSADDR_NAME_SIZE]; /* lower case, no trailing dot, "_dnsaddr." in front */
	uint8_t depth;                /* 1 for what was added from outside */
	bool is_plain;                /* the second try, without "_dnsaddr." */
	bool is_asked;                /* dnsaddr_next() gave it out */
	bool is_done;
	bool has_records;    /* an address record came */
	struct maddr suffix; /* its results must end so; may be empty */
};

struct dnsaddr {
	uint8_t question_count;
	uint8_t records; /* address records so far */
	bool was_cut;    /* a limit dropped something; worth a line to the operator */
	struct dnsaddr_question questions[DNSADDR_LOOKUPS_MAX];
};

/* What the driver is to look up; the id names it in the two calls below. */
struct dnsaddr_ask {
	uint8_t id;
	const char *name; /* belongs to the struct dnsaddr */
};

void dnsaddr_init(struct dnsaddr *d);

/* Adds a domain as people write it ("example.org", trailing dot allowed). "_dnsaddr.example.org" is
 * asked first, and if no address record comes, "example.org"; a name that begins with "_dnsaddr."
 * is asked as it is. P2P_ERR_INVALID (no DNS name), P2P_ERR_FULL. */
int dnsaddr_add_name(struct dnsaddr *d, struct bytes domain);

/* Adds /dnsaddr/NAME[/…]; what is behind the name must be the end of every result.
 * P2P_ERR_UNSUPPORTED when `a` does not begin with dnsaddr; otherwise as above. */
int dnsaddr_add(struct dnsaddr *d, const struct maddr *a);

/* The next question to ask; false when there is none for now. */
bool dnsaddr_next(struct dnsaddr *d, struct dnsaddr_ask *ret);

/* One TXT record that came for question `id`. 0: `ret` is a result (which may begin with dns, dns4
 * or dns6, for the driver to look up). P2P_ERR_AGAIN: it was a /dnsaddr and became a question.
 * P2P_ERR_EXISTS: a /dnsaddr that was asked already. P2P_ERR_MISMATCH: not the suffix.
 * P2P_ERR_FULL: dropped by a limit. P2P_ERR_NOT_FOUND, P2P_ERR_INVALID: as dnsaddr_parse_txt(). */
int dnsaddr_answer(struct dnsaddr *d, uint8_t id, struct bytes txt, struct maddr *ret);

/* No more records come for question `id` (also after an error of DNS). */
void dnsaddr_done(struct dnsaddr *d, uint8_t id);

/* True when every question is asked and done. */
bool dnsaddr_is_over(const struct dnsaddr *d);

#endif
