/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http/http1.h"

#include <string.h>
#include <strings.h>

#include "proto/base/err.h"
#include "proto/base/text.h"

static bool is_token(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_value(uint8_t c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}

/* How many bytes from `at` on pass the test. */
static size_t span(struct bytes in, size_t at, bool (*test)(uint8_t c))
{
	size_t n = 0;

	while (at + n < in.len && test(in.at[at + n]))
		n++;
	return n;
}

static bool is_visible(uint8_t c)
{
	return c > ' ' && c < 0x7f;
}

/* What stands at `*at` must begin with `text`: P2P_ERR_AGAIN when it only ends too early. */
static int expect(struct bytes in, size_t *at, const char *text)
{
	for (; *text; text++, (*at)++) {
		if (*at == in.len)
			return P2P_ERR_AGAIN;
		if (in.at[*at] != (uint8_t)*text)
			return P2P_ERR_PROTOCOL;
	}
	return 0;
}

/* A run of at least one byte that pass; more could come while the input ends there. */
static int take(struct bytes in, size_t *at, bool (*test)(uint8_t c), struct bytes *ret)
{
	size_t n = span(in, *at, test);

	*ret = bytes_of(in.at + *at, n);
	*at += n;
	if (*at == in.len)
		return P2P_ERR_AGAIN;
	return n ? 0 : P2P_ERR_PROTOCOL;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* One digit, a dot, one digit. */
static int take_version(struct bytes in, size_t *at, struct http1_head *h)
{
	struct bytes v = bytes_head(bytes_from(in, *at), 3);

	if ((v.len > 0 && !is_digit(v.at[0])) || (v.len > 1 && v.at[1] != '.') ||
		(v.len > 2 && !is_digit(v.at[2])))
		return P2P_ERR_PROTOCOL;
	if (v.len < 3)
		return P2P_ERR_AGAIN;
	if (v.at[0] != '1' || v.at[2] > '1')
		return P2P_ERR_UNSUPPORTED;
	h->minor = (unsigned)(v.at[2] - '0');
	*at += 3;
	return 0;
}

static int request_line(struct bytes in, size_t *at, struct http1_head *h)
{
	int err = take(in, at, is_token, &h->method);

	if (!err)
		err = expect(in, at, " ");
	if (!err)
		err = take(in, at, is_visible, &h->target);
	if (!err)
		err = expect(in, at, " HTTP/");
	if (err)
		return err;
	err = take_version(in, at, h);
	return err ? err : expect(in, at, "\r\n");
}

static int field_line(struct bytes in, size_t *at, struct http1_field *f)
{
	size_t n;
	int err = take(in, at, is_token, &f->name);

	if (!err)
		err = expect(in, at, ":");
	if (err)
		return err;
	n = span(in, *at, is_value);
	f->value = text_trim(bytes_of(in.at + *at, n));
	*at += n;
	return expect(in, at, "\r\n");
}

int http1_request_head(struct bytes in, struct http1_head *ret)
{
	bool is_cut = in.len > HTTP1_HEAD_BYTES_MAX;
	size_t at = 0;
	int err;

	in = bytes_head(in, HTTP1_HEAD_BYTES_MAX);
	ret->count = 0;
	if (in.len == 0)
		return P2P_ERR_AGAIN;
	err = request_line(in, &at, ret);
	while (!err) {
		size_t end = at;

		err = expect(in, &end, "\r\n");
		if (!err) {
			ret->len = end;
			return 0;
		}
		if (err == P2P_ERR_AGAIN)
			break;
		if (ret->count == HTTP1_FIELDS_MAX)
			return P2P_ERR_TOO_LARGE;
		err = field_line(in, &at, &ret->fields[ret->count]);
		ret->count += err == 0;
	}
	/* It can only become longer than it may be. */
	if (err == P2P_ERR_AGAIN && (is_cut || in.len == HTTP1_HEAD_BYTES_MAX))
		return P2P_ERR_TOO_LARGE;
	return err;
}

const struct http1_field *http1_field(const struct http1_head *h, const char *name, size_t n)
{
	for (size_t i = 0; i < h->count; i++) {
		const struct http1_field *f = &h->fields[i];

		if (f->name.len == strlen(name) &&
			strncasecmp((const char *)f->name.at, name, f->name.len) == 0 && n-- == 0)
			return f;
	}
	return NULL;
}

bool http1_lists(struct bytes value, const char *element)
{
	while (value.len > 0) {
		const uint8_t *comma = memchr(value.at, ',', value.len);
		struct bytes item =
			bytes_head(value, comma ? (size_t)(comma - value.at) : value.len);
		const uint8_t *semicolon = memchr(item.at, ';', item.len);
		struct bytes word;

		value = bytes_from(value, item.len + 1);
		word = text_trim(
			semicolon ? bytes_head(item, (size_t)(semicolon - item.at)) : item);
		if (word.len == strlen(element) &&
			strncasecmp((const char *)word.at, element, word.len) == 0)
			return true;
	}
	return false;
}
