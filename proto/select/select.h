/* SPDX-License-Identifier: Apache-2.0 */
/* select.h: multistream-select 1.0, how two sides agree on a protocol by its name
 * (spec tcp-stack.md section 2).
 *
 * The dialer of a channel names what it wants, its dearest first; the listener repeats the first
 * name that it speaks too and answers "na" to the others. A channel is a raw connection, a secured
 * one, or one stream.
 *
 * A negotiation owns no memory and takes exactly its own bytes: what stands behind the last one
 * belongs to the next layer. A dialer may send the next layer's first bytes right behind its
 * proposal. The deadline of the whole negotiation is the owner's. */
#ifndef P2POS_SELECT_SELECT_H
#define P2POS_SELECT_SELECT_H

#include "proto/base/buf.h"

#define SELECT_TEXT_BYTES_MAX  1024 /* a text and its newline; a longer one is malformed */
#define SELECT_NAME_BYTES_MAX  63   /* of a name that we speak; a longer one is answered "na" */
#define SELECT_REFUSALS_MAX    64   /* "na" answers on one channel; the next ends it */

enum select_side { SELECT_DIALER, SELECT_LISTENER };

struct select {
	const char *const *names; /* borrowed: stays valid until the negotiation ends */
	uint16_t name_count;
	uint16_t at;              /* dialer: the name proposed; listener: the name agreed */
	uint8_t side;             /* enum select_side */
	uint8_t state;            /* private to select.c */
	uint8_t refused;          /* "na" answers seen or given */
	bool owes_header, owes_name;
	uint8_t owes_na;          /* "na" answers not sent yet; they go before the name */
	uint8_t prefix_len;       /* bytes of the length prefix held in `text` */
	uint16_t text_len;        /* of the text that is arriving; 0 while its prefix is */
	uint16_t text_got;
	uint8_t text[SELECT_NAME_BYTES_MAX + 1]; /* its first bytes; the rest is not kept */
};

/* Begins. A dialer proposes `names` in order, a listener speaks them; each has 1 to
 * SELECT_NAME_BYTES_MAX bytes. A dialer has at least one name. */
void select_init(
	struct select *s, enum select_side side, const char *const *names, size_t name_count);

/* Takes from the front of `in` what belongs to the negotiation, cut anywhere, and moves `in`
 * behind it. 0, or the negotiation is dead: P2P_ERR_PROTOCOL when the peer's bytes are not
 * multistream-select, P2P_ERR_UNSUPPORTED when the two have no name in common. */
int select_recv(struct select *s, struct bytes *in);

/* Appends what is to be sent now. P2P_ERR_TOO_LARGE when `out` has no room for all of it; nothing
 * is lost then. */
int select_send(struct select *s, struct buf *out);

bool select_wants_send(const struct select *s);

/* A listener that has not agreed yet speaks other names from now on. */
void select_set_names(struct select *s, const char *const *names, size_t name_count);

/* The name agreed upon, a pointer out of `names`; NULL before. A listener has to send its answer
 * all the same. */
const char *select_agreed(const struct select *s);

#endif
