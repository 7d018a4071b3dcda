/* SPDX-License-Identifier: Apache-2.0 */
/* ask_serve.c: the answering side. A call outlives its stream when the asker goes away, so that the
 * handler can answer once in any case. */
#include <assert.h>
#include <stdlib.h>

#include "daemon/net/ask.h"
#include "daemon/net/ask_parts.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

struct ask_call {
	struct stream *stream; /* NULL when the asker is gone */
	const struct ask_service *service;
	uint64_t conn;
	struct peer_id peer;
	struct json_reader question;
	struct outbox answer;
	bool is_asked;    /* the handler has it, and owes an answer */
	bool is_answered;
};

static void call_free(struct ask_call *call)
{
	json_reader_deinit(&call->question);
	buf_deinit(&call->answer.data);
	free(call);
}

static void hand_over(struct ask_call *call, int err, struct bytes question)
{
	const struct ask_service *service = call->service;
	/* The handler may answer at once, and with that the call may be freed: the text goes on
	 * living here until it returns. */
	struct json_reader text = call->question;

	call->question = (struct json_reader){0};
	call->is_asked = true;
	if (call->stream)
		stream_set_deadline(call->stream,
			mono_add_ms(loop_now(stream_loop(call->stream)), ASK_ANSWER_MS));
	service->on_question(service->arg, call, err, question);
	json_reader_deinit(&text);
}

/* The question is no good. */
static void reject(struct ask_call *call, int err)
{
	if (call->service->forgives_json) {
		hand_over(call, err, BYTES_NONE);
		return;
	}
	stream_reset(call->stream);
	call_free(call);
}

static void on_data(struct stream *s, struct bytes in)
{
	struct ask_call *call = stream_user(s);
	int err;

	if (call->is_asked)
		return;
	err = json_reader_feed(&call->question, in, NULL);
	if (err)
		reject(call, err);
	else if (json_reader_is_complete(&call->question))
		hand_over(call, 0, json_reader_text(&call->question));
}

static void on_end(struct stream *s)
{
	struct ask_call *call = stream_user(s);

	if (call->is_asked)
		return;
	if (call->service->may_be_empty && json_reader_is_empty(&call->question))
		hand_over(call, 0, BYTES_NONE);
	else
		reject(call, P2P_ERR_TRUNCATED);
}

static void on_room(struct stream *s)
{
	struct ask_call *call = stream_user(s);

	if (call->is_answered && call->answer.data.len)
		outbox_send(&call->answer, s);
}

static void on_gone(struct stream *s, int err)
{
	struct ask_call *call = stream_user(s);

	(void)err; /* there is nobody left to tell */
	call->stream = NULL;
	if (!call->is_asked || call->is_answered)
		call_free(call);
}

static const struct stream_handler handler = {
	.on_data = on_data, .on_end = on_end, .on_room = on_room, .on_gone = on_gone};

static bool on_open(void *arg, struct stream *s)
{
	struct ask_call *call = xcalloc(1, sizeof(*call));

	call->stream = s;
	call->service = arg;
	call->conn = stream_conn(s);
	call->peer = *stream_peer(s);
	stream_attach(s, &handler, call, mono_add_ms(loop_now(stream_loop(s)), ASK_REQUEST_MS));
	if (call->service->limits)
		json_reader_init(&call->question, call->service->limits);
	else
		hand_over(call, 0, BYTES_NONE);
	return true;
}

int ask_serve(struct streams *st, const struct ask_service *service)
{
	struct ask_service *copy = streams_keep(st, service, sizeof(*service));

	return streams_serve(st, service->protocol, on_open, copy);
}

uint64_t ask_call_conn(const struct ask_call *call)
{
	return call->conn;
}

const struct peer_id *ask_call_peer(const struct ask_call *call)
{
	return &call->peer;
}

bool ask_call_is_alive(const struct ask_call *call)
{
	return call->stream != NULL;
}

void ask_answer(struct ask_call *call, struct bytes answer)
{
	assert(call->is_asked && !call->is_answered);
	call->is_answered = true;
	if (!call->stream) {
		call_free(call);
		return;
	}
	if (answer.len) {
		assert(!call->service->is_silent);
		(void)buf_put(&call->answer.data, answer); /* no limit of its own, so no error */
		if (answer.at[answer.len - 1] != '\n')
			(void)buf_put_u8(&call->answer.data, '\n');
	}
	stream_set_deadline(call->stream,
		mono_add_ms(loop_now(stream_loop(call->stream)), ASK_ANSWER_MS));
	outbox_send(&call->answer, call->stream);
}

void ask_refuse(struct ask_call *call)
{
	assert(call->is_asked && !call->is_answered);
	if (call->stream)
		stream_reset(call->stream);
	call_free(call);
}
