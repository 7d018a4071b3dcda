/* SPDX-License-Identifier: Apache-2.0 */
/* lists.c: the kinds of values that are addresses or lists of something. `at` is the count (or the
 * flag) in front of the items in struct config. */
#include "config/keys.h"

#include "proto/base/err.h"
#include "proto/base/text.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>

#define DNS_PORT 53

/* The struct around a field. */
#define CONFIG_OF(at, field)                                                                       \
	((struct config *)(void *)((char *)(uintptr_t)(at)-offsetof(struct config, field)))

static bool item_fault(const struct config_key *k, int i, struct config_report *r,
	const char *what, struct bytes value)
{
	char pointer[CONFIG_POINTER_SIZE];

	config_error(r, key_pointer(k, i, pointer), "%s: \"%.*s\"", what,
		(int)(value.len > 100 ? 100 : value.len), (const char *)value.at);
	return false;
}

/* An array of strings, each handed to `add`; all faults are noted, not just the first. */
static bool each_text(const struct config_key *k, const json_t *v, struct config *cfg,
	struct config_report *r,
	bool (*add)(const struct config_key *k, int i, struct bytes text, struct config *cfg,
		struct config_report *r))
{
	const json_t *item;
	bool ok = true;
	size_t i;

	if (!json_is_array(v))
		return key_wrong_type(k, -1, "an array", r);
	json_array_foreach(v, i, item) {
		if (!json_is_string(item))
			ok = key_wrong_type(k, (int)i, "a string", r);
		else
			ok &= add(k, (int)i, key_text(item), cfg, r);
	}
	return ok;
}

static bool is_full(const struct config_key *k, int i, size_t count, struct config_report *r)
{
	char pointer[CONFIG_POINTER_SIZE];

	if (count < k->max)
		return false;
	if ((size_t)i == count) /* once is enough */
		config_error(r, key_pointer(k, -1, pointer), "has more than %u items", k->max);
	return true;
}

static json_t *schema_texts(const struct config_key *k)
{
	return json_pack("{s:s, s:{s:s}, s:I}", "type", "array", "items", "type", "string",
		"maxItems", (json_int_t)k->max);
}

/* ---- IP addresses with a port ---- */

static bool parse_port(struct bytes text, uint16_t *ret)
{
	uint32_t n = 0;

	if (text.len == 0 || text.len > 5)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		n = n * 10 + (text.at[i] - '0');
	}
	*ret = (uint16_t)n;
	return n <= UINT16_MAX;
}

static bool parse_ip(struct bytes text, struct maddr_ip *ret)
{
	char host[INET6_ADDRSTRLEN];

	memset(ret->ip, 0, sizeof(ret->ip));
	if (!text_copy(host, sizeof(host), text))
		return false;
	ret->family = inet_pton(AF_INET, host, ret->ip) == 1    ? 4
		      : inet_pton(AF_INET6, host, ret->ip) == 1 ? 6
								: 0;
	return ret->family != 0;
}

