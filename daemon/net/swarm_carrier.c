/* SPDX-License-Identifier: Apache-2.0 */
/* swarm_carrier.c: what lies below a conn: a TCP flow of its own, or a UDP port that it shares. */
#include "daemon/net/quic_ports.h"
#include "daemon/net/swarm_private.h"
#include "proto/base/err.h"

#define SENDS_PER_TURN  16   /* of SWARM_SEND_BYTES for one connection; the others wait meanwhile */
#define LAST_BYTES_MS   1000 /* a goodbye that the kernel does not take at once may take so long */

/* Room for what did not fit before. */
static void sent(struct swarm_entry *e)
{
	if (!e->is_over)
		swarm_drain(e);
}

static bool flow_send(struct swarm_entry *e)
{
	struct swarm *s = e->swarm;
	mono_t now = loop_now(s->opts.loop);

	for (int i = 0; i < SENDS_PER_TURN; i++) {
		if (flow_queued(e->flow) || (!e->is_over && !conn_wants_send(e->conn)))
			return false;
		buf_reset(&s->out);
		conn_send(e->conn, &s->out, SWARM_SEND_BYTES, now);
		if (!s->out.len)
			return false;
		s->stats.bytes_out += s->out.len;
		if (flow_write(e->flow, buf_bytes(&s->out)))
			return false; /* its on_end follows */
		sent(e);
	}
	return true;
}

static bool port_send(struct swarm_entry *e)
{
	struct swarm *s = e->swarm;
	mono_t now = loop_now(s->opts.loop);

	for (int i = 0; i < SENDS_PER_TURN; i++) {
		struct datagram_train train;

		/* A blocked port says when it takes more. */
		if (quic_port_is_blocked(e->port) || (!e->is_over && !conn_wants_send(e->conn)))
			return false;
		buf_reset(&s->out);
		if (!conn_send_train(e->conn, &s->out, SWARM_SEND_BYTES, now, &train))
			return false;
		s->stats.quic_bytes_out += s->out.len;
		e->bytes_out += s->out.len;
		quic_port_send(e->port, &train, buf_bytes(&s->out));
		sent(e);
	}
	return true;
}

bool carrier_send(struct swarm_entry *e)
{
	return e->port ? port_send(e) : flow_send(e);
}

void carrier_poke(struct swarm_entry *e)
{
	struct conn_info info;
	size_t sent;

	if (!e->port)
		return;
	conn_info(e->conn, &info);
	sent = quic_port_poke(e->port, &info.path);
	e->swarm->stats.quic_bytes_out += sent;
	e->bytes_out += sent;
}

size_t carrier_queued(const struct swarm_entry *e)
{
	return e->flow ? flow_queued(e->flow) : 0;
}

/* something waits in the flow and nothing has left for SWARM_STALL_MS. */
static mono_t stall_deadline(struct swarm_entry *e, mono_t now)
{
	uint64_t out = flow_bytes_out(e->flow);

	if (!flow_queued(e->flow)) {
		e->stuck_at = MONO_NEVER;
		return MONO_NEVER;
	}
	if (out != e->out_seen || mono_is_never(e->stuck_at)) {
		e->out_seen = out;
		e->stuck_at = now;
	}
	return mono_add_ms(e->stuck_at, SWARM_STALL_MS);
}

mono_t carrier_deadline(struct swarm_entry *e, mono_t now, int *ret_err, const char **ret_why)
{
	if (e->port) {
		*ret_err = P2P_ERR_REFUSED;
		*ret_why = "remote_unreachable";
		return e->nobody_by;
	}
	*ret_err = P2P_ERR_TIMEOUT;
	*ret_why = "stalled";
	return stall_deadline(e, now);
}

void carrier_read(struct swarm_entry *e, bool reads)
{
	if (!e->flow)
		return;
	if (reads)
		flow_resume(e->flow);
	else
		flow_pause(e->flow);
}

uint64_t carrier_bytes_in(const struct swarm_entry *e)
{
	return e->flow ? flow_bytes_in(e->flow) : e->bytes_in;
}

uint64_t carrier_bytes_out(const struct swarm_entry *e)
{
	return e->flow ? flow_bytes_out(e->flow) : e->bytes_out;
}

void carrier_end(struct swarm_entry *e, bool gently)
{
	if (e->flow && gently)
		flow_close_after_write(e->flow, LAST_BYTES_MS);
	else
		flow_close(e->flow);
	e->flow = NULL;
	if (e->port)
		quic_port_release(e->port);
	e->port = NULL;
}
