/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/place.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/out.h"
#include "cli/secret.h"
#include "config/config.h"
#include "config/file.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/multi/maddr.h"

#define DEFAULT_PORT      4100
#define REACHABLE_MAX     8 /* addresses in a join string; the rest is found through them */

int place_open(struct cli *c, struct place *ret)
{
	const char *dir = cli_value(c, "data-dir");

	memset(ret, 0, sizeof(*ret));
	ret->is_system = dir == NULL;
	ret->dir = xstrdup(dir ? dir : CLI_STATE_DEFAULT);
	ret->config = dir ? secret_path(dir, "config.json") : xstrdup(CLI_CONFIG_DEFAULT);
	ret->node_key = secret_path(ret->dir, "node.key");
	ret->first_snapshot = secret_path(ret->dir, PLACE_FIRST_SNAPSHOT);
	if (dir)
		return secret_mkdir(c, dir);
	if (access(CLI_STATE_DEFAULT, W_OK) == 0)
		return 0;
	return out_fail(c, errno == ENOENT ? CLI_CANTCREAT : CLI_NOPERM,
		"use sudo after install.sh, or --data-dir DIR for a node of your own",
		"cannot write to %s: %s", CLI_STATE_DEFAULT, strerror(errno));
}

void place_deinit(struct place *p)
{
	free(p->dir);
	free(p->config);
	free(p->node_key);
	free(p->first_snapshot);
}

int place_hand_over(struct cli *c, const struct place *p, const char *path)
{
	const struct passwd *user;
	struct stat st;

	if (!p->is_system || geteuid() != 0)
		return 0;
	user = getpwnam(PLACE_SERVICE_USER);
	if (!user)
		return out_fail(c, CLI_CANTCREAT, "./install.sh makes it", "there is no user " PLACE_SERVICE_USER);
	if (lstat(path, &st) == 0 && st.st_uid == user->pw_uid)
		return 0;
	if (lstat(path, &st) == 0 && st.st_uid != 0)
		return out_fail(c, CLI_CONFIG, "if it is meant, give it to the service: chown p2pos:p2pos",
			"%s belongs to another user", path);
	if (lchown(path, user->pw_uid, user->pw_gid) == 0)
		return 0;
	return out_fail(c, CLI_CANTCREAT, NULL, "cannot give %s to the user %s: %s", path,
		PLACE_SERVICE_USER, strerror(errno));
}

int place_node_key(struct cli *c, const struct place *p, struct key_pair *ret)
{
	int code = secret_keep_key(c, p->node_key, ret);

	/* Also one that is there: the run that made it may have ended before it was handed over. */
	return code ? code : place_hand_over(c, p, p->node_key);
}

int place_read_config(struct cli *c, const struct place *p, json_t **ret)
{
	struct buf text = BUF_WITH_MAX(CONFIG_BYTES_MAX);
	int err = file_read(p->config, &text, NULL), code = 0;

	*ret = NULL;
	if (err == 0) {
		*ret = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
		if (!*ret)
			code = out_fail(c, CLI_CONFIG, "p2posctl config check names the place",
				"%s is there, but it is no JSON", p->config);
	} else if (err != P2P_ERR_NOT_FOUND) {
		code = out_fail(c, CLI_NOPERM, NULL, "cannot read %s: %s", p->config, err_text(err));
	}
	buf_deinit(&text);
	return code;
}

int place_hand_over_config(struct cli *c, const struct place *p)
{
	const struct passwd *user;

	if (!p->is_system || geteuid() != 0)
		return 0;
	user = getpwnam(PLACE_SERVICE_USER);
	if (user && chown(p->config, 0, user->pw_gid) == 0 && chmod(p->config, 0640) == 0)
		return 0;
	return out_fail(c, CLI_CANTCREAT, NULL, "cannot give %s to the group %s: %s", p->config,
		PLACE_SERVICE_USER, user ? strerror(errno) : "no such user");
}

int place_write_config(struct cli *c, const struct place *p, json_t *take_config)
{
	char *text = json_dumps(take_config, JSON_INDENT(2));
	int code = secret_write_line(c, p->config, text);

	free(text);
	json_decref(take_config);
	return code ? code : place_hand_over_config(c, p);
}

