/* SPDX-License-Identifier: Apache-2.0 */
/* Documents and errors for programs, and the choice between the two kinds of reader. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/out.h"
#include "proto/base/mem.h"

static bool is_output_broken(void)
{
	return fflush(stdout) != 0 || ferror(stdout);
}

/* errno is long gone when an earlier flush failed, but a pipe that nobody reads says so itself. */
static bool is_reader_gone(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP));
}

static void print_document(const json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));

	if (text)
		puts(text);
	free(text);
}

/* "members.0.peer_id": names and array indexes, joined by dots. */
static const json_t *value_at(const json_t *v, const char *path)
{
	while (v && *path) {
		size_t len = strcspn(path, ".");
		char *key = xstrndup(path, len), *end;

		if (json_is_array(v)) {
			unsigned long i = strtoul(key, &end, 10);

			v = *key && !*end ? json_array_get(v, i) : NULL;
		} else {
			v = json_object_get(v, key);
		}
		free(key);
		path += len + (path[len] == '.');
	}
	return v;
}

static int print_field(struct cli *c, const json_t *result)
{
	const json_t *v = value_at(result, c->field);

	if (!v)
		return out_fail(c, CLI_FAILED, "the same command with --json shows what there is",
			"the result has no field '%s'", c->field);
	if (json_is_string(v))
		puts(json_string_value(v));
	else if (!json_is_null(v))
		print_document(v);
	return 0;
}

int out_result(struct cli *c, json_t *take_result, int code, out_printer *print)
{
	int err = 0;

	if (c->field) {
		err = print_field(c, take_result);
	} else if (c->json) {
		json_t *doc = json_object();

		json_object_set_new(doc, "api", json_integer(1));
		json_object_update(doc, take_result);
		print_document(doc);
		json_decref(doc);
	} else if (!c->quiet && print) {
		print(c, take_result);
	}
	json_decref(take_result);
	return err ? err : code;
}

bool out_line(struct cli *c, json_t *doc, out_printer *print)
{
	if (c->json || !print)
		print_document(doc);
	else
		print(c, doc);
	return !is_output_broken();
}

/* For an error that has nothing more precise to say: none leaves without a hint. */
static const char *hint_of(int code)
{
	switch (code) {
	case CLI_USAGE: return "p2posctl --help lists the commands, p2posctl COMMAND --help their options";
	case CLI_DATAERR: return "look into the file or the text that was given: it is not what it should be";
	case CLI_NOINPUT: return "check the path; @FILE names a file, - is standard input";
	case CLI_UNAVAILABLE: return "start the daemon: systemctl start p2posd; or name its socket: --socket PATH";
	case CLI_CANTCREAT:
	case CLI_IOERR: return "check the directory, its free space and who may write there";
	case CLI_TEMPFAIL: return "try again, or allow more time: --timeout";
	case CLI_PROTOCOL: return "compare the versions of p2posctl and p2posd: p2posctl version";
	case CLI_NOPERM: return "use sudo, or become a user who may read it";
	case CLI_CONFIG: return "p2posctl config check names each fault";
	case CLI_SOFTWARE: return "this is a bug: please report it";
	default: return "p2posctl explain tells the state of the node";
	}
}

static void print_error(struct cli *c, int code, long number, const char *reason, const char *message,
	const char *hint, json_t *data)
{
	json_t *e;

	if (!hint || !*hint)
		hint = hint_of(code);
	if (!c->json) {
		fprintf(stderr, "p2posctl: %s\n  %s\n", message, hint);
		return;
	}
	e = json_pack("{s:i,s:s,s:s,s:s}", "code", (int)(number ? number : code), "reason", reason, "message",
		message, "hint", hint);
	if (json_object_size(data))
		json_object_set(e, "data", data);
	e = json_pack("{s:o}", "error", e);
	print_document(e);
	json_decref(e);
	fflush(stdout);
}

static const char *reason_of(int code)
{
	switch (code) {
	case CLI_USAGE: return "usage";
	case CLI_DATAERR: return "data_invalid";
	case CLI_NOINPUT: return "no_input";
	case CLI_UNAVAILABLE: return "unavailable";
	case CLI_CANTCREAT: return "cannot_create";
	case CLI_IOERR: return "io";
	case CLI_TEMPFAIL: return "timeout";
	case CLI_PROTOCOL: return "protocol";
	case CLI_NOPERM: return "permission_denied";
	case CLI_CONFIG: return "config_invalid";
	default: return "failed";
	}
}

static char *format(const char *fmt, va_list ap)
{
	char *text;

	return vasprintf(&text, fmt, ap) < 0 ? xstrdup(fmt) : text;
}

int out_fail(struct cli *c, int code, const char *hint, const char *fmt, ...)
{
	va_list ap;
	char *message;

	va_start(ap, fmt);
	message = format(fmt, ap);
	va_end(ap);
	print_error(c, code, 0, reason_of(code), message, hint, NULL);
	free(message);
	return code;
}

int out_fail_reason(struct cli *c, int code, long number, const char *reason, const char *hint,
	json_t *take_data, const char *fmt, ...)
{
	va_list ap;
	char *message;

	va_start(ap, fmt);
	message = format(fmt, ap);
	va_end(ap);
	print_error(c, code, number, reason, message, hint, take_data);
	json_decref(take_data);
	free(message);
	return code;
}

void out_note(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet || c->json)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int out_finish(int code)
{
	if (!is_output_broken() || is_reader_gone())
		return code;
	fprintf(stderr, "p2posctl: cannot write to standard output\n  %s\n", hint_of(CLI_IOERR));
	return CLI_IOERR;
}
