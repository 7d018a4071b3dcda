/* SPDX-License-Identifier: Apache-2.0 */
/* Heartbeats of a cluster of MEMBERS through the core of one of them: parsed, judged, verified,
 * taken, and what follows decided; beside the bare verification of as many signatures. */
#include <stdlib.h>

#include "proto/cluster/core.h"
#include "tests/bench/bench.h"
#include "tests/lib/golden.h"
#include "tests/lib/people.h"

#define MEMBERS     100
#define SENDERS     (MEMBERS - 1)
#define SWEEPS      4 /* in one round; each member sends one in a sweep */
#define HEARTBEATS  (SWEEPS * SENDERS)
#define INTERVAL_MS 30000
#define STEPS       100 /* of time between two sweeps */

struct yard {
	struct core *core;
	struct rng_seeded rng;
	struct key_pair keys[MEMBERS];
	struct key_public publics[MEMBERS];
	struct peer_id ids[MEMBERS];
	wall_t wall;
	mono_t now;
	struct buf mail[HEARTBEATS]; /* signed ahead */
	uint8_t sigs[HEARTBEATS][KEY_SIGNATURE_BYTES]; /* of the mail, for the bare verification */
};

/* The conn of member `i`; member 0 is the core's own node. */
static uint64_t conn_of(unsigned i)
{
	return 1 + i;
}

/* Who sends the i-th heartbeat of a round: each in its turn. */
static unsigned sender(unsigned i)
{
	return 1 + i % SENDERS;
}

static void pull_decisions(struct yard *y)
{
	struct core_decision d;

	while (core_next(y->core, &d)) {
		if (d.kind == CORE_PING)
			core_pong(y->core, d.conn, 500000, y->wall, y->now);
		else if (d.kind == CORE_STORE_SNAPSHOT)
			core_stored(y->core, d.u.store.token, true, y->wall, y->now);
		bench_need(d.kind != CORE_CLOSE);
	}
}

static void connect_all(struct yard *y)
{
	for (unsigned i = 1; i < MEMBERS; i++) {
		struct maddr_ip ip = {.family = 4, .ip = {10, 0, 0, (uint8_t)i}, .port = 4100};
		struct maddr addr;
		const char *why;

		maddr_from_ip_tcp(&ip, &addr);
		bench_need(core_conn_up(y->core, conn_of(i), &y->ids[i], CONN_LISTENER, &addr, 0, &why, y->wall, y->now) ==
			   CORE_MEMBER);
		core_protocols(y->core, conn_of(i), CORE_SPEAKS_HEARTBEAT, y->wall, y->now);
		pull_decisions(y);
	}
}

static void make_yard(struct yard *y)
{
	struct key_public system = person_public(GOLDEN_SYSTEM_SEED);
	struct snapshot list;
	struct core_opts o = {
		.identity = &y->keys[0],
		.cluster_id = "prod",
		.system = &system,
		.heartbeat_interval_ms = INTERVAL_MS,
		.heartbeat_timeout_ms = 3 * INTERVAL_MS,
		.dead_after_ms = 4000,
		.mesh_full_limit = 128,
		.mesh_degree = 24,
		.guests_max = 16,
		.connections_max = 1024,
		.rng = &y->rng.rng,
	};

	for (unsigned i = 0; i < MEMBERS; i++) {
		y->keys[i] = person((uint8_t)(0x11 + i));
		y->publics[i] = person_public((uint8_t)(0x11 + i));
		y->ids[i] = person_id((uint8_t)(0x11 + i));
	}
	rng_seed(&y->rng, 1);
	y->wall = at("2026-06-01T00:00:00Z");
	y->now = (mono_t){NS_PER_SEC};
	list = snapshot_of("2026-05-01T00:00:00Z", MEMBERS);
	y->core = core_new(&o, y->wall, y->now);
	core_load(y->core, &(struct core_memory){.snapshot = buf_bytes(&list.raw)}, y->wall, y->now);
	pull_decisions(y);
	snapshot_deinit(&list);
	connect_all(y);
}

/* Time goes on by an interval; the conns are kept alive meanwhile. */
static void pass_interval(struct yard *y)
{
	for (int i = 0; i < STEPS; i++) {
		y->wall = wall_add_ns(y->wall, INTERVAL_MS * NS_PER_MS / STEPS);
		y->now.ns += INTERVAL_MS * NS_PER_MS / STEPS;
		if (mono_reached(core_deadline(y->core), y->now))
			core_tick(y->core, y->wall, y->now);
		pull_decisions(y);
	}
}

/* The next round's heartbeats, each stamped with the time at which it will be handed in. */
static double sign_round(struct yard *y)
{
	double begun = bench_cpu(), took;
	struct heartbeat h;

	for (unsigned i = 0; i < HEARTBEATS; i++) {
		heartbeat_sign(&h, "prod", wall_add_ns(y->wall, INTERVAL_MS * NS_PER_MS * (1 + i / SENDERS)), &y->keys[sender(i)]);
		buf_reset(&y->mail[i]);
		bench_need(!heartbeat_print(&y->mail[i], &h));
	}
	took = bench_cpu() - begun;
	for (unsigned i = 0; i < HEARTBEATS; i++)
		key_sign(&y->keys[sender(i)], buf_bytes(&y->mail[i]), y->sigs[i]);
	return took;
}

static double take_round(struct yard *y)
{
	double took = 0;

	for (unsigned i = 0; i < SWEEPS; i++) {
		double begun;

		pass_interval(y);
		begun = bench_cpu();
		for (unsigned k = i * SENDERS; k < (i + 1) * SENDERS; k++) {
			bench_need(core_heartbeat_in(y->core, conn_of(sender(k)), buf_bytes(&y->mail[k]), y->wall,
					   y->now) == HEARTBEAT_OK);
			pull_decisions(y);
		}
		took += bench_cpu() - begun;
	}
	return took;
}

static double verify_round(struct yard *y)
{
	double begun = bench_cpu();

	for (unsigned i = 0; i < HEARTBEATS; i++)
		bench_need(!key_verify(&y->publics[sender(i)], buf_bytes(&y->mail[i]),
			bytes_of(y->sigs[i], KEY_SIGNATURE_BYTES)));
	return bench_cpu() - begun;
}

void bench_heartbeats(void)
{
	struct yard *y = calloc(1, sizeof(*y));
	double sign[BENCH_ROUNDS], take[BENCH_ROUNDS], bare[BENCH_ROUNDS], ratio[BENCH_ROUNDS];
	double us = 1e6 / HEARTBEATS, taken;

	bench_need(y != NULL);
	make_yard(y);
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		sign[i] = sign_round(y);
		bare[i] = verify_round(y);
		take[i] = take_round(y);
		ratio[i] = bare[i] / take[i];
	}
	taken = bench_median(take, BENCH_ROUNDS) * us;
	bench_row("heartbeat signed and printed", "", true, "%.1f us", bench_median(sign, BENCH_ROUNDS) * us);
	bench_row("signature verified, alone", "", true, "%.1f us", bench_median(bare, BENCH_ROUNDS) * us);
	bench_row("heartbeat received, verified and taken", "", true, "%.1f us", taken);
	bench_row("  of the verification alone", ">= 0.85", bench_median(ratio, BENCH_ROUNDS) >= 0.85, "%.3f",
		bench_median(ratio, BENCH_ROUNDS));
	for (unsigned i = 0; i < HEARTBEATS; i++)
		buf_deinit(&y->mail[i]);
	core_free(y->core);
	free(y);
}
