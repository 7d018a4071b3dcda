/* SPDX-License-Identifier: Apache-2.0 */
/* jsonscan.h: is this JSON text harmless, and where does it end? (p2pos.md section 2; rule R-31)
 *
 * One pass, a few bytes of memory and no recursion, before a parser that allocates sees the text.
 * The text may be cut anywhere, so that a stream handler knows that the object is complete
 * the moment its last brace arrives, without waiting for the end of the stream.
 *
 * The whole grammar of RFC 8259 is checked, and beyond it: the top level is one object, nesting is
 * at most JSON_DEPTH_MAX deep, values and string lengths are bounded, the bytes are valid UTF-8
 * without NUL (written out or as \u0000), surrogates come in pairs, and integers stay within
 * +-2^53, where every reader agrees on them. Duplicate keys are the later parser's to refuse. */
#ifndef P2POS_BASE_JSONSCAN_H
#define P2POS_BASE_JSONSCAN_H

#include "proto/base/buf.h"

#define JSON_DEPTH_MAX        16 /* deeper nesting is malformed; the top object is depth 1 */
#define JSON_NUMBER_BYTES_MAX 64 /* a longer number is malformed */

/* What a text may have; beyond it: P2P_ERR_TOO_LARGE. Every message of proto/p2pos/ names its
 * own. Bytes include white space around the object; values are objects, arrays, strings, numbers,
 * true, false and null (keys do not count); a string (or key) is measured as decoded UTF-8. */
struct json_limits {
	size_t bytes_max;
	size_t values_max;
	size_t string_max;
};

/* A scan in progress; small enough to live inside a stream's own struct. */
struct jsonscan {
	struct json_limits limits;
	int err;             /* sticks */
	bool complete;       /* the closing brace of the top object has been seen */
	uint8_t state;       /* what may come next; private to the .c */
	uint8_t depth;
	uint8_t count;       /* of the current token: hex digits, letters, or a number's digits */
	uint8_t utf8_more;   /* continuation bytes still to come */
	uint8_t utf8_low, utf8_high; /* range of the next one */
	bool is_key;         /* the string being read is a key */
	bool negative;
	uint16_t is_array;   /* bit d: the container at depth d + 1 is an array */
	uint16_t unit;       /* \uXXXX being read */
	uint16_t high_half;  /* a high surrogate waits for its low one; 0 = none */
	const char *literal; /* static; what the current true/false/null must spell */
	uint64_t magnitude;  /* of the integer being read */
	size_t bytes, values, string_bytes;
};

void jsonscan_init(struct jsonscan *s, const struct json_limits *limits);

/* Takes in text, cut anywhere. Stops behind the brace that completes the object; `ret_used` (may
 * be NULL) says how many bytes of `in` it took. 0, P2P_ERR_JSON (malformed), P2P_ERR_TOO_LARGE; an
 * error sticks. */
int jsonscan_feed(struct jsonscan *s, struct bytes in, size_t *ret_used);

/* Checks a whole text: exactly one object, white space around it allowed. Errors as above;
 * P2P_ERR_TRUNCATED when it ends too early. */
int jsonscan_text(struct bytes text, const struct json_limits *limits);

/* Collects one JSON object from a stream and scans it on the way. */
struct json_reader {
	struct jsonscan scan;
	struct buf text; /* from the first brace on */
};

/* Ready to read; owns memory only once text arrives, never more than limits->bytes_max. */
void json_reader_init(struct json_reader *r, const struct json_limits *limits);
void json_reader_deinit(struct json_reader *r);

/* Takes in what arrived. Once the object is complete further bytes are left alone: `ret_used` (may
 * be NULL) says how many of `in` belong to it. 0, P2P_ERR_JSON, P2P_ERR_TOO_LARGE; an error
 * sticks. */
int json_reader_feed(struct json_reader *r, struct bytes in, size_t *ret_used);

static inline bool json_reader_is_complete(const struct json_reader *r)
{
	return r->scan.complete;
}

/* True while nothing but white space has come. */
static inline bool json_reader_is_empty(const struct json_reader *r)
{
	return r->text.len == 0 && r->scan.err == 0;
}

/* The object, borrowed; whole once json_reader_is_complete(). */
static inline struct bytes json_reader_text(const struct json_reader *r)
{
	return buf_bytes(&r->text);
}

#endif
