/* SPDX-License-Identifier: Apache-2.0 */
#include "config/readers.h"

#include <stdio.h>
#include <string.h>

bool readers_path(const char *control_socket, char *to)
{
	const char *slash = strrchr(control_socket, '/');
	int len;

	if (!slash || slash == control_socket)
		return false;
	len = snprintf(to, READERS_PATH_SIZE, "%.*s-readers%s", (int)(slash - control_socket), control_socket,
		slash);
	return len < READERS_PATH_SIZE;
}
