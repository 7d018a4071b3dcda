/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/io/inherited.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/io/loop_private.h"
#include "daemon/sys/handover.h"

/* "tcp-0.0.0.0-4100", "udp-__-4100": a name may have no colons. */
static const char *name_of(int type, const struct maddr_ip *addr, char to[HANDOVER_NAME_SIZE])
{
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->ip, text, sizeof(text)))
		text[0] = '\0'; /* cannot be: there is room */
	for (char *c = text; *c; c++)
		if (*c == ':')
			*c = '_';
	snprintf(to, HANDOVER_NAME_SIZE, "%s-%s-%u", type == SOCK_STREAM ? "tcp" : "udp", text, addr->port);
	return to;
}

static int option(int fd, int level, int what)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, what, &value, &len) == 0 ? value : -1;
}

static bool is_listening(int fd)
{
	return option(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM && option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
}

static bool make_ready(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* One that takes IPv4, too, would be in the way of ours (uv_tcp.h). */
static bool is_of_one_family(int fd, const struct maddr_ip *addr)
{
	return addr->family == 4 || option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1;
}

static bool is_bound_to(int fd, const struct maddr_ip *addr)
{
	struct sockaddr_storage sa = {0};
	socklen_t len = sizeof(sa);
	struct maddr_ip ip;

	return getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
	       ip_from_sockaddr((struct sockaddr *)&sa, &ip) && ip.family == addr->family &&
	       ip.port == addr->port && memcmp(ip.ip, addr->ip, sizeof(ip.ip)) == 0;
}

int inherited_ip(int type, const struct maddr_ip *addr)
{
	char name[HANDOVER_NAME_SIZE];
	int fd = addr->port ? handover_take(name_of(type, addr, name)) : -1;

	if (fd < 0)
		return -1;
	if ((type == SOCK_STREAM ? is_listening(fd) : option(fd, SOL_SOCKET, SO_TYPE) == type) &&
		is_bound_to(fd, addr) && is_of_one_family(fd, addr) && make_ready(fd))
		return fd;
	handover_refuse(name, fd);
	return -1;
}

void inherited_keep_ip(int type, const struct maddr_ip *addr, int fd)
{
	char name[HANDOVER_NAME_SIZE];

	if (addr->port)
		handover_keep(name_of(type, addr, name), fd);
}

void inherited_forget_ip(int type, const struct maddr_ip *addr)
{
	char name[HANDOVER_NAME_SIZE];

	if (addr->port)
		handover_forget(name_of(type, addr, name));
}

static bool is_socket_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

int inherited_local(const char *name)
{
	struct sockaddr_un sa = {0};
	socklen_t len = sizeof(sa);
	int fd = handover_take(name);

	if (fd < 0)
		return -1;
	/* With its file gone nobody could reach it: then a new one is made. */
	if (is_listening(fd) && getsockname(fd, (struct sockaddr *)&sa, &len) == 0 && sa.sun_family == AF_UNIX &&
		is_socket_file(sa.sun_path))
		return fd;
	handover_refuse(name, fd);
	return -1;
}
