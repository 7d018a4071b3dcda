/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/sm.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base/err.h"
#include "tests/lib/p2ptest.h"

enum { OPEN, CLOSING, CLOSED };

static const struct sm_state states[] = {
	[OPEN] = {"open", SM_TO(CLOSING) | SM_TO(CLOSED)},
	[CLOSING] = {"closing", SM_TO(CLOSED)},
	[CLOSED] = {"closed", 0},
};

static void allowed_moves_are_made(void **state)
{
	struct sm m;

	(void)state;
	sm_init(&m, states, OPEN);
	assert_string_equal(sm_name(&m), "open");
	sm_move(&m, CLOSING);
	sm_move(&m, CLOSED);
	assert_string_equal(sm_name(&m), "closed");
}

/* Our bug ends the process, so a child makes the move. */
static bool move_is_survived(unsigned from, unsigned to)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct sm m;

		(void)close(STDERR_FILENO); /* the assertion's line would look like a failure */
		sm_init(&m, states, from);
		sm_move(&m, to);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void moves_that_the_table_lacks_end_the_process(void **state)
{
	(void)state;
	assert_true(move_is_survived(OPEN, CLOSED));
	assert_false(move_is_survived(CLOSED, OPEN));
	assert_false(move_is_survived(CLOSING, OPEN));
	assert_false(move_is_survived(OPEN, OPEN));
}

static void every_code_has_a_name_and_a_sentence_of_its_own(void **state)
{
	(void)state;
	assert_string_equal(err_name(0), "ok");
	assert_string_equal(err_name(P2P_ERR_SIGNATURE), "signature");
	assert_string_equal(err_text(P2P_ERR_SIGNATURE), "the signature does not verify");
	for (int e = -1; e >= -P2P_ERR_COUNT; e--) {
		assert_true(*err_name(e) && *err_text(e));
		assert_string_not_equal(err_name(e), "unknown");
		for (int f = e - 1; f >= -P2P_ERR_COUNT; f--) {
			assert_string_not_equal(err_name(e), err_name(f));
			assert_string_not_equal(err_text(e), err_text(f));
		}
	}
	assert_string_equal(err_name(1), "unknown");
	assert_string_equal(err_name(-P2P_ERR_COUNT - 1), "unknown");
	assert_string_equal(err_text(-P2P_ERR_COUNT - 1), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allowed_moves_are_made),
		cmocka_unit_test(moves_that_the_table_lacks_end_the_process),
		cmocka_unit_test(every_code_has_a_name_and_a_sentence_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
