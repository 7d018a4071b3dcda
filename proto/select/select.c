/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/select/select.h"

#include <assert.h>

#include "proto/base/err.h"
#include "proto/multi/varint.h"

/* Larger values of the prefix would name texts above any limit (tcp-stack.md 2.5). */
#define PREFIX_BYTES_MAX 2

static const struct bytes header_text = BYTES_LIT("/multistream/1.0.0\n");
static const struct bytes header_frame = BYTES_LIT("\x13/multistream/1.0.0\n");
static const struct bytes na_text = BYTES_LIT("na\n");
static const struct bytes na_frame = BYTES_LIT("\x03na\n");

/*   header ──► names ──► agreed
 *      └─────────┴─────► dead      */
enum state {
	STATE_HEADER, /* the peer's first text must be the header */
	STATE_NAMES,  /* the peer's next text is a proposal or an answer to ours */
	STATE_AGREED, /* done; the peer's bytes are the next layer's */
	STATE_DEAD,   /* the peer broke the rules or speaks nothing that we do */
};

void select_init(
	struct select *s, enum select_side side, const char *const *names, size_t name_count)
{
	assert(name_count <= UINT16_MAX);
	assert(side == SELECT_LISTENER || name_count > 0);
	*s = (struct select){
		.names = names,
		.name_count = (uint16_t)name_count,
		.side = (uint8_t)side,
		.state = STATE_HEADER,
		/* A listener stays silent until it has seen a header: a scanner learns nothing. */
		.owes_header = side == SELECT_DIALER,
		.owes_name = side == SELECT_DIALER,
	};
}

static bool is_name(struct bytes text, const char *name)
{
	size_t len = strlen(name);

	assert(len > 0 && len <= SELECT_NAME_BYTES_MAX);
	return text.len == len + 1 && memcmp(text.at, name, len) == 0;
}

static int die(struct select *s, int err)
{
	s->state = STATE_DEAD;
	return err;
}

/* The next text of a dialer is an answer: our own name back, or "na". */
static int take_answer(struct select *s, struct bytes text)
{
	if (is_name(text, s->names[s->at])) {
		s->state = STATE_AGREED;
		return 0;
	}
	if (!bytes_eq(text, na_text))
		return die(s, P2P_ERR_PROTOCOL);
	if (s->at + 1 == s->name_count || s->refused == SELECT_REFUSALS_MAX)
		return die(s, P2P_ERR_UNSUPPORTED);
	s->refused++;
	s->at++;
	s->owes_name = true;
	return 0;
}

/* The next text of a listener is a proposal. "ls" asks for a list of all our protocols, which is
 * nobody's business; like go-libp2p we do not know that word. */
static int take_proposal(struct select *s, struct bytes text)
{
	for (uint16_t i = 0; i < s->name_count; i++) {
		if (is_name(text, s->names[i])) {
			s->at = i;
			s->owes_name = true;
			s->state = STATE_AGREED;
			return 0;
		}
	}
	if (s->refused == SELECT_REFUSALS_MAX)
		return die(s, P2P_ERR_UNSUPPORTED);
	s->refused++;
	s->owes_na++;
	return 0;
}

/* A whole text has arrived. Of a long one only the beginning is held, which matches no name,
 * because text_len tells that there was more. */
static int take_text(struct select *s)
{
	struct bytes text = bytes_of(s->text, s->text_len);

	if (s->text_len > sizeof(s->text))
		text.len = 0;
	s->text_len = 0;
	s->prefix_len = 0;
	if (s->state == STATE_HEADER) {
		if (!bytes_eq(text, header_text))
			return die(s, P2P_ERR_PROTOCOL);
		s->state = STATE_NAMES;
		if (s->side == SELECT_LISTENER)
			s->owes_header = true;
		return 0;
	}
	return s->side == SELECT_DIALER ? take_answer(s, text) : take_proposal(s, text);
}

/* One byte of the length prefix, which is gathered in `text` before the text is. */
static int take_prefix_byte(struct select *s, uint8_t byte)
{
	uint64_t len;
	size_t used;
	int err;

	s->text[s->prefix_len++] = byte;
	err = varint_read(bytes_of(s->text, s->prefix_len), PREFIX_BYTES_MAX, &len, &used);
	if (err == P2P_ERR_AGAIN && s->prefix_len < PREFIX_BYTES_MAX)
		return 0;
	if (err || len == 0 || len > SELECT_TEXT_BYTES_MAX)
		return die(s, P2P_ERR_PROTOCOL);
	/* Whoever begins otherwise does not speak multistream at all: say so before waiting for the
	 * rest of its words. */
	if (s->state == STATE_HEADER && len != header_text.len)
		return die(s, P2P_ERR_PROTOCOL);
	s->text_len = (uint16_t)len;
	s->text_got = 0;
	return 0;
}

/* As many bytes of the text as `in` has. */
static int take_text_bytes(struct select *s, struct bytes *in)
{
	struct bytes part = bytes_head(*in, (size_t)(s->text_len - s->text_got));

	if (s->text_got < sizeof(s->text)) {
		struct bytes kept = bytes_head(part, sizeof(s->text) - s->text_got);

		memcpy(s->text + s->text_got, kept.at, kept.len);
	}
	s->text_got = (uint16_t)(s->text_got + part.len);
	*in = bytes_from(*in, part.len);
	if (s->text_got < s->text_len)
		return 0;
	if (part.at[part.len - 1] != '\n')
		return die(s, P2P_ERR_PROTOCOL);
	return take_text(s);
}

int select_recv(struct select *s, struct bytes *in)
{
	int err = 0;

	if (s->state == STATE_DEAD)
		return P2P_ERR_PROTOCOL;
	while (!err && in->len > 0 && s->state != STATE_AGREED) {
		if (s->text_len) {
			err = take_text_bytes(s, in);
			continue;
		}
		err = take_prefix_byte(s, in->at[0]);
		*in = bytes_from(*in, 1);
	}
	return err;
}

static void put_name(struct buf *out, const char *name)
{
	struct bytes text = bytes_str(name);

	/* Names are short, so the prefix is one byte; room was made by the caller. */
	(void)buf_put_u8(out, (uint8_t)(text.len + 1));
	(void)buf_put(out, text);
	(void)buf_put_u8(out, '\n');
}

int select_send(struct select *s, struct buf *out)
{
	size_t need = 0;

	if (!select_wants_send(s))
		return 0;
	need += s->owes_header ? header_frame.len : 0;
	need += s->owes_na * na_frame.len;
	need += s->owes_name ? strlen(s->names[s->at]) + 2 : 0;
	if (buf_reserve(out, need))
		return P2P_ERR_TOO_LARGE;

	if (s->owes_header)
		(void)buf_put(out, header_frame);
	for (; s->owes_na > 0; s->owes_na--)
		(void)buf_put(out, na_frame);
	if (s->owes_name)
		put_name(out, s->names[s->at]);
	s->owes_header = false;
	s->owes_name = false;
	return 0;
}

bool select_wants_send(const struct select *s)
{
	if (s->state == STATE_DEAD)
		return false;
	return s->owes_header || s->owes_name || s->owes_na > 0;
}

void select_set_names(struct select *s, const char *const *names, size_t name_count)
{
	assert(s->side == SELECT_LISTENER && s->state != STATE_AGREED && name_count <= UINT16_MAX);
	s->names = names;
	s->name_count = (uint16_t)name_count;
}

const char *select_agreed(const struct select *s)
{
	return s->state == STATE_AGREED ? s->names[s->at] : NULL;
}
