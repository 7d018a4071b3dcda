/* SPDX-License-Identifier: Apache-2.0 */
/* http1.h: the head of an HTTP/1.1 request (RFC 9112), read strictly.
 *
 * Where servers are lenient in different ways, requests are smuggled; so here a line ends with CR
 * LF and nothing else, a name has no blank before its colon, nothing is folded, nothing is guessed.
 * All that is read is borrowed from the input. */
#ifndef P2POS_HTTP_HTTP1_H
#define P2POS_HTTP_HTTP1_H

#include <stdbool.h>

#include "proto/base/bytes.h"

#define HTTP1_HEAD_BYTES_MAX 8192 /* with its empty line; a longer one is P2P_ERR_TOO_LARGE */
#define HTTP1_FIELDS_MAX     64   /* more are P2P_ERR_TOO_LARGE */

struct http1_field {
	struct bytes name;  /* a token, as written */
	struct bytes value; /* without blanks around it; visible characters, blanks and tabs, bytes
			       from 0x80 on */
};

struct http1_head {
	struct bytes method; /* a token */
	struct bytes target; /* visible ASCII, not empty */
	unsigned minor;      /* of HTTP/1.x: 0 or 1 */
	size_t count;
	struct http1_field fields[HTTP1_FIELDS_MAX];
	size_t len; /* bytes of the head; a body begins there */
};

/* Reads a head at the beginning of `in`. 0; P2P_ERR_AGAIN when it is not whole yet (and could still
 * become one); P2P_ERR_TOO_LARGE; P2P_ERR_PROTOCOL; P2P_ERR_UNSUPPORTED for another version. */
int http1_request_head(struct bytes in, struct http1_head *ret);

/* The n-th field of a name (lower case given, compared without case), or NULL. */
const struct http1_field *http1_field(const struct http1_head *h, const char *name, size_t n);

/* True when the text, without case, is an element of a list field like Accept, before any ';'. */
bool http1_lists(struct bytes value, const char *element);

#endif
