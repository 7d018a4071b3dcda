/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sys/last_words.h"

#include <stddef.h>
#include <unistd.h>

#include "config/file.h"
#include "proto/base/buf.h"

#define FILE_MODE 0640 /* the service's group may read it, as its log */

static const char *data_dir;

void last_words_open(const char *dir)
{
	data_dir = dir;
}

void last_words_put(const char *what, const char *why)
{
	struct buf path = BUF_INIT, text = BUF_INIT;

	if (!data_dir)
		return;
	(void)buf_printf(&path, "%s/" LAST_WORDS_NAME, data_dir);
	(void)buf_printf(&text, "%s: %s\n", what, why);
	/* A disk that is full or read-only may be the very reason. */
	(void)file_replace(buf_cstr(&path), buf_bytes(&text), FILE_MODE);
	buf_deinit(&path);
	buf_deinit(&text);
}

void last_words_clear(void)
{
	struct buf path = BUF_INIT;

	if (!data_dir)
		return;
	(void)buf_printf(&path, "%s/" LAST_WORDS_NAME, data_dir);
	(void)unlink(buf_cstr(&path)); /* mostly it is not there */
	buf_deinit(&path);
}
