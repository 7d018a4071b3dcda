/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sys/privs.h"
#include "daemon/sys/secrets.h"

#include "tests/lib/p2ptest.h"
#include "tests/lib/tempdir.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tempdir data, creds;
static struct rng_seeded rng;
static struct node_key key;
static char why[SECRETS_WHY_SIZE];
static char other_text[KEY_TEXT_SIZE];
static struct peer_id other_id;

static int set_up(void **state)
{
	struct key_pair other;

	(void)state;
	tempdir_make(&data);
	tempdir_make(&creds);
	rng_seed(&rng, 42);
	key_generate(&rng.rng, &other);
	key_private_text(&other, other_text);
	key_pair_peer_id(&other, &other_id);
	why[0] = '\0';
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	node_key_deinit(&key);
	tempdir_remove(&data);
	tempdir_remove(&creds);
	return 0;
}

static int load(const char *config_key)
{
	struct secrets_opts o = {creds.path, config_key, data.path};

	node_key_deinit(&key);
	return secrets_load_node_key(&o, &rng.rng, &key, why);
}

static void the_first_start_makes_a_key_and_the_next_finds_it(void **state)
{
	struct peer_id made;
	struct stat st;

	(void)state;
	umask(0);
	assert_ok(load(NULL));
	umask(022);
	assert_int_equal(key.source, NODE_KEY_CREATED);
	made = key.id;
	assert_int_equal(stat(tempdir_path(&data, "node.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_ok(load(""));
	assert_int_equal(key.source, NODE_KEY_FILE);
	assert_true(peer_id_eq(&made, &key.id));
	assert_string_equal(node_key_source_name(key.source), "file");
}

static void the_first_source_found_wins(void **state)
{
	(void)state;
	assert_ok(load(NULL)); /* makes node.key */
	assert_ok(load(other_text));
	assert_int_equal(key.source, NODE_KEY_CONFIG);
	assert_true(peer_id_eq(&other_id, &key.id));
	tempdir_write(tempdir_path(&creds, "p2pos.node-key"), other_text, 0400);
	assert_ok(load(NULL));
	assert_int_equal(key.source, NODE_KEY_CREDENTIAL);
	assert_true(peer_id_eq(&other_id, &key.id));
}

static void a_bad_key_is_never_replaced(void **state)
{
	static const char *const bad[] = {"", "x", "AAAA", "CAESQ", "\n\n"};
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tempdir_write(tempdir_path(&data, "node.key"), bad[i], 0600);
		assert_err(load(NULL), P2P_ERR_CONFIG);
		assert_non_null(strstr(why, "node.key"));
		assert_non_null(strstr(why, "never"));
		text = tempdir_read(tempdir_path(&data, "node.key"));
		assert_string_equal(text, bad[i]);
		free(text);
	}
	assert_err(load("broken"), P2P_ERR_CONFIG);
	assert_non_null(strstr(why, "node_private_key"));
	assert_null(strstr(why, "broken")); /* it may be most of a real one */
	tempdir_write(tempdir_path(&creds, "p2pos.node-key"), "junk", 0400);
	assert_err(load(other_text), P2P_ERR_CONFIG);
	assert_non_null(strstr(why, "p2pos.node-key"));
}

static void a_key_that_others_can_read_is_refused(void **state)
{
	static const unsigned modes[] = {0640, 0604, 0660, 0777, 0610};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		tempdir_write(tempdir_path(&data, "node.key"), other_text, modes[i]);
		assert_err(load(NULL), P2P_ERR_CONFIG);
		assert_non_null(strstr(why, "run: chmod 600 "));
	}
	tempdir_write(tempdir_path(&data, "node.key"), other_text, 0400);
	assert_ok(load(NULL));
}

static void a_link_in_place_of_a_key_is_refused(void **state)
{
	(void)state;
	tempdir_write(tempdir_path(&creds, "real"), other_text, 0600);
	assert_int_equal(symlink(tempdir_path(&creds, "real"), tempdir_path(&data, "node.key")), 0);
	assert_err(load(NULL), P2P_ERR_CONFIG);
	assert_non_null(strstr(why, "symbolic link"));
	assert_int_equal(unlink(tempdir_path(&data, "node.key")), 0);
	assert_int_equal(symlink("/no/where", tempdir_path(&data, "node.key")), 0);
	assert_err(load(NULL), P2P_ERR_CONFIG); /* not followed, and not taken for missing */
	assert_int_equal(unlink(tempdir_path(&data, "node.key")), 0);
	assert_int_equal(mkdir(tempdir_path(&data, "node.key"), 0700), 0);
	assert_err(load(NULL), P2P_ERR_CONFIG);
}

static void another_owners_key_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can give a file away */
	tempdir_write(tempdir_path(&data, "node.key"), other_text, 0600);
	assert_int_equal(chown(tempdir_path(&data, "node.key"), 12345, 12345), 0);
	assert_err(load(NULL), P2P_ERR_CONFIG);
	assert_non_null(strstr(why, "another user"));
}

static void a_directory_that_cannot_be_written_is_told(void **state)
{
	struct secrets_opts o = {NULL, NULL, "/no/such/place"};

	(void)state;
	assert_err(secrets_load_node_key(&o, &rng.rng, &key, why), P2P_ERR_IO);
	assert_non_null(strstr(why, "/no/such/place/node.key"));
}

/* Kills during the first start leave no key or a good one, never a third thing. */
static void a_killed_first_start_leaves_no_broken_key(void **state)
{
	(void)state;
	for (int round = 0; round < 40; round++) {
		pid_t child;

		(void)unlink(tempdir_path(&data, "node.key"));
		child = fork();
		if (child == 0) {
			(void)load(NULL);
			_exit(0);
		}
		usleep((useconds_t)(rand() % 1500)); /* the instant is what is tested */
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		assert_ok(load(NULL));
	}
}

static void a_process_gives_up_what_it_does_not_need(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		struct rlimit core, files;
		uint64_t got = privs_apply();
		bool ok = getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 &&
			  core.rlim_max == 0 && umask(0) == 0077 &&
			  getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur == got &&
			  (got >= PRIVS_FILES_WANTED || got == files.rlim_max) &&
			  signal(SIGPIPE, SIG_DFL) == SIG_IGN;

		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_start_makes_a_key_and_the_next_finds_it),
		TEST(the_first_source_found_wins),
		TEST(a_bad_key_is_never_replaced),
		TEST(a_key_that_others_can_read_is_refused),
		TEST(a_link_in_place_of_a_key_is_refused),
		TEST(another_owners_key_is_refused),
		TEST(a_directory_that_cannot_be_written_is_told),
		TEST(a_killed_first_start_leaves_no_broken_key),
		TEST(a_process_gives_up_what_it_does_not_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
