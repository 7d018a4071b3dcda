/* SPDX-License-Identifier: Apache-2.0 */
/* config check: a file is read here with the daemon's own parser. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "config/config.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/p2pos/admin_proof.h"

static json_t *faults(const struct config_report *r, bool errors)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < r->count; i++) {
		const struct config_fault *f = &r->faults[i];

		if (f->is_error != errors)
			continue;
		json_array_append_new(a, json_pack("{s:s,s:s,s:o,s:o}", "pointer", f->pointer, "message", f->message,
			"line", f->line ? json_integer(f->line) : json_null(), "column",
			f->column ? json_integer(f->column) : json_null()));
	}
	return a;
}

static void print_faults(const char *word, const json_t *list)
{
	const json_t *f;
	size_t i;

	json_array_foreach(list, i, f) {
		printf("%s  ", word);
		if (json_is_integer(json_object_get(f, "line")))
			printf("line %lld, column %lld: ", (long long)json_integer_value(json_object_get(f, "line")),
				(long long)json_integer_value(json_object_get(f, "column")));
		else if (json_string_length(json_object_get(f, "pointer")))
			printf("%s: ", out_text(f, "pointer"));
		printf("%s\n", out_text(f, "message"));
	}
}

static void print_check(struct cli *c, json_t *r)
{
	(void)c;
	print_faults("ERROR  ", json_object_get(r, "errors"));
	print_faults("WARNING", json_object_get(r, "warnings"));
	printf("%s: %s\n", out_text(r, "file"), json_is_true(json_object_get(r, "valid")) ? "ok" : "not usable");
}

/* A proof that is of no use stops no daemon (P-166), so it is a warning. */
static void review_proof(const struct config *cfg, struct config_report *r)
{
	struct admin_proof p;
	struct key_pair key;
	struct peer_id own;
	enum admin_proof_reason why = ADMIN_PROOF_MISSING;
	struct admin_proof_rules rules = {.cluster_id = cfg->cluster_id, .peer = &own,
		.system = cfg->has_system_key ? &cfg->system_key : NULL, .at = cli_now(),
		.slack_sec = ADMIN_PROOF_SLACK_SEC};

	if (!*cfg->admin_proof)
		return;
	if (admin_proof_parse(bytes_str(cfg->admin_proof), &p)) {
		config_warning(r, "/admin_proof", "is malformed, and of no use to this node");
		return;
	}
	own = p.peer; /* without the key here, whose proof it should be is not known */
	if (*cfg->node_private_key && key_private_parse_text(bytes_str(cfg->node_private_key), &key) == 0) {
		key_pair_peer_id(&key, &own);
		key_pair_deinit(&key);
	}
	if (admin_proof_check(&p, &rules, &why))
		config_warning(r, "/admin_proof", "is of no use to this node: %s", admin_proof_reason_text(why));
}

static bool is_in_use(const struct maddr_ip *ip)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(ip->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(ip->port)};
	bool is_v4 = ip->family == 4, used;
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	memcpy(&v4.sin_addr, ip->ip, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, ip->ip, sizeof(v6.sin6_addr));
	/* As the daemon does it; these cannot fail on a fresh socket. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (!is_v4)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int));
	used = (is_v4 ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
		      : bind(fd, (struct sockaddr *)&v6, sizeof(v6))) != 0 && errno == EADDRINUSE;
	close(fd);
	return used;
}

static void review_ports(const struct config *cfg, struct config_report *r)
{
	char pointer[CONFIG_POINTER_SIZE], text[CONFIG_ENDPOINT_SIZE];

	for (size_t i = 0; i < cfg->listen_count; i++) {
		if (!is_in_use(&cfg->listen[i]))
			continue;
		snprintf(pointer, sizeof(pointer), "/listen/%zu", i);
		config_warning(r, pointer, "%s is in use now, by the running node or by another program",
			config_endpoint_text(&cfg->listen[i], text));
	}
}

static int check(struct cli *c, const char *path)
{
	struct config *cfg = xcalloc(1, sizeof(*cfg));
	struct config_report *report = xcalloc(1, sizeof(*report));
	bool valid;
	json_t *r;
	int err;

	config_init(cfg);
	err = config_load(path, cfg, report);
	if (err == P2P_ERR_NOT_FOUND) {
		free(report);
		config_deinit(cfg);
		free(cfg);
		return out_fail(c, CLI_NOINPUT, "p2posctl init or p2posctl join makes one", "there is no %s", path);
	}
	if (!err)
		review_proof(cfg, report);
	valid = err == 0 && !(cli_given(c, "strict") && report->warnings);
	/* Behind the verdict: beside a running node the file is checked too. */
	if (!err)
		review_ports(cfg, report);
	r = json_pack("{s:s,s:b,s:o,s:o}", "file", path, "valid", valid, "errors", faults(report, true), "warnings",
		faults(report, false));
	config_deinit(cfg);
	free(cfg);
	free(report);
	return out_result(c, r, valid ? CLI_OK : CLI_CONFIG, print_check);
}

int cmd_config_check(struct cli *c)
{
	bool of_node;
	char *path = config_locate(c, c->argc ? c->argv[0] : NULL, &of_node);
	int code = check(c, path);

	free(path);
	return code;
}
