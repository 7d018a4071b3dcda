/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sys/log.h"
#include "daemon/sys/log_parts.h"

#include "proto/base/rng.h"
#include "tests/lib/p2ptest.h"
#include "tests/lib/tempdir.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int pipes[2];
static mono_t now_mono;
static char out[256 * 1024];

static mono_t mono(void)
{
	return now_mono;
}

static wall_t wall(void)
{
	return (wall_t){1771672261, 508000000};
}

static void open_as(enum log_sink sink)
{
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(fcntl(pipes[0], F_SETFL, O_NONBLOCK), 0);
	now_mono = t0;
	log_open(&(struct log_opts){.sink = sink, .fd = pipes[1], .mono = mono, .wall = wall});
}

/* Everything printed so far. */
static const char *printed(void)
{
	ssize_t n = read(pipes[0], out, sizeof(out) - 1);

	out[n > 0 ? n : 0] = '\0';
	return out;
}

static int close_log(void **state)
{
	(void)state;
	log_close();
	close(pipes[0]);
	close(pipes[1]);
	return 0;
}

static struct peer_id peer(uint8_t n)
{
	struct peer_id id = {.len = 38, .at = {0x00, 0x24, 0x08, 0x01, 0x12, 0x20, n}};

	return id;
}

static void a_line_has_its_keys_sorted(void **state)
{
	struct peer_id id = peer(1);
	char want[256], text[PEER_ID_TEXT_SIZE];

	(void)state;
	open_as(LOG_TEXT);
	log_info("MEMBERSHIP", "apply_snapshot", kv_peer("peer_id", &id), kv_uint("members", 3),
		kv_wall("issued_at", wall()));
	snprintf(want, sizeof(want),
		"[MEMBERSHIP] action=apply_snapshot issued_at=2026-02-21T11:11:01.508Z members=3 "
		"peer_id=%s\n",
		peer_id_text(&id, text));
	assert_string_equal(printed(), want);
	log_info("NODE", "ready");
	assert_string_equal(printed(), "[NODE] action=ready\n");
}

static void every_kind_of_value_prints(void **state)
{
	(void)state;
	open_as(LOG_TEXT);
	log_info("NODE", "ready", kv_int("a", -5), kv_double("b", 1.25), kv_double("c", 3),
		kv_bool("d", true), kv_err("e", P2P_ERR_TIMEOUT), kv_text("f", NULL),
		kv_bytes("g", BYTES_LIT("x y")), kv_peer("h", NULL), kv_double("i", 1e300),
		kv_double("j", -0.0001), kv_err("k", 0));
	assert_string_equal(printed(), "[NODE] action=ready a=-5 b=1.25 c=3 d=true e=timeout f=\"\" "
				       "g=\"x y\" h=\"\" i=1e+300 j=0 k=ok\n");
}

static void values_cannot_break_out_of_their_line(void **state)
{
	(void)state;
	open_as(LOG_TEXT);
	log_info("NODE", "start", kv_text("a", "a b"), kv_text("b", "q\"b\\c"), kv_text("c", "k=v"),
		kv_text("d", "1\n[NODE] action=forged\t\r\x01\x7f\xff"), kv_text("e", "plain/9:-"));
	assert_string_equal(printed(), "[NODE] action=start a=\"a b\" b=\"q\\\"b\\\\c\" c=\"k=v\" "
				       "d=\"1\\n[NODE] action=forged\\t\\r\\x01\\x7f\\xff\" "
				       "e=plain/9:-\n");
}

