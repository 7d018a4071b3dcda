/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tar.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/err.h"

#define BLOCK        512
#define STORED_MAX   65535

/* Offsets and sizes of the ustar header (POSIX pax, "ustar Interchange Format"). */
static void field(char *head, size_t at, size_t size, const char *fmt, unsigned long long v)
{
	char text[32];

	(void)snprintf(text, sizeof(text), fmt, v);
	memcpy(head + at, text, strnlen(text, size));
}

int tar_put(struct buf *out, const char *name, struct bytes content, int64_t mtime)
{
	static const uint8_t zeros[BLOCK];
	char head[BLOCK] = {0};
	unsigned long long sum = 0;
	size_t before = out->len;
	int err;

	if (strlen(name) > TAR_NAME_MAX)
		return P2P_ERR_TOO_LARGE;
	memcpy(head, name, strlen(name));
	field(head, 100, 8, "%07llo", 0600);
	field(head, 108, 8, "%07llo", 0);
	field(head, 116, 8, "%07llo", 0);
	field(head, 124, 12, "%011llo", content.len);
	field(head, 136, 12, "%011llo", (unsigned long long)mtime);
	head[156] = '0';
	memcpy(head + 257, "ustar\00000", 8);
	memset(head + 148, ' ', 8); /* the sum is taken with blanks in its own place */
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)head[i];
	field(head, 148, 7, "%06llo", sum);
	head[154] = '\0';
	err = buf_put(out, bytes_of(head, BLOCK));
	if (!err)
		err = buf_put(out, content);
	if (!err && content.len % BLOCK)
		err = buf_put(out, bytes_of(zeros, BLOCK - content.len % BLOCK));
	if (err)
		buf_truncate(out, before);
	return err;
}

int tar_end(struct buf *out)
{
	static const uint8_t zeros[2 * BLOCK];

	return buf_put(out, bytes_of(zeros, sizeof(zeros)));
}

static uint32_t crc32_of(struct bytes in)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < in.len; i++) {
		crc ^= in.at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static int put_le(struct buf *out, uint32_t v, size_t bytes)
{
	int err = 0;

	for (size_t i = 0; i < bytes && !err; i++)
		err = buf_put_u8(out, (uint8_t)(v >> 8 * i));
	return err;
}

int tar_gzip(struct bytes in, struct buf *out)
{
	/* Magic, deflate, no flags, no time, no hint, "unknown" system. */
	static const uint8_t head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
	const uint32_t crc = crc32_of(in), size = (uint32_t)in.len;
	int err = buf_put(out, bytes_of(head, sizeof(head)));

	do {
		struct bytes piece = bytes_head(in, in.len < STORED_MAX ? in.len : STORED_MAX);

		in = bytes_from(in, piece.len);
		if (!err)
			err = buf_put_u8(out, in.len == 0); /* the last block has its first bit set */
		if (!err)
			err = put_le(out, (uint32_t)piece.len, 2);
		if (!err)
			err = put_le(out, ~(uint32_t)piece.len, 2);
		if (!err)
			err = buf_put(out, piece);
	} while (in.len > 0 && !err);
	if (!err)
		err = put_le(out, crc, 4);
	if (!err)
		err = put_le(out, size, 4);
	return err;
}
