/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: ok, WARN or FAIL, and what to do about it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/absent.h"
#include "cli/cmd.h"
#include "cli/doctor.h"
#include "cli/out.h"
#include "cli/rpc.h"
#include "cli/secret.h"
#include "proto/base/mem.h"

static const char *const words[] = {[DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"};

void doctor_say(struct doctor *d, enum doctor_result result, const char *name, const char *fix,
	const char *fmt, ...)
{
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->failures += result == DOCTOR_FAIL;
	d->warnings += result == DOCTOR_WARN;
	json_array_append_new(d->checks, json_pack("{s:s,s:s,s:s,s:o}", "name", name, "result", words[result], "text",
		text, "fix", fix ? json_string(fix) : json_null()));
}

static void print_checks(struct cli *c, json_t *r)
{
	const json_t *x;
	size_t i;

	(void)c;
	json_array_foreach(json_object_get(r, "checks"), i, x) {
		const char *result = out_text(x, "result");

		printf("%-5s %-14s %s\n", strcmp(result, "ok") == 0 ? "ok" : strcmp(result, "warn") == 0 ? "WARN" : "FAIL",
			out_text(x, "name"), out_text(x, "text"));
		if (json_is_string(json_object_get(x, "fix")))
			printf("%-20s fix: %s\n", "", out_text(x, "fix"));
	}
	printf("%lld failure%s, %lld warning%s\n", (long long)json_integer_value(json_object_get(r, "failures")),
		json_integer_value(json_object_get(r, "failures")) == 1 ? "" : "s",
		(long long)json_integer_value(json_object_get(r, "warnings")),
		json_integer_value(json_object_get(r, "warnings")) == 1 ? "" : "s");
}

/* A node of its own has its files beside its socket; else they are the system's. */
static void locate(struct doctor *d)
{
	const char *path = rpc_socket_path(d->c), *slash = strrchr(path, '/');
	char *dir = xstrndup(path, slash ? (size_t)(slash - path) : 0), *config = secret_path(dir, "config.json");
	bool own = slash && access(config, F_OK) == 0;

	d->data_dir = own ? xstrdup(dir) : xstrdup(CLI_STATE_DEFAULT);
	d->config_path = own ? xstrdup(config) : xstrdup(CLI_CONFIG_DEFAULT);
	free(dir);
	free(config);
}

static void find_daemon(struct doctor *d)
{
	char reason[32], cause[ABSENT_CAUSE_SIZE];
	const char *word, *hint;
	json_t *r = NULL;
	int code = rpc_try(d->c, "rpc.hello", NULL, 0, &r, reason);

	d->has_daemon = code == 0;
	if (code == 0) {
		doctor_say(d, DOCTOR_OK, "daemon", NULL, "p2posd %s runs, pid %lld", out_text(r, "version"),
			(long long)json_integer_value(json_object_get(r, "pid")));
	} else if (code == CLI_UNAVAILABLE) {
		absent_find(d->c, cause, &word, &hint);
		doctor_say(d, DOCTOR_FAIL, "daemon", hint, "p2posd is not running: %s", cause);
	} else {
		doctor_say(d, DOCTOR_FAIL, "daemon", "use sudo, or: usermod -aG p2pos YOU", "it does not answer (%s)",
			reason[0] ? reason : "permission_denied");
	}
	json_decref(r);
}

int cmd_doctor(struct cli *c)
{
	struct doctor d = {.c = c, .is_first = cli_given(c, "first-node"), .checks = json_array(),
		.config = xcalloc(1, sizeof(*d.config))};
	const char *peer = cli_value(c, "peer");
	json_t *r;

	config_init(d.config);
	locate(&d);
	find_daemon(&d);
	doctor_look_at_machine(&d);
	if (d.has_daemon)
		doctor_ask_node(&d);
	if (d.has_daemon && peer)
		doctor_try_peer(&d, peer);
	r = json_pack("{s:b,s:i,s:i,s:o}", "ok", d.failures == 0, "failures", (int)d.failures, "warnings",
		(int)d.warnings, "checks", d.checks);
	config_deinit(d.config);
	free(d.config);
	free(d.config_path);
	free(d.data_dir);
	return out_result(c, r, d.failures ? CLI_FAILED : CLI_OK, print_checks);
}
