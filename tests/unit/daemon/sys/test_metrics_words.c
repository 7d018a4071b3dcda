/* SPDX-License-Identifier: Apache-2.0 */
/* The words of labels against the source: each reason that is given somewhere has a series of its
 * own, and no series waits for a reason that nobody gives. Run from the root of the tree. */
#include "daemon/sys/metrics_parts.h"
#include "daemon/sys/metrics_words.h"

#include "tests/lib/p2ptest.h"
#include "tests/lib/sources.h"

#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* How a reason is given: the word stands between this and the end of the statement. */
struct giver {
	const char *folder, *text;
	bool is_function; /* `text` is the head of one whose every literal is a reason */
};
static const struct giver givers[] = {
	{"proto/conn", "conn_over(", false},
	{"proto/conn", "conn_over_after_input(", false},
	{"proto/conn", "fail_select(", false},
	{"proto/conn", "why = ", false},
	{"proto/conn", "static const char *why_", true},
	{"proto/conn", "goodbyes[] = {", false},
	{"proto/noise", " die(", false},
	{"proto/noise", "*why = ", false},
	{"proto/noise", "ret_why = ", false},
	{"proto/noise", "static const char *why_", true},
	{"proto/tls", " die(", false},
	{"proto/tls", "die_loudly(", false},
	{"proto/tls", "ret_why = ", false},
	{"proto/quic", "fail(", false},
	{"proto/quic", "quic_end(", false},
	{"proto/quic", "quic_fault(", false},
	{"proto/quic", " die(", false},
	{"proto/quic", "ret_why = ", false},
	{"proto/cluster", "conn_give_up(", false},
	{"proto/cluster", "\tsettle(c, ", false},
	{"proto/cluster", "ret_why = ", false},
	{"proto/cluster", "why = l->leaving", false},
	{"proto/cluster", "static const char *refusal(", true},
	{"daemon", "swarm_abort(", false},
	{"daemon", "swarm_close(", false},
	{"daemon", "swarm_close_all(", false},
	{"daemon/net", "ret_why = ", false},
	{"daemon/net", "why = \"no_", false},
	{"daemon/cluster", "return \"shutdown", false},
};

static char found[256][64]; /* each once */
static size_t found_count;
static unsigned missing;

static bool is_word(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static bool has_series(enum metric_label label, const char *word)
{
	for (size_t i = 0; i + 1 < metric_word_count(label); i++)
		if (strcmp(metric_word(label, i), word) == 0)
			return true;
	return false;
}

static bool is_found(const char *word)
{
	for (size_t i = 0; i < found_count; i++)
		if (strcmp(found[i], word) == 0)
			return true;
	return false;
}

static void note(const char *path, const char *word)
{
	if (is_found(word))
		return;
	assert_true(found_count < COUNT(found));
	strcpy(found[found_count++], word);
	if (has_series(METRIC_LABEL_CONN_REASON, word))
		return;
	missing++;
	printf("%s: \"%s\" is not in METRIC_WORDS_CONN, daemon/sys/metrics_words.h\n", path, word);
}

static void look_for_giver(void *arg, const char *path, const char *text)
{
	const struct giver *g = arg;

	for (const char *at = text; (at = strstr(at, g->text)) != NULL;) {
		const char *end = g->is_function ? strstr(at, "\n}") : at + strcspn(at, ";");
		char word[64];

		/* A pattern that names the beginning of a word begins within it. */
		at += strlen(g->text) - strlen(strchr(g->text, '"') ? strchr(g->text, '"') : "");
		while (end && (at = sources_literal(at, end, word, sizeof(word))) != NULL)
			if (is_word(word))
				note(path, word);
		if (!end)
			break;
		at = end;
	}
}

static void each_reason_of_a_connection_has_a_series(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(givers); i++)
		sources_each(givers[i].folder, look_for_giver, (void *)(uintptr_t)&givers[i]);
	assert_int_equal(missing, 0);
	assert_true(found_count > 30);
}