int place_add_addresses(struct cli *c, json_t *config)
{
	static const char *const options[] = {"listen", "announce"};

	for (int k = 0; k < 2; k++) {
		json_t *list = json_array();
		const char *v;

		for (int i = 0; (v = cli_value_at(c, options[k], i)); i++) {
			struct maddr_ip ip[2];
			struct maddr m;
			bool good = k == 0 ? config_parse_listen(bytes_str(v), ip) > 0
					   : maddr_parse(bytes_str(v), &m) == 0;

			if (!good) {
				json_decref(list);
				return out_fail(c, CLI_USAGE, k == 0 ? "write HOST:PORT, [IPV6]:PORT or PORT"
					: "write it like /ip4/192.0.2.7/tcp/4100", "--%s: '%s' is no address", options[k], v);
			}
			json_array_append_new(list, json_string(v));
		}
		if (json_array_size(list))
			json_object_set(config, options[k], list);
		json_decref(list);
	}
	return 0;
}

static void add_address(const struct maddr *m, const struct peer_id *peer, json_t *to)
{
	struct maddr full = *m;
	char text[MADDR_TEXT_MAX + 1];

	if (json_array_size(to) >= REACHABLE_MAX)
		return;
	(void)maddr_split_peer(&full, NULL);
	if (maddr_append_peer(&full, peer) == 0)
		json_array_append_new(to, json_string(maddr_text(&full, text)));
}

static bool ip_of(const struct sockaddr *sa, struct maddr_ip *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (sa && sa->sa_family == AF_INET) {
		ret->family = 4;
		memcpy(ret->ip, &((const struct sockaddr_in *)sa)->sin_addr, 4);
		return true;
	}
	if (sa && sa->sa_family == AF_INET6) {
		ret->family = 6;
		memcpy(ret->ip, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
		return true;
	}
	return false;
}

/* The two doors of one address, QUIC first as it is dialled first. */
static void add_doors(const struct maddr_ip *ip, const struct peer_id *peer, json_t *to)
{
	struct maddr m;

	maddr_from_ip_quic(ip, &m);
	add_address(&m, peer, to);
	maddr_from_ip_tcp(ip, &m);
	add_address(&m, peer, to);
}

/* All addresses of one reach (public first, then private, then loopback if nothing else is there). */
static void add_interfaces(uint16_t port, const struct peer_id *peer, json_t *to)
{
	static const enum maddr_reach order[] = {MADDR_REACH_PUBLIC, MADDR_REACH_PRIVATE, MADDR_REACH_LOOPBACK};
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0)
		return;
	for (size_t k = 0; k < 3 && (k < 2 || json_array_size(to) == 0); k++) {
		for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
			struct maddr_ip ip;

			if (!(i->ifa_flags & IFF_UP) || !ip_of(i->ifa_addr, &ip))
				continue;
			ip.port = port;
			if (maddr_ip_reach(&ip) != order[k])
				continue;
			add_doors(&ip, peer, to);
		}
	}
	freeifaddrs(all);
}

static bool is_any(const struct maddr_ip *ip)
{
	static const uint8_t zero[16];

	return memcmp(ip->ip, zero, sizeof(zero)) == 0;
}

int place_reachable(struct cli *c, const struct peer_id *peer, json_t *to)
{
	uint16_t any_port = 0;
	const char *v;

	for (int i = 0; (v = cli_value_at(c, "announce", i)); i++) {
		struct maddr m;

		if (maddr_parse(bytes_str(v), &m) == 0)
			add_address(&m, peer, to);
	}
	for (int i = 0; (v = cli_value_at(c, "listen", i)); i++) {
		struct maddr_ip ip[2];
		int n = config_parse_listen(bytes_str(v), ip);

		for (int k = 0; k < n; k++) {
			if (is_any(&ip[k]))
				any_port = ip[k].port;
			else
				add_doors(&ip[k], peer, to);
		}
	}
	if (json_array_size(to) == 0 || any_port)
		add_interfaces(any_port ? any_port : DEFAULT_PORT, peer, to);
	return 0;
}
