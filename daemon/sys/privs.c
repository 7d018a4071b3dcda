/* SPDX-License-Identifier: Apache-2.0 */
/* privs.c: limits and permissions of the process itself. */
#include "daemon/sys/privs.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* The leak checker of a sanitizer build attaches to the process, which a process that is not
 * dumpable refuses. Such builds hold no real secrets. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

bool privs_map_is_whole(const char *map)
{
	unsigned long long inside, outside, count;

	return sscanf(map, "%llu %llu %llu", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
}

bool privs_sees_all_users(void)
{
	char map[256];
	FILE *f = fopen("/proc/self/uid_map", "re");
	size_t n = f ? fread(map, 1, sizeof(map) - 1, f) : 0;

	if (f)
		(void)fclose(f); /* it was only read */
	map[n] = '\0';
	return n == 0 || privs_map_is_whole(map); /* a kernel without namespaces has no such file */
}

uint64_t privs_apply(void)
{
	struct rlimit files = {0}, core = {0, 0};

	umask(0077);
	(void)setrlimit(RLIMIT_CORE, &core); /* lowering cannot fail */
	if (!IS_SANITIZED)
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* nor this */
	(void)signal(SIGPIPE, SIG_IGN);           /* a closed socket is an error code here */
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return 0;
	if (files.rlim_cur < PRIVS_FILES_WANTED && files.rlim_cur < files.rlim_max) {
		struct rlimit more = files;

		more.rlim_cur = files.rlim_max < PRIVS_FILES_WANTED ? files.rlim_max
								    : PRIVS_FILES_WANTED;
		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			files = more;
	}
	return files.rlim_cur;
}