/* "1.2.3.4:80" or "[::1]:80". */
static bool parse_endpoint(struct bytes text, struct maddr_ip *ret)
{
	size_t colon = text.len;
	struct bytes host;

	while (colon > 0 && text.at[colon - 1] != ':')
		colon--;
	if (colon < 2 || !parse_port(bytes_from(text, colon), &ret->port))
		return false;
	host = bytes_head(text, colon - 1);
	if (host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
		return parse_ip(bytes_of(host.at + 1, host.len - 2), ret) && ret->family == 6;
	return parse_ip(host, ret) && ret->family == 4;
}

char *config_endpoint_text(const struct maddr_ip *at, char *to)
{
	char host[INET6_ADDRSTRLEN];

	inet_ntop(at->family == 4 ? AF_INET : AF_INET6, at->ip, host, sizeof(host));
	snprintf(to, CONFIG_ENDPOINT_SIZE, at->family == 4 ? "%s:%u" : "[%s]:%u", host, at->port);
	return to;
}

int config_parse_listen(struct bytes text, struct maddr_ip ret[2])
{
	struct maddr_ip at = {.family = 4};

	text = text_trim(text);
	if (text.len > 0 && text.at[0] == ':')
		text = bytes_from(text, 1);
	if (parse_port(text, &at.port)) {
		ret[0] = at;
		ret[1] = (struct maddr_ip){.family = 6, .port = at.port};
		return 2;
	}
	if (!parse_endpoint(text, &at))
		return P2P_ERR_INVALID;
	ret[0] = at;
	return 1;
}

static bool same_ip(const struct maddr_ip *a, const struct maddr_ip *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* ---- listen ---- */

static bool add_listen(const struct config_key *k, int i, struct bytes text, struct config *cfg,
	struct config_report *r)
{
	struct maddr_ip found[2];
	int n = config_parse_listen(text, found);

	if (n < 0)
		return item_fault(k, i, r, "is not host:port, :port or port", text);
	for (int f = 0; f < n; f++) {
		bool known = false;

		for (size_t j = 0; j < cfg->listen_count; j++)
			known |= same_ip(&cfg->listen[j], &found[f]);
		if (known)
			continue;
		if (cfg->listen_count >= k->max)
			return item_fault(k, i, r, "is one address too many", text);
		cfg->listen[cfg->listen_count++] = found[f];
	}
	return true;
}

static bool set_listen(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	struct config *cfg = CONFIG_OF(at, listen_count);

	/* An empty list means the default, which is there already, as in the original. */
	if (json_is_array(v) && json_array_size(v) == 0)
		return true;
	memset(cfg->listen, 0, sizeof(cfg->listen));
	cfg->listen_count = 0;
	if (json_is_string(v))
		return add_listen(k, -1, key_text(v), cfg, r);
	if (!json_is_array(v))
		return key_wrong_type(k, -1, "a string or an array of strings", r);
	return each_text(k, v, cfg, r, add_listen);
}

static json_t *endpoints(const struct maddr_ip *at, size_t count)
{
	json_t *list = json_array();
	char text[CONFIG_ENDPOINT_SIZE];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, key_new_text(config_endpoint_text(&at[i], text)));
	return list;
}

static json_t *get_listen(const struct config_key *k, const void *at)
{
	const struct config *cfg = CONFIG_OF(at, listen_count);

	(void)k;
	return endpoints(cfg->listen, cfg->listen_count);
}

static json_t *schema_listen(const struct config_key *k)
{
	return json_pack("{s:[s,s], s:{s:s}, s:I}", "type", "array", "string", "items", "type",
		"string", "maxItems", (json_int_t)k->max);
}

const struct key_kind kind_listen = {set_listen, get_listen, schema_listen};

/* ---- name servers ---- */

static bool add_server(const struct config_key *k, int i, struct bytes text, struct config *cfg,
	struct config_report *r)
{
	struct maddr_ip ip = {.port = DNS_PORT};

	if (is_full(k, i, cfg->dns.server_count, r))
		return false;
	if (!parse_ip(text, &ip) && (!parse_endpoint(text, &ip) || ip.port == 0))
		return item_fault(k, i, r, "is no IP address, with or without :port", text);
	cfg->dns.servers[cfg->dns.server_count++] = ip;
	return true;
}

static bool set_servers(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	struct config *cfg = CONFIG_OF(at, dns.server_count);

	memset(cfg->dns.servers, 0, sizeof(cfg->dns.servers));
	cfg->dns.server_count = 0;
	return each_text(k, v, cfg, r, add_server);
}

static json_t *get_servers(const struct config_key *k, const void *at)
{
	const struct config *cfg = CONFIG_OF(at, dns.server_count);

	(void)k;
	return endpoints(cfg->dns.servers, cfg->dns.server_count);
}

const struct key_kind kind_servers = {set_servers, get_servers, schema_texts};

/* ---- one optional endpoint ---- */

static bool set_endpoint(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	struct config *cfg = CONFIG_OF(at, metrics.has_listen);

	if (!json_is_string(v))
		return key_wrong_type(k, -1, "a string", r);
	memset(&cfg->metrics.listen, 0, sizeof(cfg->metrics.listen));
	cfg->metrics.has_listen = key_text(v).len > 0;
	if (cfg->metrics.has_listen && !parse_endpoint(key_text(v), &cfg->metrics.listen))
		return item_fault(k, -1, r, "is not host:port", key_text(v));
	return true;
}

static json_t *get_endpoint(const struct config_key *k, const void *at)
{
	const struct config *cfg = CONFIG_OF(at, metrics.has_listen);
	char text[CONFIG_ENDPOINT_SIZE] = "";

	(void)k;
	if (cfg->metrics.has_listen)
		config_endpoint_text(&cfg->metrics.listen, text);
	return key_new_text(text);
}

static json_t *schema_endpoint(const struct config_key *k)
{
	(void)k;
	return json_pack("{s:s}", "type", "string");
}

const struct key_kind kind_endpoint = {set_endpoint, get_endpoint, schema_endpoint};

/* ---- announce ---- */

static bool add_multiaddr(const struct config_key *k, int i, struct bytes text,
	struct config *cfg, struct config_report *r)
{
	struct maddr *a = &cfg->announce[cfg->announce_count];

	if (is_full(k, i, cfg->announce_count, r))
		return false;
	if (maddr_parse(text, a) != 0)
		return item_fault(k, i, r, "is no multiaddr that is known here", text);
	(void)maddr_split_peer(a, NULL); /* it can only be our own */
	cfg->announce_count++;
	return true;
}

static bool set_multiaddrs(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	struct config *cfg = CONFIG_OF(at, announce_count);

	memset(cfg->announce, 0, sizeof(cfg->announce));
	cfg->announce_count = 0;
	return each_text(k, v, cfg, r, add_multiaddr);
}

static json_t *get_multiaddrs(const struct config_key *k, const void *at)
{
	const struct config *cfg = CONFIG_OF(at, announce_count);
	json_t *list = json_array();
	char text[MADDR_TEXT_MAX + 1];

	(void)k;
	for (size_t i = 0; i < cfg->announce_count; i++)
		json_array_append_new(list, key_new_text(maddr_text(&cfg->announce[i], text)));
	return list;
}

const struct key_kind kind_multiaddrs = {set_multiaddrs, get_multiaddrs, schema_texts};

/* ---- admin_peers ---- */

static bool add_peer(const struct config_key *k, int i, struct bytes text, struct config *cfg,
	struct config_report *r)
{
	if (is_full(k, i, cfg->admin_peer_count, r))
		return false;
	if (peer_id_parse(text, &cfg->admin_peers[cfg->admin_peer_count]) != 0)
		return item_fault(k, i, r, "is no peer id", text);
	cfg->admin_peer_count++;
	return true;
}

static bool set_peers(const struct config_key *k, const json_t *v, void *at,
	struct config_report *r)
{
	struct config *cfg = CONFIG_OF(at, admin_peer_count);

	memset(cfg->admin_peers, 0, sizeof(cfg->admin_peers));
	cfg->admin_peer_count = 0;
	return each_text(k, v, cfg, r, add_peer);
}

static json_t *get_peers(const struct config_key *k, const void *at)
{
	const struct config *cfg = CONFIG_OF(at, admin_peer_count);
	json_t *list = json_array();
	char text[PEER_ID_TEXT_SIZE];

	(void)k;
	for (size_t i = 0; i < cfg->admin_peer_count; i++)
		json_array_append_new(list, key_new_text(peer_id_text(&cfg->admin_peers[i], text)));
	return list;
}

const struct key_kind kind_peers = {set_peers, get_peers, schema_texts};
