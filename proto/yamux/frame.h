/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h: the twelve-byte header that everything in yamux begins with (tcp-stack.md section 6).
 *
 * Version, type, flags, stream and length, big-endian. What of a header is wrong whatever the
 * session's state is found here, before anything is looked up or allocated. */
#ifndef P2POS_YAMUX_FRAME_H
#define P2POS_YAMUX_FRAME_H

#include <stdint.h>

#define YAMUX_HEADER_BYTES   12
#define YAMUX_INITIAL_WINDOW (256 * 1024)       /* per stream and direction, by the protocol */
#define YAMUX_BODY_BYTES_MAX (16 * 1024 * 1024) /* of one body, on any stream; more is fatal */

enum yamux_frame_type {
	YAMUX_FRAME_DATA = 0,   /* length: bytes of body that follow */
	YAMUX_FRAME_WINDOW = 1, /* length: additional credit; with RST an error code */
	YAMUX_FRAME_PING = 2,   /* length: a value that comes back */
	YAMUX_FRAME_GOAWAY = 3, /* length: why */
};

enum yamux_frame_flag {
	YAMUX_FLAG_SYN = 1,
	YAMUX_FLAG_ACK = 2,
	YAMUX_FLAG_FIN = 4,
	YAMUX_FLAG_RST = 8,
};

struct yamux_frame {
	uint8_t version;
	uint8_t type; /* enum yamux_frame_type once yamux_frame_fault() has passed it */
	uint16_t flags;
	uint32_t stream; /* 0 is the session itself */
	uint32_t length;
};

void yamux_frame_read(const uint8_t at[YAMUX_HEADER_BYTES], struct yamux_frame *ret);
void yamux_frame_write(const struct yamux_frame *f, uint8_t to[YAMUX_HEADER_BYTES]);

/* Why no session may accept this header (fixed text), or NULL when it is well-formed. */
const char *yamux_frame_fault(const struct yamux_frame *f);

#endif