/* Any bytes at all: one line each, in every form, and the JSON parses. */
static void random_bytes_stay_one_line(void **state)
{
	static const enum log_sink sinks[] = {LOG_TEXT, LOG_JSON, LOG_PREFIX};
	struct rng_seeded rng;
	uint8_t junk[300];

	(void)state;
	rng_seed(&rng, 3);
	for (int round = 0; round < 900; round++) {
		enum log_sink sink = sinks[round % 3];
		struct bytes b = bytes_of(junk, rng_below(&rng.rng, sizeof(junk)));
		const char *line;

		rng_fill(&rng.rng, junk, sizeof(junk));
		if (round)
			close_log(NULL);
		open_as(sink);
		log_info("NODE", "start", kv_bytes("v", b), kv_bytes("w", bytes_head(b, 7)));
		line = printed();
		assert_true(strlen(line) > 0 && strlen(line) <= LOG_LINE_BYTES_MAX + 1);
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
		for (const char *c = line; *c; c++)
			assert_true((unsigned char)*c >= ' ' || *c == '\n');
		if (sink == LOG_JSON) {
			json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

			assert_non_null(o);
			assert_string_equal(json_string_value(json_object_get(o, "action")), "start");
			json_decref(o);
		}
	}
}

static void strangers_text_is_cut_and_so_is_a_long_line(void **state)
{
	static char huge[3000];
	const char *line;

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	open_as(LOG_TEXT);
	log_info("NODE", "start", kv_bytes("v", bytes_str(huge)));
	line = printed();
	assert_int_equal(strlen(line), strlen("[NODE] action=start v=...\n") + LOG_VALUE_BYTES_MAX);
	log_info("NODE", "start", kv_text("a", huge), kv_text("b", huge), kv_text("c", huge),
		kv_text("d", huge), kv_text("e", huge));
	line = printed();
	assert_int_equal(strlen(line), LOG_LINE_BYTES_MAX + 1);
	assert_string_equal(line + LOG_LINE_BYTES_MAX - 3, "...\n");
	close_log(NULL);
	open_as(LOG_JSON);
	log_info("NODE", "start", kv_text("a", huge), kv_text("b", huge), kv_text("c", huge),
		kv_text("d", huge), kv_text("e", huge));
	{
		json_t *o = json_loads(printed(), 0, NULL);

		assert_non_null(o); /* cut at a pair, so that it is JSON still */
		json_decref(o);
	}
}

static void json_lines_have_types_time_and_cluster(void **state)
{
	json_t *o;

	(void)state;
	open_as(LOG_JSON);
	log_set_cluster("prod");
	log_warn("NODE", "start", kv_int("n", -2), kv_bool("b", false), kv_text("t", "é\"\n"));
	o = json_loads(printed(), 0, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "time")),
		"2026-02-21T11:11:01.508Z");
	assert_string_equal(json_string_value(json_object_get(o, "level")), "warn");
	assert_string_equal(json_string_value(json_object_get(o, "cluster_id")), "prod");
	assert_int_equal(json_integer_value(json_object_get(o, "n")), -2);
	assert_true(json_is_false(json_object_get(o, "b")));
	assert_string_equal(json_string_value(json_object_get(o, "t")), "é\"\n");
	json_decref(o);
}

static int evaluated;
static struct kv costly(void)
{
	evaluated++;
	return kv_int("n", 1);
}

static void levels_are_set_per_module(void **state)
{
	enum log_level level;

	(void)state;
	open_as(LOG_TEXT);
	log_debug("NETWORK", "start", costly());
	assert_int_equal(evaluated, 0);
	assert_ok(log_set_level("network", LEVEL_DEBUG));
	log_debug("NETWORK", "start", costly());
	log_debug("NODE", "start", costly());
	assert_int_equal(evaluated, 1);
	assert_string_equal(printed(), "[NETWORK] action=start n=1\n");
	assert_ok(log_get_level("Network", &level));
	assert_int_equal(level, LEVEL_DEBUG);
	assert_ok(log_set_level(NULL, LEVEL_ERROR));
	log_warn("NETWORK", "start");
	log_warn("UNLISTED", "start");
	assert_string_equal(printed(), "");
	log_error("UNLISTED", "start");
	assert_string_equal(printed(), "[UNLISTED] action=start\n");
	assert_err(log_set_level("nonsense", LEVEL_INFO), P2P_ERR_NOT_FOUND);
	assert_err(log_get_level("nonsense", &level), P2P_ERR_NOT_FOUND);
	assert_non_null(log_module(0));
	assert_null(log_module(1000));
}

