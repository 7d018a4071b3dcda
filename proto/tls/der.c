/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/der.h"

#include "proto/base/err.h"

#define TAG_CONSTRUCTED 0x20
#define TAG_LONG        0x1f /* the number goes on in further bytes: no certificate has it */
#define LENGTH_LONG     0x80
#define LENGTH_LONG_MAX 2 /* bytes of a length: 64 KiB, far above any certificate we take */

void der_fail(struct der *d)
{
	d->err = P2P_ERR_INVALID;
	d->in = BYTES_NONE;
}

/* The length at the front of `in`; false unless it is definite, in its shortest form, and what it
 * announces is there. */
static bool read_length(struct bytes in, size_t *ret_head, size_t *ret_len)
{
	size_t more, len = 0;

	if (in.len < 1)
		return false;
	if (in.at[0] < LENGTH_LONG) {
		*ret_head = 1;
		*ret_len = in.at[0];
		return in.at[0] <= in.len - 1;
	}
	more = in.at[0] & (LENGTH_LONG - 1);
	if (more == 0 || more > LENGTH_LONG_MAX || in.len < 1 + more)
		return false;
	for (size_t i = 1; i <= more; i++)
		len = len << 8 | in.at[i];
	if (len < LENGTH_LONG || (more == 2 && len <= 0xff))
		return false;
	*ret_head = 1 + more;
	*ret_len = len;
	return len <= in.len - 1 - more;
}

uint8_t der_peek(const struct der *d)
{
	return d->in.len ? d->in.at[0] : 0;
}

/* The next value of whatever tag; BYTES_NONE on an error. */
static struct bytes next(struct der *d, struct bytes *ret_body)
{
	struct bytes whole;
	size_t head, len;

	if (d->err || d->in.len < 2 || (d->in.at[0] & TAG_LONG) == TAG_LONG || !d->in.at[0] ||
		!read_length(bytes_from(d->in, 1), &head, &len)) {
		der_fail(d);
		*ret_body = BYTES_NONE;
		return BYTES_NONE;
	}
	whole = bytes_head(d->in, 1 + head + len);
	*ret_body = bytes_of(whole.at + 1 + head, len);
	d->in = bytes_from(d->in, whole.len);
	return whole;
}

struct bytes der_take_both(struct der *d, uint8_t tag, struct bytes *ret_body)
{
	if (der_peek(d) != tag)
		der_fail(d);
	return next(d, ret_body);
}

struct bytes der_take(struct der *d, uint8_t tag)
{
	struct bytes body;

	(void)der_take_both(d, tag, &body); /* the error sticks */
	return body;
}

struct bytes der_take_whole(struct der *d)
{
	struct bytes body;

	return next(d, &body);
}

struct der der_enter(struct der *d, uint8_t tag)
{
	struct bytes body = der_take(d, tag);

	return (struct der){body, d->err};
}

/* Reads `count` digits from `at`; false when one is none. */
static bool read_digits(const uint8_t *at, size_t count, int *ret)
{
	int v = 0;

	for (size_t i = 0; i < count; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		v = v * 10 + (at[i] - '0');
	}
	*ret = v;
	return true;
}

static int days_of_month(int year, int month)
{
	static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to a day of the Gregorian calendar. Years are counted from March, so that
 * the odd day of a leap year is their last one. */
static int64_t days_to(int year, int month, int day)
{
	int y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;

	return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* MMDDhhmmssZ of a year. */
static bool read_time(int year, const uint8_t *at, wall_t *ret)
{
	int month, day, hour, minute, second;

	if (!read_digits(at, 2, &month) || !read_digits(at + 2, 2, &day) ||
		!read_digits(at + 4, 2, &hour) || !read_digits(at + 6, 2, &minute) ||
		!read_digits(at + 8, 2, &second) || at[10] != 'Z')
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) ||
		hour > 23 || minute > 59 || second > 59)
		return false;
	*ret = (wall_t){days_to(year, month, day) * 86400 + hour * 3600 + minute * 60 + second, 0};
	return true;
}

wall_t der_take_time(struct der *d)
{
	uint8_t tag = der_peek(d);
	struct bytes body = der_take(d, tag == DER_UTC_TIME ? tag : DER_GENERALIZED_TIME);
	size_t year_len = tag == DER_UTC_TIME ? 2 : 4;
	wall_t t = WALL_ZERO;
	int year;

	if (d->err || body.len != year_len + 11 || !read_digits(body.at, year_len, &year)) {
		der_fail(d);
		return WALL_ZERO;
	}
	if (tag == DER_UTC_TIME)
		year += year < 50 ? 2000 : 1900;
	if (!read_time(year, body.at + year_len, &t))
		der_fail(d);
	return t;
}

struct bytes der_bits(struct bytes body)
{
	return body.len > 1 && body.at[0] == 0 ? bytes_from(body, 1) : BYTES_NONE;
}

static bool is_strict_bits(struct bytes body)
{
	uint8_t unused;

	if (body.len == 0)
		return false;
	unused = body.at[0];
	if (body.len == 1)
		return unused == 0;
	return unused < 8 && (body.at[body.len - 1] & ((1u << unused) - 1)) == 0;
}

/* Groups of seven bits, each ended by a byte below 0x80 and not begun by an empty one. */
static bool is_strict_oid(struct bytes body)
{
	bool begins = true;

	for (size_t i = 0; i < body.len; i++) {
		if (begins && body.at[i] == 0x80)
			return false;
		begins = body.at[i] < 0x80;
	}
	return body.len > 0 && begins;
}

static bool is_strict_leaf(uint8_t tag, struct bytes body)
{
	switch (tag) {
	case DER_BOOLEAN: return body.len == 1 && (body.at[0] == 0 || body.at[0] == 0xff);
	case DER_INTEGER: return body.len > 0;
	case DER_BIT_STRING: return is_strict_bits(body);
	case DER_NULL: return body.len == 0;
	case DER_OID: return is_strict_oid(body);
	case DER_SEQUENCE & ~TAG_CONSTRUCTED:
	case DER_SET & ~TAG_CONSTRUCTED: return false;
	default: /* tags are the peer's choice; strings and times have no inner form here */
		return true;
	}
}

/* Whether a tag below the class bits may be of that form: strings in pieces are BER. */
static bool is_strict_form(uint8_t tag)
{
	return (tag & 0xc0) || tag == DER_SEQUENCE || tag == DER_SET || !(tag & TAG_CONSTRUCTED);
}

/* Every value of `in`, and what is inside, is well-formed. Recurses DER_DEPTH_MAX deep at most. */
static bool are_strict(struct bytes in, unsigned depth)
{
	struct der d = der_of(in);

	if (depth == 0)
		return false;
	while (d.in.len > 0) {
		uint8_t tag = der_peek(&d);
		struct bytes body;

		(void)next(&d, &body);
		if (d.err || !is_strict_form(tag))
			return false;
		if (tag & TAG_CONSTRUCTED ? !are_strict(body, depth - 1)
					  : !is_strict_leaf(tag, body))
			return false;
	}
	return !d.err;
}

bool der_is_strict(struct bytes in)
{
	struct der d = der_of(in);

	(void)der_take_whole(&d);
	return der_is_done(&d) && are_strict(in, DER_DEPTH_MAX);
}
