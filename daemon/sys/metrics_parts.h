/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_parts.h: what the table of series and its printer share. For metrics*.c only. */
#ifndef P2POS_SYS_METRICS_PARTS_H
#define P2POS_SYS_METRICS_PARTS_H

#include "daemon/sys/metrics.h"

#define METRIC_LABELS_MAX 3

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_info {
	const char *name; /* without _total */
	enum metric_kind kind;
	enum metric_label labels[METRIC_LABELS_MAX];
	const char *help;
};
extern const struct metric_info metric_infos[METRIC_COUNT];
extern const double metric_bounds[METRIC_BUCKETS];

struct metric_cell {
	double value;               /* of a histogram: how many */
	struct metric_tally *tally; /* histogram, owned */
	bool is_used;
};

/* The block of a metric, metric_cell_count() cells: for each word of the first label all words of the
 * second, and so on; NULL = never used. */
struct metric_cell *metric_cells(enum metric m);
size_t metric_cell_count(enum metric m);

const char *metric_label_name(enum metric_label label);
/* With "other"; 1 for METRIC_LABEL_NONE. */
size_t metric_word_count(enum metric_label label);
const char *metric_word(enum metric_label label, size_t i);

/* Brings the process_* and log metrics up to date (metrics_process.c). */
void metrics_read_process(void);

#endif
