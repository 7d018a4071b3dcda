/* SPDX-License-Identifier: Apache-2.0 */
/* perf.h: how fast bytes go to a peer and come back, on a stream of its own (perf.md).
 *
 * The client writes eight bytes that say how much it wants back, then as much as it likes, and
 * finishes; only then the server writes what was wanted, and finishes. What the bytes are does not
 * matter: here they are zeros from one static block, and what arrives is counted and dropped.
 *
 * A request of nine bytes may ask for any amount, so both sides have bounds; a peer that goes beyond
 * is reset, which is also the only error message there is. */
#ifndef P2POS_LIBP2P_PERF_H
#define P2POS_LIBP2P_PERF_H

#include "proto/base/bytes.h"
#include "proto/base/clock.h"

#define PERF_PROTOCOL "/perf/1.0.0"

#define PERF_HEAD_BYTES  8
#define PERF_BYTES_MAX   (UINT64_C(64) << 30) /* each way; a server resets who wants or sends more */
#define PERF_IDLE_MS     10000  /* without a byte in the direction that is due: reset */
#define PERF_TOTAL_MS    300000 /* from the opening of the stream; then it is reset */
#define PERF_STREAMS_MAX 8      /* of one connection at a time; the next is reset */

/* Two times, and the earlier of them ends the stream. */
struct perf_clock {
	mono_t idle, total;
};

/* The side that is asked. */
struct perf_server {
	uint8_t head[PERF_HEAD_BYTES];
	uint8_t have;     /* bytes of `head` */
	bool is_answering; /* the client has finished */
	uint64_t got;     /* uploaded so far */
	uint64_t owed;    /* of the download, valid once is_answering */
	struct perf_clock clock;
};

void perf_server_init(struct perf_server *s, mono_t now);

/* What arrived, cut anywhere. P2P_ERR_TOO_LARGE: it wants or sends more than PERF_BYTES_MAX. */
int perf_server_recv(struct perf_server *s, struct bytes in, mono_t now);

/* The client has finished. P2P_ERR_TRUNCATED: before it said how much it wants. */
int perf_server_end(struct perf_server *s, mono_t now);

/* The bytes to write now (static memory); say how many the stream took. */
struct bytes perf_server_owed(const struct perf_server *s);
void perf_server_sent(struct perf_server *s, size_t n, mono_t now);

/* All is written: finish. */
bool perf_server_is_done(const struct perf_server *s);

/* Reset the stream then. */
mono_t perf_server_deadline(const struct perf_server *s);

struct perf_span {
	mono_t from, until;
};

struct perf_result {
	unsigned streams;
	uint64_t up_bytes, down_bytes;
	struct perf_span up;   /* from the request to the first byte back, or to the end when none was wanted */
	struct perf_span down; /* from there to the end; nothing is known in it while down_bytes is 0 */
};

/* How long that took; what was not wanted took no time. */
int64_t perf_up_ns(const struct perf_result *r);
int64_t perf_down_ns(const struct perf_result *r);

/* Several streams that moved their shares at once: adds the bytes, and the spans reach from the first
 * of them to the last. Up and down may then overlap. Start with a zeroed `all`. */
void perf_result_add(struct perf_result *all, const struct perf_result *one);

/* The part of `bytes` that stream `i` of `count` moves; the first ones take what is left over. */
uint64_t perf_share(uint64_t bytes, unsigned i, unsigned count);

/* The side that asks. */
struct perf_client {
	uint8_t head[PERF_HEAD_BYTES];
	uint8_t head_sent;
	uint64_t up, up_sent;
	uint64_t down, got;
	mono_t begun, turned; /* `turned`: the first byte back, valid while got > 0 */
	struct perf_clock clock;
};

/* `up` and `down` are not beyond PERF_BYTES_MAX. */
void perf_client_init(struct perf_client *c, uint64_t up, uint64_t down, mono_t now);

/* The bytes to write now (borrowed until the next call); say how many the stream took. */
struct bytes perf_client_owed(const struct perf_client *c);
void perf_client_sent(struct perf_client *c, size_t n, mono_t now);

/* All is written: finish. */
bool perf_client_is_done(const struct perf_client *c);

/* What came back. P2P_ERR_PROTOCOL: more than was wanted, or before we finished. */
int perf_client_recv(struct perf_client *c, struct bytes in, mono_t now);

/* The server has finished. P2P_ERR_TRUNCATED: with less than was wanted. */
int perf_client_end(struct perf_client *c, mono_t now, struct perf_result *ret);

/* As for the server. */
mono_t perf_client_deadline(const struct perf_client *c);

#endif
