/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_process.c: what the kernel knows of this process, read when somebody asks. */
#include "daemon/sys/log.h"
#include "daemon/sys/metrics_parts.h"
#include "daemon/sys/revision.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Reads a small file of /proc into `to`; "" when that fails. */
static void read_proc(const char *path, char *to, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(to, 1, size - 1, f) : 0;

	to[n] = '\0';
	if (f)
		fclose(f);
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static size_t count_open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n > 3 ? n - 3 : 0; /* ".", ".." and the directory's own */
}

/* Ticks since boot in field 22 of stat, and the boot time: both never change. */
static double start_time(void)
{
	static double found;
	char text[4096], *at, *btime;
	unsigned long long ticks = 0;

	if (found > 0)
		return found;
	read_proc("/proc/self/stat", text, sizeof(text));
	at = strrchr(text, ')'); /* the name before it may hold anything */
	if (!at || sscanf(at + 1,
			   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
			   " %*d %*d %llu",
			   &ticks) != 1)
		return 0;
	FILE *f = fopen("/proc/stat", "re");

	while (f && fgets(text, sizeof(text), f)) {
		btime = strncmp(text, "btime ", 6) == 0 ? text + 6 : NULL;
		if (btime)
			found = strtod(btime, NULL) + (double)ticks / (double)sysconf(_SC_CLK_TCK);
	}
	if (f)
		fclose(f);
	return found;
}

static void read_log(void)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	struct log_counts counts = log_counts();

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		metric_cell_set(metric_cell(M_LOG_MESSAGES, &levels[i], 1), (double)counts.lines[i]);
	metric_cell_set(metric_cell(M_LOG_SUPPRESSED, NULL, 0), (double)counts.suppressed);
	metric_cell_set(metric_cell(M_LOG_LOST, NULL, 0), (double)counts.lost);
}

void metrics_read_process(void)
{
	struct rusage use;
	struct rlimit files;
	unsigned long pages = 0;
	char text[256];

	if (getrusage(RUSAGE_SELF, &use) == 0)
		metric_cell_set(metric_cell(M_CPU, NULL, 0),
			seconds(use.ru_utime) + seconds(use.ru_stime));
	read_proc("/proc/self/statm", text, sizeof(text));
	if (sscanf(text, "%*u %lu", &pages) == 1)
		metric_set(M_RSS, (double)pages * (double)sysconf(_SC_PAGESIZE));
	metric_set(M_FDS, (double)count_open_files());
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		metric_set(M_FDS_MAX, (double)files.rlim_cur);
	metric_set(M_START, start_time());
	metric_set(M_BUILD_INFO, 1, P2POS_VERSION, P2POS_REVISION);
	read_log();
}
