/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/io/uv_pipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <fcntl.h>

#include "tests/lib/turns.h"

static struct loop *l;
static char dir[] = "/tmp/p2pos-pipe-XXXXXX";
static char path[64];

struct caller {
	struct flow *flow;
	struct pipe_caller who;
	int accepts, ends;
	char got[64];
	size_t got_len;
};

static void on_data(void *arg, struct bytes in)
{
	struct caller *c = arg;

	assert_true(c->got_len + in.len < sizeof(c->got));
	memcpy(c->got + c->got_len, in.at, in.len);
	c->got_len += in.len;
}

static void on_end(void *arg, int err)
{
	(void)err;
	((struct caller *)arg)->ends++;
}

static const struct flow_handler handler = {.on_data = on_data, .on_end = on_end};

static void on_accept(void *arg, struct flow *take_flow, const struct pipe_caller *who)
{
	struct caller *c = arg;

	c->accepts++;
	c->who = *who;
	flow_close(c->flow); /* of an earlier caller */
	c->flow = take_flow;
	flow_start(take_flow, &handler, c);
}

static struct pipe_listen_opts opts_for(struct caller *c)
{
	return (struct pipe_listen_opts){.path = path, .mode = 0660, .group = PIPE_NO_GROUP,
		.inherited_fd = -1, .on_accept = on_accept, .arg = c};
}

static int connect_to(const char *where)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", where);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int group_setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/p2posd.sock", dir);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	return rmdir(dir); /* fails when a test left something behind */
}

static int setup(void **state)
{
	(void)state;
	return loop_new(&l);
}

static int teardown(void **state)
{
	(void)state;
	loop_free(l);
	return 0;
}

static void a_caller_is_known_and_heard(void **state)
{
	struct caller c = {.accepts = 0};
	struct pipe_listen_opts opts = opts_for(&c);
	struct pipe_listener *p;
	struct stat st;
	int fd;

	(void)state;
	assert_ok(pipe_listen(l, &opts, &p));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	fd = connect_to(path);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, "hello\n", 6, 0), 6);
	turn_until(l, c.got_len == 6);
	assert_int_equal(c.who.uid, getuid());
	assert_int_equal(c.who.gid, getgid());
	assert_int_equal(c.who.pid, getpid());
	assert_ok(flow_write(c.flow, BYTES_LIT("yes")));
	assert_int_equal(recv(fd, c.got, sizeof(c.got), 0), 3);
	close(fd);
	turn_until(l, c.ends == 1);
	flow_close(c.flow);
	pipe_listener_close(p);
	assert_int_not_equal(stat(path, &st), 0);
}

static void the_umask_does_not_take_what_the_mode_gives(void **state)
{
	struct caller c = {.accepts = 0};
	struct pipe_listen_opts opts = opts_for(&c);
	struct pipe_listener *p;
	struct stat st;
	mode_t before = umask(0777);

	(void)state;
	opts.group = getgid();
	assert_ok(pipe_listen(l, &opts, &p));
	(void)umask(before);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, getgid());
	pipe_listener_close(p);
}

