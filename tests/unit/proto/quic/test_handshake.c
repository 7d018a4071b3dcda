/* SPDX-License-Identifier: Apache-2.0 */
/* Two of ours find each other, and the ways in which they do not. */
#include "tests/lib/p2ptest.h"
#include "tests/lib/quic_pair.h"

static struct quic_pair p;

static void two_prove_themselves_to_each_other(void **state)
{
	struct quic_info d, l;

	(void)state;
	quic_pair_init(&p, 1);
	quic_pair_open(&p);
	quic_info(p.side[QUIC_D].conn, &d);
	quic_info(p.side[QUIC_L].conn, &l);
	assert_true(d.is_proven && l.is_proven);
	assert_true(peer_id_eq(&d.peer, &p.side[QUIC_L].id));
	print_message("memory %zu %zu payload %zu\n", d.memory, l.memory, d.payload_bytes);
	quic_pair_deinit(&p);
}

static void streams_carry_bytes_both_ways(void **state)
{
	uint32_t stream;

	(void)state;
	quic_pair_init(&p, 2);
	p.side[QUIC_L].echoes = true;
	quic_pair_open(&p);
	stream = quic_pair_say(&p, QUIC_D, BYTES_LIT("hello"));
	assert_ok(quic_finish(p.side[QUIC_D].conn, stream));
	quic_pair_run(&p);
	assert_bytes(quic_pair_got(&p, QUIC_L, stream), BYTES_LIT("hello"));
	assert_bytes(quic_pair_got(&p, QUIC_D, stream), BYTES_LIT("hello"));
	assert_true(quic_pair_ended(&p, QUIC_D, stream));
	quic_pair_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_prove_themselves_to_each_other),
		cmocka_unit_test(streams_carry_bytes_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
