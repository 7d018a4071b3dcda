/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/yamux/frame.h"

#include <stddef.h>

static uint32_t read_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_u32(uint32_t v, uint8_t *to)
{
	to[0] = (uint8_t)(v >> 24);
	to[1] = (uint8_t)(v >> 16);
	to[2] = (uint8_t)(v >> 8);
	to[3] = (uint8_t)v;
}

void yamux_frame_read(const uint8_t at[YAMUX_HEADER_BYTES], struct yamux_frame *ret)
{
	ret->version = at[0];
	ret->type = at[1];
	ret->flags = (uint16_t)(at[2] << 8 | at[3]);
	ret->stream = read_u32(at + 4);
	ret->length = read_u32(at + 8);
}

void yamux_frame_write(const struct yamux_frame *f, uint8_t to[YAMUX_HEADER_BYTES])
{
	to[0] = f->version;
	to[1] = f->type;
	to[2] = (uint8_t)(f->flags >> 8);
	to[3] = (uint8_t)f->flags;
	write_u32(f->stream, to + 4);
	write_u32(f->length, to + 8);
}

const char *yamux_frame_fault(const struct yamux_frame *f)
{
	if (f->version != 0)
		return "version is not 0";
	if (f->type > YAMUX_FRAME_GOAWAY)
		return "unknown frame type";
	if (f->type <= YAMUX_FRAME_WINDOW && f->stream == 0)
		return "stream frame on stream 0";
	if (f->type >= YAMUX_FRAME_PING && f->stream != 0)
		return "session frame on a stream";
	/* It could never fit a window; but on a stream that is gone it would be drained. */
	if (f->type == YAMUX_FRAME_DATA && f->length > YAMUX_BODY_BYTES_MAX)
		return "body over 16 MiB";
	return NULL;
}
