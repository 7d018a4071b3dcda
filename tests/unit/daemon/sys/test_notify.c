/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sys/notify.h"

#include "tests/lib/p2ptest.h"
#include "tests/lib/tempdir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct tempdir d;
static int supervisor;
static char text[2048];

static int set_up(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	(void)state;
	tempdir_make(&d);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", tempdir_path(&d, "notify"));
	supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(supervisor, (struct sockaddr *)&at, sizeof(at)), 0);
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	notify_close();
	close(supervisor);
	tempdir_remove(&d);
	return 0;
}

static const char *told(void)
{
	ssize_t n = recv(supervisor, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void systemd_hears_each_step(void **state)
{
	(void)state;
	assert_true(notify_open());
	assert_null(getenv("NOTIFY_SOCKET")); /* not for children */
	notify_ready("healthy, 4/5 members online");
	assert_string_equal(told(), "READY=1\nSTATUS=healthy, 4/5 members online");
	notify_status("degraded");
	assert_string_equal(told(), "STATUS=degraded");
	notify_reloading((mono_t){1234567890123});
	assert_string_equal(told(), "RELOADING=1\nMONOTONIC_USEC=1234567890\nSTATUS=reloading the "
				    "configuration");
	notify_stopping("stopping");
	assert_string_equal(told(), "STOPPING=1\nSTATUS=stopping");
	assert_true(notify_watchdog((mono_t){5}, (mono_t){5}, MONO_NEVER));
	assert_string_equal(told(), "WATCHDOG=1");
}

static void the_watchdog_starves_when_the_loop_or_the_disk_is_late(void **state)
{
	const mono_t now = {60 * NS_PER_SEC};

	(void)state;
	assert_true(notify_open());
	assert_true(notify_watchdog(mono_add_ms(now, -NOTIFY_LATE_MS), now, MONO_NEVER));
	assert_string_equal(told(), "WATCHDOG=1");
	assert_false(notify_watchdog(mono_add_ms(now, -NOTIFY_LATE_MS - 1), now, MONO_NEVER));
	assert_true(notify_watchdog(now, now, mono_add_ms(now, -NOTIFY_COMMIT_MS + 1)));
	assert_string_equal(told(), "WATCHDOG=1");
	assert_false(notify_watchdog(now, now, mono_add_ms(now, -NOTIFY_COMMIT_MS)));
	assert_string_equal(told(), "");
}

static void a_status_stays_one_assignment_and_is_cut(void **state)
{
	static char lengthy[1000];

	(void)state;
	memset(lengthy, 'x', sizeof(lengthy) - 1);
	assert_true(notify_open());
	notify_status("a\nREADY=1\x01");
	assert_string_equal(told(), "STATUS=a READY=1 ");
	notify_status(lengthy);
	assert_int_equal(strlen(told()), strlen("STATUS=") + NOTIFY_STATUS_MAX);
}

static void the_watchdog_is_halved_and_only_for_us(void **state)
{
	char pid[32];

	(void)state;
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_true(notify_open());
	assert_int_equal(notify_watchdog_ms(), 15000);
	setenv("NOTIFY_SOCKET", tempdir_path(&d, "notify"), 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	snprintf(pid, sizeof(pid), "%d", getpid() + 1);
	setenv("WATCHDOG_PID", pid, 1);
	assert_true(notify_open());
	assert_int_equal(notify_watchdog_ms(), 0);
	setenv("NOTIFY_SOCKET", tempdir_path(&d, "notify"), 1);
	setenv("WATCHDOG_USEC", "nonsense", 1);
	assert_true(notify_open());
	assert_int_equal(notify_watchdog_ms(), 0);
}

static void without_a_supervisor_nothing_happens(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_false(notify_open());
	assert_int_equal(notify_watchdog_ms(), 0);
	notify_ready("x");
	(void)notify_watchdog(MONO_ZERO, MONO_ZERO, MONO_NEVER);
	assert_string_equal(told(), "");
	setenv("NOTIFY_SOCKET", "vsock:1", 1);
	assert_false(notify_open());
}

static void a_supervisor_that_does_not_read_is_not_waited_for(void **state)
{
	(void)state;
	assert_true(notify_open());
	for (int i = 0; i < 5000; i++) /* a wait would hang the test */
		notify_status("still here");
	assert_string_equal(told(), "STATUS=still here");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(systemd_hears_each_step),
		TEST(the_watchdog_starves_when_the_loop_or_the_disk_is_late),
		TEST(a_status_stays_one_assignment_and_is_cut),
		TEST(the_watchdog_is_halved_and_only_for_us),
		TEST(without_a_supervisor_nothing_happens),
		TEST(a_supervisor_that_does_not_read_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
