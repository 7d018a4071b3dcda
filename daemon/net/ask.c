/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c: the asking side. */
#include "daemon/net/ask.h"

#include <stdlib.h>

#include "daemon/net/ask_parts.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

/* After the answer the peer still has to end its side; a reset would count against us. */
#define ASK_PARTING_MS 5000

void outbox_send(struct outbox *o, struct stream *s)
{
	size_t n = stream_write(s, bytes_from(buf_bytes(&o->data), o->sent));

	o->sent += n;
	if (o->sent < o->data.len)
		return; /* on_room goes on */
	buf_deinit(&o->data);
	o->sent = 0;
	if (!o->waits_for_agreement)
		stream_end(s);
}

void outbox_agreed(struct outbox *o, struct stream *s)
{
	o->waits_for_agreement = false;
	outbox_send(o, s);
}

struct ask {
	struct stream *stream;
	struct outbox question;
	struct json_reader answer;
	bool expects_answer;
	ask_done_fn *on_done; /* NULL once told, cancelled, or nobody asked */
	void *arg;
};

static void tell(struct ask *a, int err, struct bytes answer)
{
	ask_done_fn *on_done = a->on_done;

	a->on_done = NULL;
	if (on_done)
		on_done(a->arg, err, answer);
}

static void ask_free(struct ask *a)
{
	buf_deinit(&a->question.data);
	json_reader_deinit(&a->answer);
	free(a);
}

static void give_up(struct ask *a, int err)
{
	stream_reset(a->stream);
	tell(a, err, BYTES_NONE);
	ask_free(a);
}

static bool is_complete(const struct ask *a)
{
	return a->expects_answer && json_reader_is_complete(&a->answer);
}

static void on_agreed(struct stream *s)
{
	struct ask *a = stream_user(s);

	outbox_agreed(&a->question, s);
}

static void on_room(struct stream *s)
{
	struct ask *a = stream_user(s);

	if (a->question.data.len)
		outbox_send(&a->question, s);
}

static void on_data(struct stream *s, struct bytes in)
{
	struct ask *a = stream_user(s);
	int err;

	if (!a->expects_answer || is_complete(a))
		return;
	err = json_reader_feed(&a->answer, in, NULL);
	if (err) {
		give_up(a, err);
		return;
	}
	if (!is_complete(a))
		return;
	stream_set_deadline(s, mono_add_ms(loop_now(stream_loop(s)), ASK_PARTING_MS));
	tell(a, 0, json_reader_text(&a->answer));
	if (a->question.data.len) /* it answered before it had heard all: no use in going on */
		give_up(a, 0);
}

static void on_end(struct stream *s)
{
	struct ask *a = stream_user(s);

	if (a->expects_answer && !is_complete(a))
		give_up(a, P2P_ERR_TRUNCATED);
}

static void on_gone(struct stream *s, int err)
{
	struct ask *a = stream_user(s);

	tell(a, err, BYTES_NONE); /* says nothing when the answer was told already */
	ask_free(a);
}

static const struct stream_handler handler = {.on_agreed = on_agreed,
	.on_data = on_data,
	.on_end = on_end,
	.on_room = on_room,
	.on_gone = on_gone};

int ask_send(struct streams *st, const struct ask_opts *opts, struct ask **ret)
{
	struct ask *a = xcalloc(1, sizeof(*a));
	mono_t deadline = mono_add_ms(loop_now(swarm_loop(streams_swarm(st))), opts->timeout_ms);
	int err;

	a->on_done = opts->on_done;
	a->arg = opts->arg;
	a->question.waits_for_agreement = !opts->is_spoken;
	a->expects_answer = opts->answer_limits != NULL;
	if (opts->answer_limits)
		json_reader_init(&a->answer, opts->answer_limits);
	err = stream_open(st, opts->conn, opts->protocol, &handler, a, deadline, &a->stream);
	if (err) {
		ask_free(a);
		return err;
	}
	if (opts->question.len) {
		(void)buf_put(&a->question.data, opts->question); /* no limit of its own, so no error */
		if (opts->question.at[opts->question.len - 1] != '\n')
			(void)buf_put_u8(&a->question.data, '\n');
	}
	outbox_send(&a->question, a->stream);
	if (ret)
		*ret = a;
	return 0;
}

void ask_cancel(struct ask *a)
{
	a->on_done = NULL;
	give_up(a, 0);
}
