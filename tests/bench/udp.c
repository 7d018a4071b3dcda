/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams over loopback through our sockets, in trains, beside one sendto() and one recv() for
 * each. Both ends are in this process; processor time counts the kernel's part as well. */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/io/uv_udp.h"
#include "tests/bench/bench.h"

#define DATAGRAM_BYTES 1452 /* what an Ethernet path takes of QUIC over IPv6 */
#define IN_A_TRAIN     44
#define TRAINS         64
#define TRAINS_AT_ONCE 4    /* in flight: within the smallest receive buffer of any system */

struct udp_bench {
	struct loop *loop;
	struct udp_socket *from, *to;
	struct datagram_train train;
	uint64_t arrived;
	int plain[2]; /* descriptors: from, to */
	uint8_t bytes[IN_A_TRAIN * DATAGRAM_BYTES];
};

static void on_datagram(void *arg, const struct datagram *in)
{
	struct udp_bench *b = arg;

	bench_need(in->data.len == DATAGRAM_BYTES);
	b->arrived++;
}

static void on_room(void *arg)
{
	(void)arg;
}

static const struct udp_handler handler = {on_datagram, NULL, on_room, NULL};

static void in_trains(void *arg)
{
	struct udp_bench *b = arg;

	b->arrived = 0;
	for (uint64_t sent = 0; sent < TRAINS;) {
		for (int i = 0; i < TRAINS_AT_ONCE; i++, sent++)
			udp_send(b->from, &b->train, bytes_of(b->bytes, sizeof(b->bytes)));
		while (b->arrived < sent * IN_A_TRAIN)
			loop_turn(b->loop);
	}
}

static void one_by_one(void *arg)
{
	struct udp_bench *b = arg;
	uint8_t in[DATAGRAM_BYTES];

	for (int t = 0; t < TRAINS; t++) {
		for (size_t i = 0; i < IN_A_TRAIN; i++)
			bench_need(send(b->plain[0], b->bytes + i * DATAGRAM_BYTES, DATAGRAM_BYTES, 0) ==
				DATAGRAM_BYTES);
		for (size_t i = 0; i < IN_A_TRAIN; i++)
			bench_need(recv(b->plain[1], in, sizeof(in), 0) == DATAGRAM_BYTES);
	}
}

static void open_plain(struct udp_bench *b)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);

	for (int i = 0; i < 2; i++)
		bench_need((b->plain[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) >= 0);
	bench_need(bind(b->plain[1], (struct sockaddr *)&sa, sizeof(sa)) == 0);
	bench_need(getsockname(b->plain[1], (struct sockaddr *)&sa, &len) == 0);
	bench_need(connect(b->plain[0], (struct sockaddr *)&sa, len) == 0);
}

static void bench_open(struct udp_bench *b)
{
	struct maddr_ip addr = {.family = 4, .ip = {127, 0, 0, 1}};

	bench_need(!loop_new(&b->loop));
	bench_need(!udp_open(b->loop, &addr, &handler, b, &b->from));
	bench_need(!udp_open(b->loop, &addr, &handler, b, &b->to));
	b->train.segment = DATAGRAM_BYTES;
	udp_addr(b->to, &b->train.path.remote);
	open_plain(b);
}

static void bench_close(struct udp_bench *b)
{
	udp_close(b->from);
	udp_close(b->to);
	loop_free(b->loop);
	close(b->plain[0]);
	close(b->plain[1]);
}

void bench_udp(void)
{
	struct udp_bench *b = calloc(1, sizeof(*b));
	const double gbit = 8e-9 * TRAINS * IN_A_TRAIN * DATAGRAM_BYTES;
	struct udp_stats s;
	struct bench_pair r;

	bench_need(b != NULL);
	bench_open(b);
	r = bench_in_turns(in_trains, one_by_one, b);
	udp_stats(b->from, &s);
	bench_row("UDP loopback, one by one, both ends", "", true, "%.1f Gbit/core-s", gbit / r.bare_s);
	bench_row("UDP loopback, trains, both ends", "", true, "%.1f Gbit/core-s%s", gbit / r.ours_s,
		s.has_gso ? "" : " (no segmentation here)");
	bench_row("  times one by one", ">= 8", r.ratio >= 8, "%.1f", r.ratio);
	bench_close(b);
	free(b);
}
