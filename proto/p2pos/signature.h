/* SPDX-License-Identifier: Apache-2.0 */
/* signature.h: the `sig` member of a message: absent, unreadable, or 64 bytes.
 *
 * "Absent" and "unreadable" are kept apart from "does not verify" because they have reasons of
 * their own, and because fields are to be judged before signatures (features.md P-085). */
#ifndef P2POS_P2POS_SIGNATURE_H
#define P2POS_P2POS_SIGNATURE_H

#include "proto/keys/key.h"

enum signature_form {
	SIGNATURE_NONE = 0,   /* missing or "" */
	SIGNATURE_UNREADABLE, /* there, but not strict base64 of 64 bytes */
	SIGNATURE_GIVEN,
};

struct signature {
	enum signature_form form;
	uint8_t at[KEY_SIGNATURE_BYTES]; /* zero unless given */
};

/* From its base64 text. */
void signature_parse(struct bytes text, struct signature *ret);

/* Appends the base64 text, nothing unless given. P2P_ERR_TOO_LARGE. */
int signature_print(struct buf *out, const struct signature *sig);

void signature_make(const struct key_pair *k, struct bytes message, struct signature *ret);

/* 0 or P2P_ERR_SIGNATURE (also when it is not given). */
int signature_verify(const struct key_public *k, struct bytes message, const struct signature *sig);

/* The same under the key that a peer ID carries; P2P_ERR_UNSUPPORTED when it carries none. */
int signature_verify_peer(const struct peer_id *peer, struct bytes message,
	const struct signature *sig);

#endif