static void the_same_reason_prints_once_a_minute(void **state)
{
	struct peer_id a = peer(1), c = peer(2);
	char want[256], text[PEER_ID_TEXT_SIZE];

	(void)state;
	open_as(LOG_TEXT);
	for (int i = 0; i < 5; i++)
		log_warn("NODE", "reject_peer", kv_peer("peer_id", &a), kv_text("reason", "guest"));
	log_warn("NODE", "reject_peer", kv_peer("peer_id", &c), kv_text("reason", "guest"));
	log_warn("NODE", "reject_peer", kv_peer("peer_id", &a), kv_text("reason", "other"));
	log_warn("NODE", "reject_other", kv_peer("peer_id", &a), kv_text("reason", "guest"));
	printed();
	assert_int_equal(log_counts().suppressed, 4);
	assert_int_equal(log_counts().lines[LEVEL_WARN], 4);
	now_mono = mono_add_ms(t0, LOG_FLOOD_WINDOW_MS - 1);
	log_warn("NODE", "reject_peer", kv_peer("peer_id", &a), kv_text("reason", "guest"));
	assert_string_equal(printed(), "");
	now_mono = mono_add_ms(t0, LOG_FLOOD_WINDOW_MS);
	log_warn("NODE", "reject_peer", kv_peer("peer_id", &a), kv_text("reason", "guest"));
	snprintf(want, sizeof(want),
		"[NODE] action=reject_peer peer_id=%s reason=guest suppressed=5\n",
		peer_id_text(&a, text));
	assert_string_equal(printed(), want);
}

static void what_stays_quiet_afterwards_is_told_by_the_tick(void **state)
{
	(void)state;
	open_as(LOG_TEXT);
	assert_true(mono_is_never(log_tick(now_mono)));
	for (int i = 0; i < 3; i++)
		log_warn("NODE", "reject_peer", kv_text("reason", "guest"));
	printed();
	assert_int_equal(log_tick(now_mono).ns, mono_add_ms(t0, LOG_FLOOD_WINDOW_MS).ns);
	assert_string_equal(printed(), "");
	now_mono = mono_add_ms(t0, LOG_FLOOD_WINDOW_MS);
	assert_true(mono_is_never(log_tick(now_mono)));
	assert_string_equal(printed(), "[NODE] action=reject_peer reason=guest suppressed=2\n");
	log_tick(now_mono);
	assert_string_equal(printed(), "");
}

static void facts_of_their_own_and_debug_are_never_suppressed(void **state)
{
	(void)state;
	open_as(LOG_TEXT);
	assert_ok(log_set_level(NULL, LEVEL_DEBUG));
	for (int i = 0; i < 10; i++) {
		log_info("NODE", "runtime_state", kv_text("reason", "same"));
		log_info("NODE", "member_online", kv_text("reason", "same"));
		log_info("NODE", "member_offline", kv_text("reason", "same"));
		log_info("MEMBERSHIP", "apply_snapshot", kv_text("reason", "same"));
		log_info("MEMBERSHIP", "apply_snapshot_push", kv_text("reason", "same"));
		log_debug("NODE", "reject_peer", kv_text("reason", "same"));
	}
	assert_int_equal(log_counts().suppressed, 0);
	assert_int_equal(log_counts().lines[LEVEL_INFO], 50);
	assert_int_equal(log_counts().lines[LEVEL_DEBUG], 10);
}