static void a_live_socket_is_never_stolen(void **state)
{
	struct caller c = {.accepts = 0};
	struct pipe_listen_opts opts = opts_for(&c);
	struct pipe_listener *p, *second;
	int fd;

	(void)state;
	assert_ok(pipe_listen(l, &opts, &p));
	assert_err(pipe_listen(l, &opts, &second), P2P_ERR_BUSY);
	fd = connect_to(path);
	assert_true(fd >= 0); /* still there */
	turn_until(l, c.accepts == 2); /* the second daemon's question, and ours */
	close(fd);
	flow_close(c.flow);
	pipe_listener_close(p);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct caller c = {.accepts = 0};
	struct pipe_listen_opts opts = opts_for(&c);
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct pipe_listener *p;
	int dead = socket(AF_UNIX, SOCK_STREAM, 0), fd;

	(void)state;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_int_equal(bind(dead, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(dead); /* as a killed process leaves it */
	assert_ok(pipe_listen(l, &opts, &p));
	fd = connect_to(path);
	assert_true(fd >= 0);
	close(fd);
	pipe_listener_close(p);
}

static void a_live_socket_whose_queue_is_full_is_not_stale(void **state)
{
	struct caller c = {.accepts = 0};
	struct pipe_listen_opts opts = opts_for(&c);
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct pipe_listener *p;
	int busy = socket(AF_UNIX, SOCK_STREAM, 0), caller[4];

	(void)state;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_int_equal(bind(busy, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(busy, 0), 0);
	for (size_t i = 0; i < 4; i++) {
		caller[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(caller[i], (struct sockaddr *)&sa, sizeof(sa));
	}
	assert_err(pipe_listen(l, &opts, &p), P2P_ERR_BUSY);
	for (size_t i = 0; i < 4; i++)
		close(caller[i]);
	close(busy);
	assert_int_equal(unlink(path), 0);
}

static void another_kind_of_file_is_left_alone(void **state)
{
	struct caller c = {.accepts = 0};
	struct pipe_listen_opts opts = opts_for(&c);
	struct pipe_listener *p;
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	struct stat st;

	(void)state;
	close(fd);
	assert_err(pipe_listen(l, &opts, &p), P2P_ERR_EXISTS);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(unlink(path), 0);
}

static void of_two_that_start_together_one_is_busy(void **state)
{
	struct caller c = {.accepts = 0};
	struct pipe_listen_opts opts = opts_for(&c);
	struct pipe_listener *p;
	int other = open(dir, O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_int_equal(flock(other, LOCK_EX), 0); /* the other one is in the middle of it */
	assert_err(pipe_listen(l, &opts, &p), P2P_ERR_BUSY);
	close(other);
}

static void a_name_that_became_anothers_is_not_removed(void **state)
{
	struct caller c = {.accepts = 0};
	struct pipe_listen_opts opts = opts_for(&c);
	struct pipe_listener *p, *heir;
	struct stat st;

	(void)state;
	assert_ok(pipe_listen(l, &opts, &p));
	assert_int_equal(unlink(path), 0);
	assert_ok(pipe_listen(l, &opts, &heir));
	pipe_listener_close(p);
	assert_int_equal(stat(path, &st), 0);
	pipe_listener_close(heir);
}

static void bad_paths_have_their_own_errors(void **state)
{
	struct caller c = {.accepts = 0};
	struct pipe_listen_opts opts = opts_for(&c);
	struct pipe_listener *p;
	char longer[200];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	opts.path = longer;
	assert_err(pipe_listen(l, &opts, &p), P2P_ERR_TOO_LARGE);
	opts.path = "/nonexistent/p2posd.sock";
	assert_err(pipe_listen(l, &opts, &p), P2P_ERR_NOT_FOUND);
	opts.path = "";
	assert_err(pipe_listen(l, &opts, &p), P2P_ERR_INVALID);
}

static void an_inherited_socket_is_used_and_its_file_left(void **state)
{
	struct caller c = {.accepts = 0};
	struct pipe_listen_opts opts = opts_for(&c);
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct pipe_listener *p;
	struct stat st;
	int fd;

	(void)state;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	opts.inherited_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(opts.inherited_fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(opts.inherited_fd, 4), 0);
	assert_ok(pipe_listen(l, &opts, &p));
	fd = connect_to(path);
	turn_until(l, c.accepts == 1);
	flow_close(c.flow);
	close(fd);
	pipe_listener_close(p);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(unlink(path), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_caller_is_known_and_heard),
		TEST(the_umask_does_not_take_what_the_mode_gives),
		TEST(a_live_socket_is_never_stolen),
		TEST(a_stale_socket_is_replaced),
		TEST(a_live_socket_whose_queue_is_full_is_not_stale),
		TEST(another_kind_of_file_is_left_alone),
		TEST(of_two_that_start_together_one_is_busy),
		TEST(a_name_that_became_anothers_is_not_removed),
		TEST(bad_paths_have_their_own_errors),
		TEST(an_inherited_socket_is_used_and_its_file_left),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
