/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/jsonscan.h"

#include <assert.h>

#include "proto/base/err.h"

#define INTEGER_MAX (UINT64_C(1) << 53)

/* What the next byte may be. White space is allowed in the states of the first group. */
enum state {
	BEFORE_OBJECT, /* nothing but the brace that opens the top object */
	KEY_OR_END,    /* behind '{' */
	KEY,           /* behind ',' in an object */
	COLON,
	VALUE,         /* behind ':' or behind ',' in an array */
	VALUE_OR_END,  /* behind '[' */
	COMMA_OR_END,  /* behind a value */
	AFTER_OBJECT,  /* complete */

	IN_STRING,
	IN_ESCAPE,     /* behind a backslash */
	IN_UNICODE,    /* behind \u */
	IN_LITERAL,    /* true, false, null */

	NUMBER_MINUS,  /* behind '-' */
	NUMBER_ZERO,   /* a leading 0: no digit may follow */
	NUMBER_INT,
	NUMBER_POINT,  /* behind '.' */
	NUMBER_FRACTION,
	NUMBER_E,      /* behind e or E */
	NUMBER_E_SIGN,
	NUMBER_EXPONENT,
};

void jsonscan_init(struct jsonscan *s, const struct json_limits *limits)
{
	*s = (struct jsonscan){.limits = *limits, .state = BEFORE_OBJECT};
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool in_array(const struct jsonscan *s)
{
	return s->is_array >> (s->depth - 1) & 1;
}

static int open_container(struct jsonscan *s, bool array)
{
	if (s->depth == JSON_DEPTH_MAX)
		return P2P_ERR_JSON;
	s->is_array = (uint16_t)((s->is_array & ~(1U << s->depth)) | (unsigned)array << s->depth);
	s->depth++;
	s->state = array ? VALUE_OR_END : KEY_OR_END;
	return 0;
}

static int close_container(struct jsonscan *s, uint8_t c)
{
	if (in_array(s) != (c == ']'))
		return P2P_ERR_JSON;
	s->depth--;
	s->state = s->depth ? COMMA_OR_END : AFTER_OBJECT;
	s->complete = s->depth == 0;
	return 0;
}

static int begin_string(struct jsonscan *s, bool is_key)
{
	s->state = IN_STRING;
	s->is_key = is_key;
	s->string_bytes = 0;
	s->utf8_more = 0;
	s->high_half = 0;
	return 0;
}

static int begin_number(struct jsonscan *s, uint8_t c)
{
	s->negative = c == '-';
	s->magnitude = s->negative ? 0 : (uint64_t)(c - '0');
	s->count = 1;
	s->state = c == '-' ? NUMBER_MINUS : c == '0' ? NUMBER_ZERO : NUMBER_INT;
	return 0;
}

static int begin_literal(struct jsonscan *s, uint8_t c)
{
	s->literal = c == 't' ? "true" : c == 'f' ? "false" : "null";
	s->count = 1;
	s->state = IN_LITERAL;
	return 0;
}

static int begin_value(struct jsonscan *s, uint8_t c)
{
	if (++s->values > s->limits.values_max)
		return P2P_ERR_TOO_LARGE;
	if (c == '{' || c == '[')
		return open_container(s, c == '[');
	if (c == '"')
		return begin_string(s, false);
	if (c == '-' || is_digit(c))
		return begin_number(s, c);
	if (c == 't' || c == 'f' || c == 'n')
		return begin_literal(s, c);
	return P2P_ERR_JSON;
}

/* One byte between tokens. */
static int between(struct jsonscan *s, uint8_t c)
{
	if (is_space(c))
		return 0;
	switch ((enum state)s->state) {
	case BEFORE_OBJECT:
		return c == '{' ? begin_value(s, c) : P2P_ERR_JSON;
	case KEY_OR_END:
		if (c == '}')
			return close_container(s, c);
		return c == '"' ? begin_string(s, true) : P2P_ERR_JSON;
	case KEY:
		return c == '"' ? begin_string(s, true) : P2P_ERR_JSON;
	case COLON:
		s->state = VALUE;
		return c == ':' ? 0 : P2P_ERR_JSON;
	case VALUE:
		return begin_value(s, c);
	case VALUE_OR_END:
		return c == ']' ? close_container(s, c) : begin_value(s, c);
	case COMMA_OR_END:
		if (c == '}' || c == ']')
			return close_container(s, c);
		s->state = in_array(s) ? VALUE : KEY;
		return c == ',' ? 0 : P2P_ERR_JSON;
	case AFTER_OBJECT:
		return P2P_ERR_JSON;
	case IN_STRING:
	case IN_ESCAPE:
	case IN_UNICODE:
	case IN_LITERAL:
	case NUMBER_MINUS:
	case NUMBER_ZERO:
	case NUMBER_INT:
	case NUMBER_POINT:
	case NUMBER_FRACTION:
	case NUMBER_E:
	case NUMBER_E_SIGN:
	case NUMBER_EXPONENT:
		break;
	}
	assert(!"a state inside a token");
	return P2P_ERR_JSON;
}

static int count_string(struct jsonscan *s, size_t bytes)
{
	s->string_bytes += bytes;
	return s->string_bytes > s->limits.string_max ? P2P_ERR_TOO_LARGE : 0;
}

/* The first byte of a sequence above ASCII says how many follow and what the second may be
 * (RFC 3629 section 4): no overlong forms, no surrogates, nothing above U+10FFFF. */
static int begin_utf8(struct jsonscan *s, uint8_t c)
{
	s->utf8_low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	s->utf8_high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	if (c >= 0xc2 && c <= 0xdf)
		s->utf8_more = 1;
	else if (c >= 0xe0 && c <= 0xef)
		s->utf8_more = 2;
	else if (c >= 0xf0 && c <= 0xf4)
		s->utf8_more = 3;
	else
		return P2P_ERR_JSON;
	return count_string(s, 1);
}

static int continue_utf8(struct jsonscan *s, uint8_t c)
{
	if (c < s->utf8_low || c > s->utf8_high)
		return P2P_ERR_JSON;
	s->utf8_more--;
	s->utf8_low = 0x80;
	s->utf8_high = 0xbf;
	return count_string(s, 1);
}

static int in_string(struct jsonscan *s, uint8_t c)
{
	if (s->utf8_more)
		return continue_utf8(s, c);
	if (s->high_half && c != '\\')
		return P2P_ERR_JSON;
	if (c == '"') {
		s->state = s->is_key ? COLON : COMMA_OR_END;
		return 0;
	}
	if (c == '\\') {
		s->state = IN_ESCAPE;
		return 0;
	}
	if (c < 0x20)
		return P2P_ERR_JSON;
	return c < 0x80 ? count_string(s, 1) : begin_utf8(s, c);
}

static int in_escape(struct jsonscan *s, uint8_t c)
{
	if (c == 'u') {
		s->state = IN_UNICODE;
		s->count = 0;
		s->unit = 0;
		return 0;
	}
	if (s->high_half || !c || !strchr("\"\\/bfnrt", c))
		return P2P_ERR_JSON;
	s->state = IN_STRING;
	return count_string(s, 1);
}

/* A whole \uXXXX has been read. */
static int end_unit(struct jsonscan *s)
{
	uint16_t unit = s->unit;
	bool low = unit >= 0xdc00 && unit <= 0xdfff;

	s->state = IN_STRING;
	if (unit == 0 || low != (s->high_half != 0))
		return P2P_ERR_JSON;
	if (low) {
		s->high_half = 0;
		return count_string(s, 4);
	}
	if (unit >= 0xd800 && unit <= 0xdbff) {
		s->high_half = unit;
		return 0;
	}
	return count_string(s, unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3);
}

static int in_unicode(struct jsonscan *s, uint8_t c)
{
	unsigned digit;

	if (is_digit(c))
		digit = c - '0';
	else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		digit = (c | 0x20U) - 'a' + 10;
	else
		return P2P_ERR_JSON;
	s->unit = (uint16_t)(s->unit << 4 | digit);
	return ++s->count == 4 ? end_unit(s) : 0;
}

static int in_literal(struct jsonscan *s, uint8_t c)
{
	if (c != (uint8_t)s->literal[s->count])
		return P2P_ERR_JSON;
	if (!s->literal[++s->count])
		s->state = COMMA_OR_END;
	return 0;
}

static int add_digit(struct jsonscan *s, uint8_t c)
{
	s->magnitude = s->magnitude * 10 + (uint64_t)(c - '0');
	/* Within 2^53 * 10 + 9 here, so it cannot have wrapped. A larger one may still turn out to
	 * be no integer, but nobody here writes such numbers. */
	return s->magnitude > INTEGER_MAX ? P2P_ERR_JSON : 0;
}

/* The byte behind a finished number belongs to what encloses it. */
static int end_number(struct jsonscan *s, uint8_t c)
{
	s->state = COMMA_OR_END;
	return between(s, c);
}

static int in_number(struct jsonscan *s, uint8_t c)
{
	enum state state = (enum state)s->state;
	bool digit = is_digit(c), point = c == '.', e = c == 'e' || c == 'E';

	if ((digit || point || e) && s->count++ == JSON_NUMBER_BYTES_MAX)
		return P2P_ERR_JSON;
	if (state == NUMBER_MINUS) {
		if (!digit)
			return P2P_ERR_JSON;
		s->state = c == '0' ? NUMBER_ZERO : NUMBER_INT;
		return add_digit(s, c);
	}
	if (state == NUMBER_ZERO || state == NUMBER_INT) {
		if (digit)
			return state == NUMBER_INT ? add_digit(s, c) : P2P_ERR_JSON;
		if (!point && !e)
			return end_number(s, c);
		s->state = point ? NUMBER_POINT : NUMBER_E;
		return 0;
	}
	if (state == NUMBER_POINT || state == NUMBER_FRACTION) {
		if (digit)
			s->state = NUMBER_FRACTION;
		else if (state == NUMBER_POINT)
			return P2P_ERR_JSON;
		else if (e)
			s->state = NUMBER_E;
		else
			return end_number(s, c);
		return 0;
	}
	if (digit)
		s->state = NUMBER_EXPONENT;
	else if (state == NUMBER_E && (c == '+' || c == '-'))
		s->state = NUMBER_E_SIGN;
	else if (state == NUMBER_EXPONENT)
		return end_number(s, c);
	else
		return P2P_ERR_JSON;
	return 0;
}

static int step(struct jsonscan *s, uint8_t c)
{
	if (s->state <= AFTER_OBJECT)
		return between(s, c);
	if (s->state == IN_STRING)
		return in_string(s, c);
	if (s->state == IN_ESCAPE)
		return in_escape(s, c);
	if (s->state == IN_UNICODE)
		return in_unicode(s, c);
	if (s->state == IN_LITERAL)
		return in_literal(s, c);
	return in_number(s, c);
}

/* Most of a message is plain text inside strings; it is taken in one go, as far as the limits
 * allow. What stops it is left to step(). */
static size_t take_plain(struct jsonscan *s, struct bytes in)
{
	size_t room = s->limits.string_max - s->string_bytes, len = 0;

	if (s->state != IN_STRING || s->utf8_more || s->high_half)
		return 0;
	if (room > s->limits.bytes_max - s->bytes)
		room = s->limits.bytes_max - s->bytes;
	if (room > in.len)
		room = in.len;
	while (len < room && in.at[len] >= 0x20 && in.at[len] < 0x80 && in.at[len] != '"' &&
		in.at[len] != '\\')
		len++;
	s->string_bytes += len;
	s->bytes += len;
	return len;
}

static int take_one(struct jsonscan *s, uint8_t c)
{
	if (s->bytes == s->limits.bytes_max)
		return P2P_ERR_TOO_LARGE;
	s->bytes++;
	return step(s, c);
}

int jsonscan_feed(struct jsonscan *s, struct bytes in, size_t *ret_used)
{
	size_t used = 0;

	while (!s->err && !s->complete && used < in.len) {
		used += take_plain(s, bytes_from(in, used));
		if (used < in.len)
			s->err = take_one(s, in.at[used++]);
	}
	if (ret_used)
		*ret_used = used;
	return s->err;
}

int jsonscan_text(struct bytes text, const struct json_limits *limits)
{
	struct jsonscan s;
	size_t used;
	int err;

	jsonscan_init(&s, limits);
	err = jsonscan_feed(&s, text, &used);
	if (err)
		return err;
	if (!s.complete)
		return P2P_ERR_TRUNCATED;
	if (text.len > limits->bytes_max)
		return P2P_ERR_TOO_LARGE;
	for (size_t i = used; i < text.len; i++)
		if (!is_space(text.at[i]))
			return P2P_ERR_JSON;
	return 0;
}

void json_reader_init(struct json_reader *r, const struct json_limits *limits)
{
	jsonscan_init(&r->scan, limits);
	r->text = BUF_WITH_MAX(limits->bytes_max);
}

void json_reader_deinit(struct json_reader *r)
{
	buf_deinit(&r->text);
}

int json_reader_feed(struct json_reader *r, struct bytes in, size_t *ret_used)
{
	size_t used, skip = 0;
	int err = jsonscan_feed(&r->scan, in, &used);

	if (ret_used)
		*ret_used = used;
	if (err || !used)
		return err;
	/* Space before the object is counted against the limit but not kept. */
	while (!r->text.len && skip < used && is_space(in.at[skip]))
		skip++;
	err = buf_put(&r->text, bytes_of(in.at + skip, used - skip));
	assert(err == 0); /* the scanner counts against the same limit */
	return err;
}
