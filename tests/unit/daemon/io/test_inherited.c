/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors 3 and up are somebody's in this process, so each case is a child of its own. */
#include "daemon/io/inherited.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sys/handover.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/tempdir.h"

static struct maddr_ip addr; /* what the socket of this test is bound to */

/* A bound socket, listening if it is one of a stream. */
static int bound(int family, int type, bool v6only)
{
	struct sockaddr_storage sa = {.ss_family = (sa_family_t)family};
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int fd = socket(family, type, 0), on = v6only;

	if (family == AF_INET)
		((struct sockaddr_in *)&sa)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	len = sizeof(sa);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	addr = (struct maddr_ip){.family = family == AF_INET ? 4 : 6};
	if (family == AF_INET) {
		addr.port = ntohs(((struct sockaddr_in *)&sa)->sin_port);
		memcpy(addr.ip, &((struct sockaddr_in *)&sa)->sin_addr, 4);
	} else {
		addr.port = ntohs(((struct sockaddr_in6 *)&sa)->sin6_port);
	}
	return fd;
}

/* The exit code of `body` in a child that inherits `fd` under `name`. */
static int inheriting(int fd, const char *name, int (*body)(void))
{
	char pid[16];
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void)dup2(fd, 3);
		snprintf(pid, sizeof(pid), "%d", getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "1", 1);
		setenv("LISTEN_FDNAMES", name, 1);
		(void)handover_open();
		_exit(body());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	close(fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *named(const char *kind, const char *ip)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s-%s-%u", kind, ip, addr.port);
	return name;
}

static int takes_stream(void)
{
	return inherited_ip(SOCK_STREAM, &addr) == 3 && fcntl(3, F_GETFL) & O_NONBLOCK ? 0 : 1;
}

static int takes_datagram(void)
{
	return inherited_ip(SOCK_DGRAM, &addr) == 3 ? 0 : 1;
}

static int refuses_stream(void)
{
	return inherited_ip(SOCK_STREAM, &addr) == -1 && fcntl(3, F_GETFD) < 0 ? 0 : 1;
}

static int takes_control(void)
{
	return inherited_local(INHERITED_CONTROL) == 3 ? 0 : 1;
}

static int refuses_control(void)
{
	return inherited_local(INHERITED_CONTROL) == -1 && fcntl(3, F_GETFD) < 0 ? 0 : 1;
}

static void sockets_are_found_again(void **state)
{
	int fd;

	(void)state;
	fd = bound(AF_INET, SOCK_STREAM, false);
	assert_int_equal(inheriting(fd, named("tcp", "127.0.0.1"), takes_stream), 0);
	fd = bound(AF_INET, SOCK_DGRAM, false);
	assert_int_equal(inheriting(fd, named("udp", "127.0.0.1"), takes_datagram), 0);
	fd = bound(AF_INET6, SOCK_STREAM, true);
	assert_int_equal(inheriting(fd, named("tcp", "__"), takes_stream), 0);
}

static void what_is_not_what_its_name_says_is_closed(void **state)
{
	int fd;

	(void)state;
	fd = bound(AF_INET, SOCK_DGRAM, false);
	assert_int_equal(inheriting(fd, named("tcp", "127.0.0.1"), refuses_stream), 0);
	fd = bound(AF_INET, SOCK_STREAM, false);
	addr.port ^= 1;
	assert_int_equal(inheriting(fd, named("tcp", "127.0.0.1"), refuses_stream), 0);
	fd = bound(AF_INET6, SOCK_STREAM, false);
	assert_int_equal(inheriting(fd, named("tcp", "__"), refuses_stream), 0);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(inheriting(fd, named("tcp", "__"), refuses_stream), 0);
}

static int local(const char *path, bool listens)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	if (listens)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void a_control_socket_without_its_file_is_of_no_use(void **state)
{
	struct tempdir d;
	int fd;

	(void)state;
	tempdir_make(&d);
	assert_int_equal(inheriting(local(tempdir_path(&d, "a"), true), INHERITED_CONTROL, takes_control), 0);
	assert_int_equal(inheriting(local(tempdir_path(&d, "b"), false), INHERITED_CONTROL, refuses_control), 0);
	fd = local(tempdir_path(&d, "c"), true);
	unlink(tempdir_path(&d, "c"));
	assert_int_equal(inheriting(fd, INHERITED_CONTROL, refuses_control), 0);
	assert_int_equal(inheriting(bound(AF_INET, SOCK_STREAM, false), INHERITED_CONTROL, refuses_control), 0);
	tempdir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_found_again),
		cmocka_unit_test(what_is_not_what_its_name_says_is_closed),
		cmocka_unit_test(a_control_socket_without_its_file_is_of_no_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
