/* SPDX-License-Identifier: Apache-2.0 */
/* debug bundle: what somebody needs who is to help from afar, in one file, without secrets.
 *
 * The daemon never gives out keys; here whatever is named like a secret or a signature is taken out
 * once more, so that a field added later cannot slip through under a known name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/rpc.h"
#include "cli/secret.h"
#include "cli/tar.h"
#include "config/file.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/rfc3339.h"

#define BUNDLE_BYTES_MAX (64 * 1024 * 1024) /* beyond, the rest is left out and said to be */
#define SYSTEM_FILE_MAX  4096

/* What is asked, how many of what is listed, and the file that the answer becomes. */
static const struct {
	const char *method, *file;
	const char *count; /* the parameter for it; NULL: none */
	int max;
} questions[] = {
	{"rpc.hello", "hello.json", NULL, 0},
	{"node.status", "status.json", NULL, 0},
	{"node.explain", "explain.json", NULL, 0},
	{"node.addresses", "addresses.json", NULL, 0},
	{"member.list", "members.json", NULL, 0},
	{"member.history", "history.json", NULL, 0},
	{"member.pending", "pending.json", NULL, 0},
	{"peer.list", "peers.json", NULL, 0},
	{"bootstrap.list", "bootstrap.json", NULL, 0},
	{"config.effective", "config.json", NULL, 0},
	{"config.check", "config-check.json", NULL, 0},
	{"log.get_level", "log-level.json", NULL, 0},
	{"timeline.get", "timeline.json", "limit", 1000},
	{"log.tail", "log.json", "lines", 256},
	{"debug.memory", "memory.json", NULL, 0},
	{"debug.streams", "streams.json", NULL, 0},
	{"debug.timers", "timers.json", NULL, 0},
	{"metrics.get", "metrics.json", NULL, 0},
};

/* What the kernel says about the limits that matter. */
static const char *const system_files[] = {
	"/proc/sys/net/core/rmem_max", "/proc/sys/net/core/wmem_max", "/proc/sys/net/ipv4/ip_local_port_range",
	"/proc/sys/fs/file-max", "/proc/loadavg", "/proc/uptime", "/proc/net/sockstat", "/proc/net/snmp",
	"/etc/os-release", "/etc/resolv.conf",
};

static const char *const secret_names[] = {"sig", "signature", "node_private_key", "forge_auth", "private_key",
	"admin_priv", "secret", "password", "token", "envelope"};

static void redact(json_t *v)
{
	const char *key;
	json_t *x;
	size_t i;

	json_array_foreach(v, i, x)
		redact(x);
	json_object_foreach(v, key, x) {
		for (i = 0; i < sizeof(secret_names) / sizeof(secret_names[0]); i++)
			if (strcmp(key, secret_names[i]) == 0 && !(json_is_string(x) && !json_string_length(x)))
				break;
		if (i < sizeof(secret_names) / sizeof(secret_names[0]))
			json_object_set_new(v, key, json_string("(redacted)"));
		else
			redact(x);
	}
}

struct bundle {
	struct cli *c;
	struct buf tar;
	char dir[64];
	int64_t at;
	json_t *files; /* names, for the reader */
	bool is_full;
};

static void add(struct bundle *b, const char *name, struct bytes content)
{
	char path[TAR_NAME_MAX + 1];

	snprintf(path, sizeof(path), "%s/%.35s", b->dir, name);
	if (tar_put(&b->tar, path, content, b->at))
		b->is_full = true;
	else
		json_array_append_new(b->files, json_string(name));
}

static void add_json(struct bundle *b, const char *name, json_t *take_doc)
{
	char *text;

	redact(take_doc);
	text = json_dumps(take_doc, JSON_INDENT(1) | JSON_ENCODE_ANY);
	if (text)
		add(b, name, bytes_str(text));
	free(text);
	json_decref(take_doc);
}

static void add_answers(struct bundle *b)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		char reason[32] = "";
		json_t *r = NULL;
		int code = rpc_try(b->c, questions[i].method,
			questions[i].count ? json_pack("{s:i}", questions[i].count, questions[i].max) : NULL, 0, &r, reason);

		/* Why there was no answer is worth knowing too. */
		add_json(b, questions[i].file, code ? json_pack("{s:s,s:i}", "no_answer", reason, "exit", code) : r);
	}
}

static void add_system(struct bundle *b)
{
	struct buf text = BUF_INIT;
	struct utsname u;

	if (uname(&u) == 0)
		(void)buf_printf(&text, "%s %s %s\n", u.sysname, u.release, u.machine);
	for (size_t i = 0; i < sizeof(system_files) / sizeof(system_files[0]); i++) {
		struct buf file = BUF_WITH_MAX(SYSTEM_FILE_MAX);

		(void)buf_printf(&text, "\n== %s\n", system_files[i]);
		if (file_read(system_files[i], &file, NULL) == 0)
			(void)buf_put(&text, buf_bytes(&file));
		else
			(void)buf_put_str(&text, "(cannot be read)\n");
		buf_deinit(&file);
	}
	add(b, "system.txt", buf_bytes(&text));
	buf_deinit(&text);
}

static void print_bundle(struct cli *c, json_t *r)
{
	const json_t *f;
	size_t i;

	(void)c;
	printf("%s, %lld bytes, holds:\n", out_text(r, "file"), (long long)json_integer_value(json_object_get(r, "bytes")));
	json_array_foreach(json_object_get(r, "files"), i, f)
		printf("  %s\n", json_string_value(f));
	printf("Keys and signatures are left out; peer ids, addresses and names are in it.\n");
}

static int write_out(struct cli *c, struct bundle *b, const char *path)
{
	struct buf packed = BUF_WITH_MAX(BUNDLE_BYTES_MAX + BUNDLE_BYTES_MAX / 8);
	size_t bytes;
	int code = 0;

	if (tar_end(&b->tar) || tar_gzip(buf_bytes(&b->tar), &packed))
		code = out_fail(c, CLI_CANTCREAT, NULL, "the bundle grew over %d bytes", BUNDLE_BYTES_MAX);
	if (!code)
		code = secret_write(c, path, buf_bytes(&packed));
	bytes = packed.len;
	buf_deinit(&packed);
	if (code)
		return code;
	return out_result(c, json_pack("{s:b,s:s,s:I,s:b,s:O}", "changed", 1, "file", path, "bytes", (json_int_t)bytes,
		"complete", !b->is_full, "files", b->files), CLI_OK, print_bundle);
}

int cmd_debug_bundle(struct cli *c)
{
	wall_t now = cli_now();
	struct bundle b = {.c = c, .tar = BUF_WITH_MAX(BUNDLE_BYTES_MAX), .at = now.sec, .files = json_array()};
	char name[96], stamp[RFC3339_SIZE];
	const char *out = cli_value(c, "out");
	json_t *hello;
	int code;

	/* Whether anybody answers is asked in the ordinary way: without a daemon there is nothing to tell. */
	code = rpc_call(c, "rpc.hello", NULL, 0, &hello);
	if (!code) {
		json_decref(hello);
		rfc3339_text((wall_t){now.sec, 0}, stamp);
		stamp[strcspn(stamp, "Z")] = '\0';
		for (char *p = stamp; *p; p++)
			*p = *p == ':' ? '-' : *p;
		snprintf(b.dir, sizeof(b.dir), "p2pos-bundle-%.24s", stamp);
		snprintf(name, sizeof(name), "%s.tar.gz", b.dir);
		add_answers(&b);
		add_system(&b);
		code = write_out(c, &b, out ? out : name);
	}
	json_decref(b.files);
	buf_deinit(&b.tar);
	return code;
}
