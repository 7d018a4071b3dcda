/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sys/metrics.h"

#include "tests/lib/p2ptest.h"

#include <stdio.h>
#include <stdlib.h>

static struct buf text;

static const char *print(bool openmetrics)
{
	buf_reset(&text);
	assert_ok(metrics_print(&text, openmetrics));
	return buf_cstr(&text);
}

static int reset(void **state)
{
	(void)state;
	metrics_reset();
	buf_deinit(&text);
	return 0;
}

static void counters_count_by_label(void **state)
{
	const char *at;

	(void)state;
	metric_inc(M_DIALS, "tcp", "ok");
	metric_inc(M_DIALS, "tcp", "ok");
	metric_add(M_DIALS, 5, "quic-v1", "timeout");
	at = print(true);
	assert_non_null(strstr(at, "# TYPE p2pos_dials counter\n"));
	assert_non_null(strstr(at, "\np2pos_dials_total{transport=\"tcp\",result=\"ok\"} 2\n"));
	assert_non_null(strstr(at, "{transport=\"quic-v1\",result=\"timeout\"} 5\n"));
	assert_null(strstr(at, "transport=\"ws\"")); /* never used: not printed */
	assert_non_null(strstr(print(false), "# TYPE p2pos_dials_total counter\n"));
	assert_true(metric_value(M_DIALS, (const char *const[]){"tcp", "ok"}, 2) == 2);
}

static void an_unlisted_word_counts_as_other(void **state)
{
	(void)state;
	metric_inc(M_CONNECTIONS_CLOSED, "because a stranger said \"so\"\n");
	metric_inc(M_CONNECTIONS_CLOSED, "made up");
	assert_non_null(strstr(print(true), "p2pos_connections_closed_total{reason=\"other\"} 2\n"));
}

static void words_can_be_given_by_other_folders(void **state)
{
	static const char *const methods[] = {"node.status", "rpc.hello"};

	(void)state;
	metrics_set_words(METRIC_LABEL_METHOD, methods, 2);
	metric_inc(M_RPC_REQUESTS, "rpc.hello", "ok");
	metric_inc(M_RPC_REQUESTS, "rpc.invented", "ok");
	assert_non_null(strstr(print(true), "{method=\"rpc.hello\",result=\"ok\"} 1\n"));
	assert_non_null(strstr(print(true), "{method=\"other\",result=\"ok\"} 1\n"));
}

static void gauges_hold_the_last_value(void **state)
{
	(void)state;
	metric_set(M_MEMBERS, 5);
	metric_set(M_MEMBERS, 4);
	metric_set(M_PROOF_EXPIRY, 1801440000.5);
	assert_non_null(strstr(print(true), "\np2pos_members 4\n"));
	assert_non_null(strstr(print(true), "_expiry_timestamp_seconds 1801440000.5\n"));
	assert_non_null(strstr(print(true), "\np2pos_members_online 0\n")); /* without labels always */
}