static void fresh_identities_do_not_get_round_the_limit(void **state)
{
	(void)state;
	open_as(LOG_TEXT);
	for (unsigned i = 0; i < 5000; i++) {
		char reason[16];

		snprintf(reason, sizeof(reason), "r%u", i);
		log_warn("NODE", "reject_peer", kv_text("reason", reason));
		if (i % 100 == 0)
			printed();
	}
	assert_true(log_counts().lines[LEVEL_WARN] <= LOG_FLOOD_ACTION_LINES + 20);
	assert_true(log_counts().suppressed >= 4800);
	printed();
	now_mono = mono_add_ms(t0, 2 * LOG_FLOOD_WINDOW_MS);
	log_tick(now_mono);
	assert_non_null(strstr(printed(), "suppressed="));
}

static void a_full_pipe_loses_lines_and_never_waits(void **state)
{
	uint64_t lost;

	(void)state;
	open_as(LOG_TEXT);
	for (int i = 0; i < 20000; i++) /* far more than a pipe holds; a wait would hang the test */
		log_info("NODE", "start", kv_int("n", i));
	lost = log_counts().lost;
	assert_true(lost > 1000);
	assert_int_equal(log_counts().lines[LEVEL_INFO], 20000);
	while (*printed()) { /* what did get through is whole lines */
		size_t len = strlen(out);

		assert_true(strncmp(out, "[NODE] ", 7) == 0 && out[len - 1] == '\n');
	}
	log_tick(now_mono);
	assert_non_null(strstr(printed(), "[LOG] action=lines_lost lost="));
	log_tick(now_mono);
	assert_string_equal(printed(), "");
}

static void a_stream_socket_that_is_full_loses_lines_too(void **state)
{
	struct log_opts opts = {.sink = LOG_TEXT};
	int socks[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	open_as(LOG_TEXT);
	opts.fd = socks[0];
	log_open(&opts);
	for (int i = 0; i < 20000; i++)
		log_info("NODE", "start", kv_text("text", "somewhat longer than a short one"));
	assert_true(log_counts().lost > 0);
	close(socks[1]);
	log_info("NODE", "start"); /* a closed one is lost as well, without a signal */
	close(socks[0]);
}

static int journal_fd;
static const char *journal_path;

static void bind_journal(const struct tempdir *d)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	journal_path = tempdir_path(d, "journal");
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", journal_path);
	journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(journal_fd, (struct sockaddr *)&at, sizeof(at)), 0);
}

static void the_journal_gets_native_fields(void **state)
{
	struct peer_id id = peer(9);
	struct tempdir d;
	char text[PEER_ID_TEXT_SIZE], want[160];
	ssize_t n;

	(void)state;
	tempdir_make(&d);
	bind_journal(&d);
	open_as(LOG_TEXT);
	log_open(&(struct log_opts){.sink = LOG_JOURNAL, .fd = pipes[1], .journal = journal_path});
	log_set_cluster("prod");
	log_info("NODE", "runtime_state", kv_peer("peer_id", &id), kv_text("reason", "a\nb"),
		kv_text("next", "healthy"), kv_err("cause", P2P_ERR_TIMEOUT));
	n = recv(journal_fd, out, sizeof(out) - 1, 0);
	assert_true(n > 0);
	out[n] = '\0';
	assert_ptr_equal(strstr(out, "MESSAGE=[NODE] action=runtime_state cause=timeout next=healthy peer_id="), out);
	assert_non_null(strstr(out, "\nPRIORITY=6\n"));
	assert_non_null(strstr(out, "\nSYSLOG_IDENTIFIER=p2posd\n"));
	assert_non_null(strstr(out, "\nMESSAGE_ID=5f0f3a1c7b5e4a0c9d1b6f2e8a4c7d10\n"));
	assert_non_null(strstr(out, "\nP2POS_MODULE=NODE\n"));
	assert_non_null(strstr(out, "\nP2POS_ACTION=runtime_state\n"));
	assert_non_null(strstr(out, "\nP2POS_CLUSTER_ID=prod\n"));
	assert_non_null(strstr(out, "\nP2POS_REASON=a\\nb\n"));
	assert_non_null(strstr(out, "\nP2POS_CAUSE=timeout\nP2POS_ERROR_CODE=timeout\n"));
	assert_non_null(strstr(out, "\nCODE_FUNC=the_journal_gets_native_fields\n"));
	snprintf(want, sizeof(want), "\nP2POS_PEER_ID=%s\n", peer_id_text(&id, text));
	assert_non_null(strstr(out, want));
	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n"))
		assert_that(strchr(line, '=') != NULL, line); /* a bare name would begin a blob */

	for (int i = 0; i < 5000; i++) /* nobody reads: lost, not waited for */
		log_info("NODE", "runtime_state", kv_int("n", i));
	assert_true(log_counts().lost > 1000);
	close(journal_fd);
	tempdir_remove(&d);
}

