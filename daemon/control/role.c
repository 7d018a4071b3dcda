/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/role.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/base/err.h"
#include "proto/base/mem.h"

/* Names are turned into numbers only after the group has been copied: both calls may share one
 * static buffer. */
static void learn_members(struct role_group *g, const struct group *found)
{
	char *names[ROLE_UIDS_MAX];
	size_t n = 0;

	while (found->gr_mem[n] && n < ROLE_UIDS_MAX) {
		names[n] = xstrdup(found->gr_mem[n]);
		n++;
	}
	g->gid = found->gr_gid;
	g->uids = xcalloc(n + 1, sizeof(*g->uids));
	for (size_t i = 0; i < n; i++) {
		const struct passwd *p = getpwnam(names[i]);

		if (p)
			g->uids[g->count++] = p->pw_uid;
		free(names[i]);
	}
}

int role_rules_init(struct role_rules *r, gid_t socket_group, const char *read_only_group,
	bool sees_users)
{
	const struct group *found;

	*r = (struct role_rules){
		.own_uid = geteuid(),
		.socket_group = socket_group,
		.admins = {.gid = PIPE_NO_GROUP},
		.readers = {.gid = PIPE_NO_GROUP},
	};
	if (!read_only_group || !read_only_group[0])
		return 0;
	found = getgrnam(read_only_group);
	if (!found)
		return P2P_ERR_CONFIG;
	r->readers.gid = found->gr_gid;
	if (socket_group == r->readers.gid)
		return 0;
	r->readers_have_door = !sees_users;
	if (r->readers_have_door)
		return 0;
	learn_members(&r->readers, found);
	if (socket_group == PIPE_NO_GROUP)
		return 0;
	found = getgrgid(socket_group);
	if (found)
		learn_members(&r->admins, found);
	else
		r->admins.gid = socket_group; /* a number without a name: primary group only */
	return 0;
}

void role_rules_deinit(struct role_rules *r)
{
	free(r->admins.uids);
	free(r->readers.uids);
	r->admins = r->readers = (struct role_group){.gid = PIPE_NO_GROUP};
}

mode_t role_socket_mode(const struct role_rules *r)
{
	if (r->readers.gid != PIPE_NO_GROUP && r->readers.gid != r->socket_group && !r->readers_have_door)
		return 0666;
	return r->socket_group == PIPE_NO_GROUP ? 0600 : 0660;
}

static bool is_in(const struct role_group *g, const struct pipe_caller *who)
{
	if (g->gid == PIPE_NO_GROUP)
		return false;
	if (who->gid == g->gid)
		return true;
	for (size_t i = 0; i < g->count; i++)
		if (g->uids[i] == who->uid)
			return true;
	return false;
}

enum rpc_role role_of(const struct role_rules *r, const struct pipe_caller *who)
{
	if (who->uid == 0 || who->uid == r->own_uid)
		return RPC_ROLE_ADMIN;
	if (r->socket_group != PIPE_NO_GROUP && role_socket_mode(r) == 0660)
		/* The file lets in its owner and its group only: whoever is here is in it. */
		return r->readers.gid == r->socket_group ? RPC_ROLE_READER : RPC_ROLE_ADMIN;
	if (is_in(&r->admins, who))
		return RPC_ROLE_ADMIN;
	return is_in(&r->readers, who) ? RPC_ROLE_READER : RPC_ROLE_NONE;
}