static void histograms_cumulate(void **state)
{
	const char *at;

	(void)state;
	metric_observe(M_PING_RTT, 0.0005); /* a bound belongs to its bucket */
	metric_observe(M_PING_RTT, 0.3);
	metric_observe(M_PING_RTT, 100);
	at = print(true);
	assert_non_null(strstr(at, "p2pos_ping_rtt_seconds_bucket{le=\"0.0001\"} 0\n"));
	assert_non_null(strstr(at, "p2pos_ping_rtt_seconds_bucket{le=\"0.0005\"} 1\n"));
	assert_non_null(strstr(at, "p2pos_ping_rtt_seconds_bucket{le=\"0.5\"} 2\n"));
	assert_non_null(strstr(at, "p2pos_ping_rtt_seconds_bucket{le=\"1.0\"} 2\n"));
	assert_non_null(strstr(at, "p2pos_ping_rtt_seconds_bucket{le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(at, "p2pos_ping_rtt_seconds_sum 100.3005\n"));
	assert_non_null(strstr(at, "p2pos_ping_rtt_seconds_count 3\n"));
	metric_observe(M_HANDSHAKE, 0.01, "tcp");
	assert_non_null(strstr(print(true),
		"p2pos_handshake_duration_seconds_bucket{transport=\"tcp\",le=\"0.01\"} 1\n"));
}

static void three_labels_name_a_series_of_its_own(void **state)
{
	const char *at;

	(void)state;
	metric_inc(M_STREAMS_OPENED, "/ipfs/ping/1.0.0", "in", "ok");
	metric_add(M_STREAMS_OPENED, 2, "/ipfs/ping/1.0.0", "out", "ok");
	metric_add(M_STREAMS_OPENED, 3, "/ipfs/ping/1.0.0", "out", "timeout");
	metric_add(M_STREAMS_OPENED, 4, "/made/up", "out", "made up");
	at = print(true);
	assert_non_null(strstr(at, "{protocol=\"/ipfs/ping/1.0.0\",direction=\"in\",result=\"ok\"} 1\n"));
	assert_non_null(strstr(at, "{protocol=\"/ipfs/ping/1.0.0\",direction=\"out\",result=\"ok\"} 2\n"));
	assert_non_null(strstr(at, "{protocol=\"/ipfs/ping/1.0.0\",direction=\"out\",result=\"timeout\"} 3\n"));
	assert_non_null(strstr(at, "{protocol=\"other\",direction=\"out\",result=\"other\"} 4\n"));
}

static void a_tally_of_somebody_else_is_a_histogram(void **state)
{
	struct metric_tally t = {0};

	(void)state;
	metric_tally_add(&t, 0.002);
	metric_set_tally(M_DB_WRITE, &t);
	metric_tally_add(&t, 20);
	metric_set_tally(M_DB_WRITE, &t); /* counts nothing twice */
	assert_non_null(strstr(print(true), "p2pos_db_write_duration_seconds_bucket{le=\"0.005\"} 1\n"));
	assert_non_null(strstr(print(true), "p2pos_db_write_duration_seconds_bucket{le=\"10.0\"} 1\n"));
	assert_non_null(strstr(print(true), "p2pos_db_write_duration_seconds_sum 20.002\n"));
	assert_non_null(strstr(print(true), "p2pos_db_write_duration_seconds_count 2\n"));
}

static void a_cell_is_found_once_and_then_cheap(void **state)
{
	struct metric_cell *c = metric_cell(M_NETWORK_BYTES, (const char *const[]){"tcp", "in"}, 2);

	(void)state;
	for (int i = 0; i < 1000; i++)
		metric_cell_add(c, 1500);
	assert_non_null(strstr(print(true), "{transport=\"tcp\",direction=\"in\"} 1500000\n"));
}

/* Every line is a comment, a sample of a declared family, or the end; each family comes once. */
static void the_whole_text_has_the_form_of_the_format(void **state)
{
	char family[128] = "", line[512];
	const char *at;
	unsigned families = 0;

	(void)state;
	metric_inc(M_STREAMS_OPENED, "x", "in", "ok");
	metric_observe(M_DB_WRITE, 0.001);
	at = print(true);
	while (*at) {
		size_t n = strcspn(at, "\n");

		assert_true(n < sizeof(line) && at[n] == '\n');
		memcpy(line, at, n);
		line[n] = '\0';
		at += n + 1;
		if (strcmp(line, "# EOF") == 0)
			break;
		if (strncmp(line, "# TYPE ", 7) == 0) {
			sscanf(line, "# TYPE %127s", family);
			families++;
		} else if (strncmp(line, "# HELP ", 7) != 0) {
			char *end;

			assert_that(strncmp(line, family, strlen(family)) == 0, line);
			strtod(strrchr(line, ' ') + 1, &end);
			assert_that(*end == '\0', line);
		}
	}
	assert_string_equal(at, "");
	assert_int_equal(families, METRIC_COUNT);
}

static void the_process_and_the_build_are_described(void **state)
{
	const char *at = print(true), *found;

	(void)state;
	found = strstr(at, "p2pos_build_info{version=\"" P2POS_VERSION "\",revision=\"");
	assert_non_null(found);
	assert_null(strstr(found, "revision=\"\""));
	assert_null(strstr(found, "revision=\"other\""));
	found = strstr(at, "\nprocess_resident_memory_bytes ");
	assert_non_null(found);
	assert_true(atof(strchr(found, ' ')) > 100000);
	found = strstr(at, "\nprocess_start_time_seconds ");
	assert_true(atof(strchr(found, ' ')) > 1e9);
	found = strstr(at, "\nprocess_open_fds ");
	assert_true(atof(strchr(found, ' ')) >= 3);
	assert_non_null(strstr(at, "\nprocess_cpu_seconds_total "));
	assert_non_null(strstr(at, "\np2pos_log_messages_total{level=\"info\"} "));
}

static void members_are_listed_only_when_told(void **state)
{
	(void)state;
	assert_null(strstr(print(true), "member_last_seen"));
	metrics_members_begin();
	metrics_member_seen("12D3KooW\"x", 1700000000.25);
	assert_non_null(strstr(print(true), "p2pos_member_last_seen_timestamp_seconds{peer_id="
					    "\"12D3KooW\\\"x\"} 1700000000.25\n"));
	metrics_members_begin();
	assert_null(strstr(print(true), "member_last_seen"));
}

static void a_buffer_that_is_too_small_stays_as_it_was(void **state)
{
	struct buf small = BUF_WITH_MAX(1000);

	(void)state;
	assert_ok(buf_put_str(&small, "before"));
	assert_err(metrics_print(&small, true), P2P_ERR_TOO_LARGE);
	assert_string_equal(buf_cstr(&small), "before");
	buf_deinit(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(counters_count_by_label, reset),
		cmocka_unit_test_teardown(an_unlisted_word_counts_as_other, reset),
		cmocka_unit_test_teardown(words_can_be_given_by_other_folders, reset),
		cmocka_unit_test_teardown(gauges_hold_the_last_value, reset),
		cmocka_unit_test_teardown(histograms_cumulate, reset),
		cmocka_unit_test_teardown(three_labels_name_a_series_of_its_own, reset),
		cmocka_unit_test_teardown(a_tally_of_somebody_else_is_a_histogram, reset),
		cmocka_unit_test_teardown(a_cell_is_found_once_and_then_cheap, reset),
		cmocka_unit_test_teardown(the_whole_text_has_the_form_of_the_format, reset),
		cmocka_unit_test_teardown(the_process_and_the_build_are_described, reset),
		cmocka_unit_test_teardown(members_are_listed_only_when_told, reset),
		cmocka_unit_test_teardown(a_buffer_that_is_too_small_stays_as_it_was, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
