/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c: a library for LD_PRELOAD that kills its process, or fails a call, at a chosen call that
 * changes a file (fault matrix FM-01, FM-03, FM-04), and sets its clock wrong (FM-11, FM-12).
 * test_durability.py and test_clock.py drive it.
 *
 * The orders lie in a file that both sides map: the test writes them while the process runs, so that
 * "the third write after the push began" can be said, and reads how many calls there were. Only
 * regular files count, and not the three standard streams, where the log goes. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum act {
	ACT_COUNT,    /* nothing but counting */
	ACT_KILL,     /* ends the process instead of the call, as kill -9 would */
	ACT_TEAR,     /* the same after half of what was to be written */
	ACT_EIO_ONCE, /* that one call fails */
	ACT_EIO,      /* that one and all later ones */
	ACT_ENOSPC,
};

enum call { CALL_WRITE = 1, CALL_SYNC = 2, CALL_TRUNCATE = 4, CALL_UNLINK = 8, CALL_RENAME = 16 };

struct orders {
	_Atomic uint32_t act;
	_Atomic uint32_t calls; /* which kinds count, a sum of enum call; 0 = none */
	_Atomic uint32_t at;    /* the number of the call that is meant, from 1 */
	_Atomic uint32_t seen;  /* calls of these kinds so far */
};
static struct orders *orders; /* NULL: no orders, every call is let through */
static long clock_offset_s;   /* added to UTC */

__attribute__((constructor)) static void find_orders(void)
{
	const char *path = getenv("P2POS_FAULT_FILE"), *clock = getenv("P2POS_CLOCK_OFFSET_S");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at;

	clock_offset_s = clock ? strtol(clock, NULL, 10) : 0;
	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(*orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at != MAP_FAILED)
		orders = at;
	close(fd);
}

static int is_file(int fd)
{
	struct stat st;

	return fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static void die(void)
{
	syscall(SYS_exit_group, 137);
}

/* 0: go on. Otherwise the errno that the call fails with; or it does not return. `half` writes the
 * first half of what the call would have. */
static int judge(enum call kind, long (*half)(const void *arg), const void *arg)
{
	uint32_t act, n;

	if (!orders || !(atomic_load(&orders->calls) & kind))
		return 0;
	n = atomic_fetch_add(&orders->seen, 1) + 1;
	act = atomic_load(&orders->act);
	if (act == ACT_COUNT || n < atomic_load(&orders->at))
		return 0;
	if (n > atomic_load(&orders->at) && act != ACT_EIO && act != ACT_ENOSPC)
		return 0;
	if (act == ACT_TEAR && half)
		(void)half(arg);
	if (act == ACT_KILL || act == ACT_TEAR)
		die();
	return act == ACT_ENOSPC ? ENOSPC : EIO;
}

static int fails(int err)
{
	if (err)
		errno = err;
	return err != 0;
}

struct piece {
	int fd;
	const void *data;
	size_t len;
	off_t at; /* negative: where the file stands */
};

static long put(const struct piece *p, size_t len)
{
	return p->at < 0 ? syscall(SYS_write, p->fd, p->data, len)
			 : syscall(SYS_pwrite64, p->fd, p->data, len, p->at);
}

static long put_half(const void *arg)
{
	const struct piece *p = arg;

	return put(p, p->len / 2);
}

static ssize_t put_judged(struct piece p)
{
	if (is_file(p.fd) && fails(judge(CALL_WRITE, put_half, &p)))
		return -1;
	return put(&p, p.len);
}

ssize_t write(int fd, const void *data, size_t len)
{
	return put_judged((struct piece){fd, data, len, -1});
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	return put_judged((struct piece){fd, data, len, at});
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	return put_judged((struct piece){fd, data, len, at});
}

int fsync(int fd)
{
	return is_file(fd) && fails(judge(CALL_SYNC, NULL, NULL)) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return is_file(fd) && fails(judge(CALL_SYNC, NULL, NULL)) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t len)
{
	return is_file(fd) && fails(judge(CALL_TRUNCATE, NULL, NULL)) ? -1
								      : (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate64(int fd, off64_t len)
{
	return ftruncate(fd, len);
}

int unlink(const char *path)
{
	return fails(judge(CALL_UNLINK, NULL, NULL)) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rename(const char *from, const char *to)
{
	return fails(judge(CALL_RENAME, NULL, NULL))
		       ? -1
		       : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ret);

	if (rc == 0 && id == CLOCK_REALTIME)
		ret->tv_sec += clock_offset_s;
	return rc;
}
