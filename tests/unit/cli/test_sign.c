/* SPDX-License-Identifier: Apache-2.0 */
/* From a draft to a signed snapshot, and the ways it is refused. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/secret.h"
#include "cli/sign.h"
#include "proto/base/text.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/tempdir.h"

static struct tempdir dir;
static struct rng_seeded rng;
static struct key_pair system_key, admin_key, node_key;
static struct cli cli;
static char key_option[96];

static void write_key(const char *name, const struct key_pair *k)
{
	char text[KEY_TEXT_SIZE];

	tempdir_write(tempdir_path(&dir, name), key_private_text(k, text), 0600);
}

static void write_proof(const char *name, const char *valid)
{
	struct admin_proof p;
	struct buf json = BUF_INIT;

	assert_int_equal(admin_make_proof(&cli, &system_key, &admin_key, "demo", valid, &p), 0);
	assert_ok(admin_proof_print(&json, &p));
	tempdir_write(tempdir_path(&dir, name), buf_cstr(&json), 0600);
	buf_deinit(&json);
}

/* `member sign` with --admin-key, as the command line would have it. */
static int setup(void **state)
{
	(void)state;
	tempdir_make(&dir);
	rng_seed(&rng, 7);
	key_generate(&rng.rng, &system_key);
	key_generate(&rng.rng, &admin_key);
	key_generate(&rng.rng, &node_key);
	cli = (struct cli){.json = true, .rng = &rng.rng, .command = cli_command_find("member", "sign")};
	snprintf(key_option, sizeof(key_option), "@%s", tempdir_path(&dir, "admin.key"));
	cli.values[0][0] = key_option;
	write_key("admin.key", &admin_key);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tempdir_remove(&dir);
	return 0;
}

static void make_draft(struct draft *d)
{
	struct peer_id id;

	memset(d, 0, sizeof(*d));
	text_copy(d->cluster_id, sizeof(d->cluster_id), bytes_str("demo"));
	key_pair_peer_id(&node_key, &id);
	assert_ok(member_list_add(&d->members, &id));
}

static void a_signed_draft_is_a_valid_snapshot(void **state)
{
	struct key_public pub;
	struct snapshot_rules rules = {.cluster_id = "demo", .system = &pub, .source = SNAPSHOT_PUSHED,
		.now = cli_now()};
	enum snapshot_reason why;
	struct draft d;
	struct snapshot s;

	(void)state;
	write_proof("admin.proof", "1d");
	make_draft(&d);
	assert_int_equal(draft_sign(&cli, &d, &s), CLI_OK);
	key_public_of(&system_key, &pub);
	assert_ok(snapshot_check(&s, &rules, &why));
	assert_int_equal(s.member_count, 1);
	snapshot_deinit(&s);
	draft_deinit(&d);
}

static void the_time_is_always_later_than_the_base(void **state)
{
	struct draft d;
	struct snapshot s;
	wall_t ahead = wall_add_sec(cli_now(), 100);

	(void)state;
	write_proof("admin.proof", "1d");
	make_draft(&d);
	d.has_base = true;
	d.base.issued_at = ahead;
	assert_int_equal(draft_sign(&cli, &d, &s), CLI_OK);
	assert_int_equal(wall_cmp(s.issued_at, ahead), 1);
	snapshot_deinit(&s);
	draft_deinit(&d);
}

static void a_clock_far_behind_the_base_signs_nothing(void **state)
{
	struct draft d;
	struct snapshot s;

	(void)state;
	write_proof("admin.proof", "1d");
	make_draft(&d);
	d.has_base = true;
	d.base.issued_at = wall_add_sec(cli_now(), 400);
	assert_int_equal(draft_sign(&cli, &d, &s), CLI_FAILED);
	draft_deinit(&d);
}

static void without_a_proof_nothing_is_signed(void **state)
{
	struct draft d;
	struct snapshot s;

	(void)state;
	make_draft(&d);
	assert_int_equal(draft_sign(&cli, &d, &s), CLI_DATAERR);
	draft_deinit(&d);
}

static void a_draft_for_another_admin_is_refused(void **state)
{
	struct draft d;
	struct snapshot s;

	(void)state;
	write_proof("admin.proof", "1d");
	make_draft(&d);
	key_pair_peer_id(&node_key, &d.issuer);
	assert_int_equal(draft_sign(&cli, &d, &s), CLI_DATAERR);
	draft_deinit(&d);
}

static void a_key_as_a_plain_word_is_refused(void **state)
{
	struct draft d;
	struct snapshot s;
	char text[KEY_TEXT_SIZE];

	(void)state;
	make_draft(&d);
	cli.values[0][0] = key_private_text(&admin_key, text);
	assert_int_equal(draft_sign(&cli, &d, &s), CLI_USAGE);
	draft_deinit(&d);
}

static void a_damaged_key_file_is_a_data_error(void **state)
{
	struct draft d;
	struct snapshot s;

	(void)state;
	make_draft(&d);
	tempdir_write(tempdir_path(&dir, "admin.key"), "CAESQnonsense", 0600);
	assert_int_equal(draft_sign(&cli, &d, &s), CLI_DATAERR);
	draft_deinit(&d);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_signed_draft_is_a_valid_snapshot),
		T(the_time_is_always_later_than_the_base),
		T(a_clock_far_behind_the_base_signs_nothing),
		T(without_a_proof_nothing_is_signed),
		T(a_draft_for_another_admin_is_refused),
		T(a_key_as_a_plain_word_is_refused),
		T(a_damaged_key_file_is_a_data_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