static void no_series_waits_for_a_reason_that_nobody_gives(void **state)
{
	char own[] = METRIC_WORDS_CONN_OWN, *rest = NULL;

	(void)state;
	for (char *w = strtok_r(own, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		assert_that(is_found(w), w);
}

static const char *print(struct buf *text)
{
	buf_reset(text);
	assert_ok(metrics_print(text, true));
	return buf_cstr(text);
}

static void reasons_that_are_listed_are_all_known(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	for (int i = 0; i < SNAPSHOT_REASON_COUNT; i++)
		metric_inc(M_SNAPSHOT_REJECTS, snapshot_reason_name((enum snapshot_reason)i));
	for (int i = 0; i < HEARTBEAT_REASON_COUNT; i++)
		metric_inc(M_HEARTBEATS_RECEIVED, heartbeat_reason_name((enum heartbeat_reason)i));
#define X(id, err, word, alert) metric_inc(M_CONNECTIONS_CLOSED, word);
	TLS_REFUSALS(X)
#undef X
	assert_null(strstr(print(&text), "=\"other\""));
	metric_inc(M_SNAPSHOT_REJECTS, "no such reason");
	assert_non_null(strstr(print(&text), "=\"other\""));
	buf_deinit(&text);
	metrics_reset();
}

static const char *const metric_ids[METRIC_COUNT] = {
#define X(id, name, kind, l1, l2, l3, help) [M_##id] = #id,
	METRICS_LIST(X)
#undef X
};

/* A literal given to a metric is a word of one of its labels. */
static void look_at_metric(void *arg, const char *path, const char *text)
{
	(void)arg;
	for (const char *at = text; (at = strstr(at, "metric_")) != NULL; at++) {
		const char *name = at + strcspn(at, "(;"), *end = at + strcspn(at, ";");
		char id[40] = "", word[64];
		size_t m = 0;

		if (sscanf(name, "(M_%39[A-Z_]", id) != 1)
			continue;
		while (m < METRIC_COUNT && strcmp(metric_ids[m], id) != 0)
			m++;
		assert_that(m < METRIC_COUNT, id);
		while ((name = sources_literal(name, end, word, sizeof(word))) != NULL) {
			const enum metric_label *l = metric_infos[m].labels;

			if (has_series(l[0], word) || has_series(l[1], word) || has_series(l[2], word))
				continue;
			missing++;
			printf("%s: M_%s has no label value \"%s\"\n", path, id, word);
		}
	}
}

static void each_literal_label_value_is_listed(void **state)
{
	(void)state;
	missing = 0;
	sources_each("daemon", look_at_metric, NULL);
	assert_int_equal(missing, 0);
}

static bool is_fed[METRIC_COUNT];

static void look_for_feeders(void *arg, const char *path, const char *text)
{
	char name[48];

	(void)arg;
	if (strstr(path, "/metrics.c")) /* the table names them all */
		return;
	for (size_t m = 0; m < METRIC_COUNT; m++) {
		(void)snprintf(name, sizeof(name), "(M_%s,", metric_ids[m]);
		if (strstr(text, name))
			is_fed[m] = true;
		name[strlen(name) - 1] = ')'; /* metric_inc() of one without labels */
		if (strstr(text, name))
			is_fed[m] = true;
	}
}

/* One that nobody sets would say zero for ever. */
static void each_metric_is_set_somewhere_or_is_of_a_later_release(void **state)
{
	static const enum metric later[] = {M_RELAY_RESERVATIONS, M_HOLEPUNCH, M_NAT_REACHABILITY, M_AUTOTLS_EXPIRY,
		M_AUTOTLS_ATTEMPTS, M_UPDATE_AVAILABLE, M_UPDATE_CHECK};

	(void)state;
	sources_each("daemon", look_for_feeders, NULL);
	for (size_t i = 0; i < COUNT(later); i++) {
		assert_that(!is_fed[later[i]], metric_ids[later[i]]);
		is_fed[later[i]] = true;
	}
	for (size_t m = 0; m < METRIC_COUNT; m++)
		assert_that(is_fed[m], metric_ids[m]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reason_of_a_connection_has_a_series),
		cmocka_unit_test(no_series_waits_for_a_reason_that_nobody_gives),
		cmocka_unit_test(reasons_that_are_listed_are_all_known),
		cmocka_unit_test(each_literal_label_value_is_listed),
		cmocka_unit_test(each_metric_is_set_somewhere_or_is_of_a_later_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
