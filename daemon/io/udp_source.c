/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the kernel's routing table, by connecting a socket that never sends. */
#include "daemon/io/udp_source.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/io/loop_private.h"
#include "proto/base/err.h"

int udp_source(const struct maddr_ip *to, struct maddr_ip *ret)
{
	struct sockaddr_storage at;
	socklen_t len = ip_to_sockaddr(to, &at);
	int fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return io_error(-errno);
	if (connect(fd, (struct sockaddr *)&at, len) != 0)
		err = io_error(-errno);
	len = sizeof(at);
	if (!err && getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		err = io_error(-errno);
	close(fd);
	if (!err && !ip_from_sockaddr((struct sockaddr *)&at, ret))
		err = P2P_ERR_UNREACHABLE;
	return err;
}
