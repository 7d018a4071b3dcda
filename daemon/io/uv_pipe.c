/* SPDX-License-Identifier: Apache-2.0 */
/* uv_pipe.c: making the control socket's file without taking another daemon's away.
 *
 * Looking whether somebody answers, removing a stale file and binding are three steps; a lock on
 * the directory makes them one, so that of two daemons that start together one gets BUSY instead
 * of both believing to own the name. The lock leaves no file behind. */
#include "daemon/io/uv_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "daemon/io/inherited.h"
#include "daemon/io/loop_private.h"
#include "daemon/sys/handover.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define PIPE_BACKLOG   32
/* Others hold the lock for microseconds. This is start-up, where waiting a moment hurts nobody;
 * after these we say BUSY, so that nobody can hold up a start by holding the lock. */
#define LOCK_TRIES_MAX 50
#define LOCK_PAUSE_MS  2

struct pipe_listener {
	struct loop *loop;
	struct door *door;
	char path[PIPE_PATH_MAX + 1]; /* "" when the file is not ours */
	dev_t dev;                    /* of the file we made */
	ino_t ino;
	struct pipe_listen_opts opts;
};

static int path_to_sockaddr(const char *path, struct sockaddr_un *ret)
{
	size_t len = strlen(path);

	if (len == 0)
		return P2P_ERR_INVALID;
	if (len > PIPE_PATH_MAX)
		return P2P_ERR_TOO_LARGE;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, path, len + 1);
	return 0;
}

static int lock_directory(const char *path, int *ret_fd)
{
	char copy[PIPE_PATH_MAX + 1];
	int fd;

	memcpy(copy, path, strlen(path) + 1);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return io_error(-errno);
	for (int try = 0; try < LOCK_TRIES_MAX; try++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			*ret_fd = fd;
			return 0;
		}
		(void)nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_MS * NS_PER_MS}, NULL);
	}
	close(fd);
	return P2P_ERR_BUSY;
}

/* 0 when the name is free now, having removed a stale socket if need be. */
static int make_way(const struct sockaddr_un *sa)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(sa->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : io_error(-errno);
	if (!S_ISSOCK(st.st_mode))
		return P2P_ERR_EXISTS;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return io_error(-errno);
	/* Answers at once: a socket nobody listens on refuses, a live one connects or is full
	 * (EAGAIN). Everything but a clear refusal counts as alive. */
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0 || errno != ECONNREFUSED)
		err = errno == EACCES ? P2P_ERR_DENIED : P2P_ERR_BUSY;
	close(fd);
	if (!err && unlink(sa->sun_path) != 0)
		err = io_error(-errno);
	return err;
}

static bool set_access(const char *path, const struct pipe_listen_opts *opts)
{
	/* A file of our own group needs no chown(), which the unit's system call filter forbids. */
	return (opts->group == PIPE_NO_GROUP || opts->group == getegid() ||
		       chown(path, (uid_t)-1, opts->group) == 0) &&
	       chmod(path, opts->mode) == 0;
}

static int bind_socket(const struct sockaddr_un *sa, const struct pipe_listen_opts *opts,
	int *ret_fd)
{
	int err;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return io_error(-errno);
	/* The mode of the descriptor is what the file is made with (less the umask), so that it is
	 * never wider than wanted; chmod() then gives what the umask took. */
	if (fchmod(fd, opts->mode) != 0 || bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) != 0) {
		err = io_error(-errno);
		close(fd);
		return err;
	}
	if (!set_access(sa->sun_path, opts) || listen(fd, PIPE_BACKLOG) != 0) {
		err = io_error(-errno);
		(void)unlink(sa->sun_path); /* we made it a moment ago */
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

static int make_socket(const struct pipe_listen_opts *opts, int *ret_fd)
{
	struct sockaddr_un sa;
	int lock_fd = -1, err = path_to_sockaddr(opts->path, &sa);

	if (err)
		return err;
	err = lock_directory(opts->path, &lock_fd);
	if (err)
		return err;
	err = make_way(&sa);
	if (!err)
		err = bind_socket(&sa, opts, ret_fd);
	close(lock_fd);
	return err;
}

static void on_fd(void *arg, int fd, const struct sockaddr_storage *from)
{
	struct pipe_listener *p = arg;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct pipe_caller who;
	struct flow *f;

	(void)from; /* callers have no name */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0) {
		close(fd);
		return;
	}
	who = (struct pipe_caller){cred.uid, cred.gid, cred.pid};
	f = flow_new_pipe(p->loop);
	if (uv_pipe_open(&f->uv.pipe, fd) != 0) {
		close(fd);
		flow_close(f);
		return;
	}
	p->opts.on_accept(p->opts.arg, f, &who);
}

static const struct door_handler door_handler = {on_fd, NULL};

/* Was it made by an earlier process of ours? A socket unit decides itself who may use its own. */
static bool is_bound_to(int fd, const char *path)
{
	struct sockaddr_un sa = {0};
	socklen_t len = sizeof(sa);

	return path && getsockname(fd, (struct sockaddr *)&sa, &len) == 0 && strcmp(sa.sun_path, path) == 0;
}

int pipe_listen(struct loop *l, const struct pipe_listen_opts *opts, struct pipe_listener **ret)
{
	struct pipe_listener *p;
	struct stat st;
	int fd = opts->inherited_fd, err = 0;

	if (fd < 0)
		err = make_socket(opts, &fd);
	else if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		err = io_error(-errno);
	else if (is_bound_to(fd, opts->path))
		(void)set_access(opts->path, opts); /* it may be another's now; then it stays as it was */
	if (err)
		return err;
	if (opts->kept_as)
		handover_keep(opts->kept_as, fd);
	p = xcalloc(1, sizeof(*p));
	*p = (struct pipe_listener){.loop = l, .opts = *opts};
	if (opts->inherited_fd < 0) {
		memcpy(p->path, opts->path, strlen(opts->path) + 1);
		if (stat(p->path, &st) == 0) {
			p->dev = st.st_dev;
			p->ino = st.st_ino;
		}
	}
	p->opts.path = NULL; /* borrowed until now */
	err = door_open(l, fd, &door_handler, p, &p->door);
	if (err) {
		free(p);
		return err;
	}
	*ret = p;
	return 0;
}

void pipe_listener_close(struct pipe_listener *p)
{
	struct stat st;
	bool is_kept;

	if (!p)
		return;
	is_kept = p->opts.kept_as && handover_is_kept(p->opts.kept_as);
	/* The next process goes on with it; or another daemon owns the name by now, if somebody removed
	 * our file. */
	if (p->path[0] && !is_kept && stat(p->path, &st) == 0 &&
		st.st_dev == p->dev && st.st_ino == p->ino)
		(void)unlink(p->path);
	door_close(p->door);
	free(p);
}
