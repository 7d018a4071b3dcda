/* SPDX-License-Identifier: Apache-2.0 */
/* der.h: reads DER, the one encoding of ASN.1 that certificates are signed in (X.690).
 *
 * A value is a tag, a length and a body. What is read here is stricter than what libraries take:
 * definite and shortest lengths, one-byte tags, no value longer than what holds it. A reader walks
 * the values of one body in their order; the first error sticks, as with a cursor. Nothing is
 * copied and nothing allocated. */
#ifndef P2POS_TLS_DER_H
#define P2POS_TLS_DER_H

#include "proto/base/bytes.h"
#include "proto/base/clock.h"

#define DER_DEPTH_MAX 16 /* values inside values; a deeper one is malformed. Certificates have 8   \
			  */

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_FIELD_0 = 0xa0, /* [0] and [3] around other values */
	DER_FIELD_3 = 0xa3,
	DER_STRING_1 = 0x81, /* [1] and [2] in place of a string's own tag */
	DER_STRING_2 = 0x82,
};

struct der {
	struct bytes in; /* borrowed; what is not read yet */
	int err;         /* 0, or P2P_ERR_INVALID from the first thing that is wrong */
};

static inline struct der der_of(struct bytes in)
{
	return (struct der){in, 0};
}

/* The tag of the next value; 0, which no value has, at the end and after an error. */
uint8_t der_peek(const struct der *d);

/* The body of the next value, which must have this tag; BYTES_NONE on an error. */
struct bytes der_take(struct der *d, uint8_t tag);

/* The whole next value, tag and length included, whatever its tag. */
struct bytes der_take_whole(struct der *d);

/* The whole next value and, in `ret_body`, its body; it must have this tag. */
struct bytes der_take_both(struct der *d, uint8_t tag, struct bytes *ret_body);

/* A reader of the body of the next value, which must have this tag. An error here is an error
 * there: it begins with the same `err`. */
struct der der_enter(struct der *d, uint8_t tag);

/* The instant of the next value: a UTCTime (of 1950 to 2049) or a GeneralizedTime (of the years 1
 * to 9999), whole seconds and Z, as RFC 5280 section 4.1.2.5 has them; that each is to be used for
 * its own years only is not insisted upon. WALL_ZERO on an error. */
wall_t der_take_time(struct der *d);

/* Notes an error of the caller's own. */
void der_fail(struct der *d);

/* Everything was read and nothing was wrong. */
static inline bool der_is_done(const struct der *d)
{
	return !d->err && d->in.len == 0;
}

/* The contents of a BIT STRING body that holds whole bytes (no unused bits); BYTES_NONE if not. */
struct bytes der_bits(struct bytes body);

/* `in` is exactly one value, well-formed to its leaves: lengths everywhere, and the bodies of
 * booleans, bit strings, nulls and object identifiers are as DER wants them. Integers are only
 * known not to be empty: the one that may be long and is nobody's business, a certificate's serial
 * number, comes with a needless leading byte from some writers. */
bool der_is_strict(struct bytes in);

#endif
