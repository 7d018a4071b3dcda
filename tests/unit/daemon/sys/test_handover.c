/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sys/handover.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sys/notify.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/tempdir.h"

static struct tempdir d;
static int supervisor;

static int set_up(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	(void)state;
	tempdir_make(&d);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", tempdir_path(&d, "notify"));
	supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(supervisor, (struct sockaddr *)&at, sizeof(at)), 0);
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
	assert_true(notify_open());
	(void)handover_open();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	handover_close();
	notify_close();
	close(supervisor);
	tempdir_remove(&d);
	return 0;
}

/* The next message; `*ret_fd` is the descriptor that came with it, or -1. */
static const char *told(int *ret_fd)
{
	static char text[512];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {text, sizeof(text) - 1};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(supervisor, &m, 0);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	text[n > 0 ? n : 0] = '\0';
	*ret_fd = -1;
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(*ret_fd));
	return text;
}

static bool is_same_file(int a, int b)
{
	char x[64] = "", y[64] = "", path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", a);
	if (readlink(path, x, sizeof(x) - 1) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", b);
	return readlink(path, y, sizeof(y) - 1) > 0 && strcmp(x, y) == 0;
}

static void what_is_kept_goes_to_the_supervisor_with_its_name(void **state)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), fd;

	(void)state;
	handover_keep("udp-0.0.0.0-4100", s);
	assert_string_equal(told(&fd), "FDSTORE=1\nFDNAME=udp-0.0.0.0-4100\nFDPOLL=0");
	assert_true(fd >= 0 && is_same_file(fd, s));
	assert_true(handover_is_kept("udp-0.0.0.0-4100"));
	assert_false(handover_is_kept("udp-0.0.0.0-4101"));
	close(fd);
	close(s);
}

static void what_is_closed_for_good_is_forgotten_once(void **state)
{
	int fd;

	(void)state;
	handover_keep("a", 0);
	handover_keep("b", 0);
	(void)told(&fd);
	(void)told(&fd);
	handover_forget("a");
	assert_string_equal(told(&fd), "FDSTOREREMOVE=1\nFDNAME=a");
	assert_false(handover_is_kept("a"));
	assert_true(handover_is_kept("b"));
	handover_forget("a");
	handover_forget("never");
	assert_string_equal(told(&fd), "");
}

static void what_is_closed_at_the_end_is_kept(void **state)
{
	int fd;

	(void)state;
	handover_keep("a", 0);
	(void)told(&fd);
	handover_stopping();
	handover_forget("a");
	assert_string_equal(told(&fd), "");
	assert_true(handover_is_kept("a"));
}

static void there_is_a_limit_to_what_is_kept(void **state)
{
	char name[HANDOVER_NAME_SIZE];
	int fd, messages = 0;

	(void)state;
	for (int i = 0; i < HANDOVER_MAX + 5; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		handover_keep(name, 0);
		while (*told(&fd)) {
			close(fd);
			messages++;
		}
	}
	assert_int_equal(messages, HANDOVER_MAX);
	assert_true(handover_is_kept("n0"));
	assert_false(handover_is_kept(name));
}

static void without_a_supervisor_nothing_is_kept(void **state)
{
	(void)state;
	notify_close();
	handover_keep("a", 0);
	assert_false(handover_is_kept("a"));
	handover_forget("a");
}

/* Descriptors 3 and up are somebody's in this process, so inheriting is tried in a child. Returns
 * its exit code. */
static int in_child(const char *names, int count, int (*body)(void))
{
	char text[16];
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		notify_close(); /* its descriptor may be one of those */
		for (int fd = 3; fd < 3 + count; fd++)
			(void)dup2(0, fd);
		setenv("NOTIFY_SOCKET", tempdir_path(&d, "notify"), 1);
		(void)notify_open();
		snprintf(text, sizeof(text), "%d", getpid());
		setenv("LISTEN_PID", text, 1);
		snprintf(text, sizeof(text), "%d", count);
		setenv("LISTEN_FDS", text, 1);
		setenv("LISTEN_FDNAMES", names, 1);
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int take_both(void)
{
	if (handover_open() != 2 || getenv("LISTEN_FDS"))
		return 1;
	if (handover_take("control") != 4 || handover_take("control") != -1 || handover_take("other") != -1)
		return 2;
	if (handover_take("tcp") != 3)
		return 3;
	return fcntl(3, F_GETFD) == FD_CLOEXEC ? 0 : 4;
}

static int leave_one(void)
{
	if (handover_open() != 2 || handover_take("kept") != 3)
		return 1;
	handover_close_rest();
	return fcntl(3, F_GETFD) >= 0 && fcntl(4, F_GETFD) < 0 ? 0 : 2;
}

static int too_few_names(void)
{
	if (handover_open() != 3 || handover_take("a") != 3)
		return 1;
	return handover_take("") == 4 && handover_take("") == 5 ? 0 : 2;
}

static int too_many(void)
{
	return handover_open() == HANDOVER_MAX && fcntl(3 + HANDOVER_MAX, F_GETFD) < 0 ? 0 : 1;
}

static int for_another_process(void)
{
	setenv("LISTEN_PID", "1", 1);
	return handover_open() == 0 && fcntl(3, F_GETFD) >= 0 && !getenv("LISTEN_PID") ? 0 : 1;
}

static void inherited_ones_are_taken_by_name_once(void **state)
{
	(void)state;
	assert_int_equal(in_child("tcp:control", 2, take_both), 0);
}

static void what_nobody_took_is_closed_and_forgotten(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(in_child("kept:old", 2, leave_one), 0);
	assert_string_equal(told(&fd), "FDSTOREREMOVE=1\nFDNAME=old");
	assert_string_equal(told(&fd), "");
}

static void odd_environments_do_no_harm(void **state)
{
	(void)state;
	assert_int_equal(in_child("a", 3, too_few_names), 0);
	assert_int_equal(in_child("", HANDOVER_MAX + 1, too_many), 0);
	assert_int_equal(in_child("a", 1, for_another_process), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_kept_goes_to_the_supervisor_with_its_name),
		TEST(what_is_closed_for_good_is_forgotten_once),
		TEST(what_is_closed_at_the_end_is_kept),
		TEST(there_is_a_limit_to_what_is_kept),
		TEST(without_a_supervisor_nothing_is_kept),
		TEST(inherited_ones_are_taken_by_name_once),
		TEST(what_nobody_took_is_closed_and_forgotten),
		TEST(odd_environments_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
