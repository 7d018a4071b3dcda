/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state/hold.h"

#include <errno.h>
#include <stddef.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "proto/base/err.h"

int hold_while_there(const char *path)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	int fd = inotify_init1(IN_CLOEXEC), err = 0;
	ssize_t n;

	if (fd < 0)
		return P2P_ERR_IO;
	/* The watch is on the file, not on its name: another one of the same name is no comfort. */
	if (inotify_add_watch(fd, path, IN_DELETE_SELF | IN_MOVE_SELF) < 0) {
		err = errno == ENOENT ? 0 : P2P_ERR_IO;
	} else {
		do
			n = read(fd, events, sizeof(events));
		while (n < 0 && errno == EINTR);
		err = n < 0 ? P2P_ERR_IO : 0;
	}
	close(fd);
	return err;
}