static void the_environment_decides_the_form(void **state)
{
	struct tempdir d;
	struct stat st;
	char text[64];

	(void)state;
	tempdir_make(&d);
	bind_journal(&d);
	open_as(LOG_TEXT);
	unsetenv("JOURNAL_STREAM");
	unsetenv("INVOCATION_ID");
	assert_int_equal(log_sink_detect(pipes[1], journal_path), LOG_TEXT);
	assert_int_equal(fstat(pipes[1], &st), 0);
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
	assert_int_equal(log_sink_detect(pipes[1], journal_path), LOG_JOURNAL);
	assert_int_equal(log_sink_detect(pipes[1], "/no/such/socket"), LOG_PREFIX);
	assert_int_equal(log_sink_detect(0, journal_path), LOG_TEXT); /* redirected elsewhere */
	setenv("JOURNAL_STREAM", "1:x", 1);
	assert_int_equal(log_sink_detect(pipes[1], journal_path), LOG_TEXT);
	unsetenv("JOURNAL_STREAM");
	setenv("INVOCATION_ID", "a", 1);
	assert_int_equal(log_sink_detect(journal_fd, journal_path), LOG_PREFIX);
	unsetenv("INVOCATION_ID");
	log_open(&(struct log_opts){.sink = LOG_PREFIX, .fd = pipes[1]});
	log_error("NODE", "start");
	assert_string_equal(printed(), "<3>[NODE] action=start\n");
	close(journal_fd);
	tempdir_remove(&d);
}

static int heard;
static char heard_text[128];

static void on_line(void *arg, const struct log_line *line)
{
	heard++;
	assert_ptr_equal(arg, &heard);
	log_info("CONTROL", "start", kv_text("x", "inside the listener"));
	snprintf(heard_text, sizeof(heard_text), "%s", line->text);
	assert_int_equal(line->at.nsec, 508000000);
}

static void a_listener_hears_each_line_once(void **state)
{
	(void)state;
	open_as(LOG_TEXT);
	log_set_listener(on_line, &heard);
	log_warn("NODE", "start", kv_int("n", 1));
	assert_int_equal(heard, 1); /* its own line is not told to it */
	assert_string_equal(heard_text, "[NODE] action=start n=1");
	log_set_listener(NULL, NULL);
	log_warn("NODE", "start", kv_int("n", 2));
	assert_int_equal(heard, 1);
}

#define TEST(f) cmocka_unit_test_teardown(f, close_log)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_has_its_keys_sorted),
		TEST(every_kind_of_value_prints),
		TEST(values_cannot_break_out_of_their_line),
		TEST(random_bytes_stay_one_line),
		TEST(strangers_text_is_cut_and_so_is_a_long_line),
		TEST(json_lines_have_types_time_and_cluster),
		TEST(levels_are_set_per_module),
		TEST(the_same_reason_prints_once_a_minute),
		TEST(what_stays_quiet_afterwards_is_told_by_the_tick),
		TEST(facts_of_their_own_and_debug_are_never_suppressed),
		TEST(fresh_identities_do_not_get_round_the_limit),
		TEST(a_full_pipe_loses_lines_and_never_waits),
		TEST(a_stream_socket_that_is_full_loses_lines_too),
		TEST(the_journal_gets_native_fields),
		TEST(the_environment_decides_the_form),
		TEST(a_listener_hears_each_line_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
