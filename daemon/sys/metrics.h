/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h: named counters, gauges and histograms, printed as OpenMetrics text
 * (operator.md "Metrics").
 *
 * The list is metrics_list.h. Label values come from fixed lists of words; any other word counts
 * as "other", so no stranger can grow the table. A series is printed from its first use on
 * (one without labels always). All of it belongs to the loop's thread.
 *
 *     metric_inc(M_DIALS, "tcp", "ok");
 *     metric_set(M_MEMBERS, 5);
 *     metric_observe(M_PING_RTT, 0.0131);
 */
#ifndef P2POS_SYS_METRICS_H
#define P2POS_SYS_METRICS_H

#include "daemon/sys/metrics_list.h"
#include "proto/base/buf.h"

#include <stdint.h>

/* The words of a label whose values other folders know (rpc methods); borrowed for good, "other" is added. At most METRIC_WORDS_MAX, and before the first use of the label. */
#define METRIC_WORDS_MAX 128 /* further words count as "other" */
void metrics_set_words(enum metric_label label, const char *const *words, size_t count);

/* The cell of one series, for hot paths: find it once, then add to it. The pointer is good until
 * metrics_reset(). `labels` has as many words as the metric has labels. */
struct metric_cell;
struct metric_cell *metric_cell(enum metric m, const char *const *labels, size_t count);
void metric_cell_add(struct metric_cell *c, double n);
void metric_cell_set(struct metric_cell *c, double v);

void metric_add_v(enum metric m, double n, const char *const *labels, size_t count);
void metric_set_v(enum metric m, double v, const char *const *labels, size_t count);
void metric_observe_v(enum metric m, double v, const char *const *labels, size_t count);

#define METRIC_LABELS(...)                                                                         \
	(const char *const[]){NULL, ##__VA_ARGS__} + 1,                                            \
		sizeof((const char *const[]){NULL, ##__VA_ARGS__}) / sizeof(char *) - 1

/* metric_inc(M, "label", …) adds one, metric_add(M, n, …) adds n >= 0, metric_set(M, v, …) is for
 * gauges, metric_observe(M, v, …) for histograms (seconds). */
#define metric_inc(m, ...)        metric_add_v(m, 1, METRIC_LABELS(__VA_ARGS__))
#define metric_add(m, n, ...)     metric_add_v(m, n, METRIC_LABELS(__VA_ARGS__))
#define metric_set(m, v, ...)     metric_set_v(m, v, METRIC_LABELS(__VA_ARGS__))
#define metric_observe(m, v, ...) metric_observe_v(m, v, METRIC_LABELS(__VA_ARGS__))

/* Durations that somebody else counted, maybe on another thread and under a lock of his: a histogram
 * to be copied into the table. Zero is the empty one. */
#define METRIC_BUCKETS 12 /* of a histogram, besides +Inf */
struct metric_tally {
	uint64_t buckets[METRIC_BUCKETS + 1]; /* not cumulated */
	uint64_t count;
	double sum;
};
void metric_tally_add(struct metric_tally *t, double seconds);
/* For a histogram without labels: it is this tally from now on. */
void metric_set_tally(enum metric m, const struct metric_tally *t);

/* The value of a series, 0 when it was never used; a histogram gives its count. */
double metric_value(enum metric m, const char *const *labels, size_t count);

/* Last seen of one member, for metrics.per_member; the caller says for which, each time before
 * metrics_print(): begin, then one call a member. */
void metrics_members_begin(void);
void metrics_member_seen(const char *peer_id, double unix_seconds);

/* Appends the whole text, ended by "# EOF". `openmetrics` false gives the older Prometheus form,
 * true the type names and suffixes of OpenMetrics 1.0. P2P_ERR_TOO_LARGE. */
int metrics_print(struct buf *out, bool openmetrics);

/* Frees all series; tests. */
void metrics_reset(void);

#endif
