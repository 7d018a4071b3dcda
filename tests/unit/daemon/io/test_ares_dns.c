/* SPDX-License-Identifier: Apache-2.0 */
/* A name server of our own on loopback, scripted; and messages by hand for the parser. */
#include "daemon/io/ares_dns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "daemon/io/dns_txt.h"
#include "proto/base/buf.h"
#include "tests/lib/turns.h"

static struct loop *l;

/* --- the server --- */

enum script {
	SERVE_TXT,       /* two records, of two strings each */
	SERVE_ADDRESSES,
	SERVE_NXDOMAIN,
	SERVE_SERVFAIL,
	SERVE_NOTHING,   /* no records of the kind */
	SERVE_SILENCE,
	SERVE_OTHER_NAME,
};

struct server {
	int fd;
	struct fd_watch *watch;
	enum script script;
	int asked;
	char address[64];
};

static void put_record(struct buf *out, struct bytes name, uint16_t type, uint32_t ttl,
	struct bytes rdata)
{
	assert_ok(buf_put(out, name));
	assert_ok(buf_put_u16be(out, type));
	assert_ok(buf_put_u16be(out, 1));
	assert_ok(buf_put_u32be(out, ttl));
	assert_ok(buf_put_u16be(out, (uint16_t)rdata.len));
	assert_ok(buf_put(out, rdata));
}

static const struct bytes same_name = {(const uint8_t *)"\xc0\x0c", 2};

static unsigned put_answers(struct server *s, struct buf *out, uint16_t type)
{
	char big[1 + 250 + 1 + 60];

	switch (s->script) {
	case SERVE_TXT:
		put_record(out, same_name, 16, 300, BYTES_LIT("\x09" "dnsaddr=x\x02yz"));
		big[0] = (char)250;
		memset(big + 1, 'a', 250);
		big[251] = 60;
		memset(big + 252, 'b', 60);
		put_record(out, same_name, 16, 60, bytes_of(big, sizeof(big)));
		return 2;
	case SERVE_ADDRESSES:
		if (type == 28) {
			put_record(out, same_name, 28, 50,
				BYTES_LIT("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"));
			return 1;
		}
		put_record(out, same_name, 1, 100, BYTES_LIT("\xc0\0\2\1"));
		put_record(out, same_name, 1, 70, BYTES_LIT("\xc0\0\2\2"));
		return 2;
	case SERVE_OTHER_NAME:
		put_record(out, BYTES_LIT("\x04" "evil\0"), 16, 60, BYTES_LIT("\x01" "a"));
		return 1;
	case SERVE_NXDOMAIN:
	case SERVE_SERVFAIL:
	case SERVE_NOTHING:
	case SERVE_SILENCE:
		return 0;
	}
	return 0;
}

static void on_question(void *arg)
{
	struct server *s = arg;
	uint8_t in[512];
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	struct buf out = BUF_INIT;
	ssize_t n = recvfrom(s->fd, in, sizeof(in), 0, (struct sockaddr *)&from, &from_len);
	size_t question_end = 12;
	unsigned answers;

	if (n < 12)
		return;
	s->asked++;
	if (s->script == SERVE_SILENCE)
		return;
	while (in[question_end])
		question_end += in[question_end] + 1u;
	question_end += 5;
	assert_ok(buf_put(&out, bytes_of(in, question_end)));
	answers = put_answers(s, &out, in[question_end - 3]);
	out.data[2] = 0x81;
	out.data[3] = s->script == SERVE_NXDOMAIN ? 0x83 : s->script == SERVE_SERVFAIL ? 0x82 : 0x80;
	out.data[6] = (uint8_t)(answers >> 8);
	out.data[7] = (uint8_t)answers;
	memset(out.data + 8, 0, 4);
	(void)sendto(s->fd, out.data, out.len, 0, (struct sockaddr *)&from, from_len);
	buf_deinit(&out);
}

static struct server server;
static struct dns *dns;

static int setup(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	const char *servers[1];

	(void)state;
	if (loop_new(&l))
		return -1;
	server = (struct server){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)};
	if (bind(server.fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
		getsockname(server.fd, (struct sockaddr *)&sa, &len) != 0 ||
		fd_watch_open(l, server.fd, on_question, &server, &server.watch) != 0)
		return -1;
	snprintf(server.address, sizeof(server.address), "127.0.0.1:%d", ntohs(sa.sin_port));
	servers[0] = server.address;
	return dns_new(l, &(struct dns_opts){.servers = servers, .server_count = 1}, &dns);
}

static int teardown(void **state)
{
	(void)state;
	dns_free(dns);
	fd_watch_close(server.watch);
	loop_free(l);
	close(server.fd);
	return 0;
}

/* --- asking --- */

struct got {
	int dones, err;
	size_t texts, ips, dropped;
	char text[2][512];
	struct maddr_ip ip[4];
	uint32_t ttl_sec;
};

static void on_done(void *arg, int err, const struct dns_answer *a)
{
	struct got *g = arg;

	g->dones++;
	g->err = err;
	if (err) {
		assert_null(a);
		return;
	}
	g->texts = a->text_count;
	g->ips = a->ip_count;
	g->dropped = a->dropped;
	g->ttl_sec = a->ttl_sec;
	for (size_t i = 0; i < a->text_count && i < 2; i++)
		snprintf(g->text[i], sizeof(g->text[i]), "%.*s", (int)a->texts[i].len,
			(const char *)a->texts[i].at);
	for (size_t i = 0; i < a->ip_count && i < 4; i++)
		g->ip[i] = a->ips[i];
}

static struct dns_query *ask(enum dns_kind kind, const char *name, struct got *g)
{
	struct dns_query *q;

	*g = (struct got){.dones = 0};
	assert_ok(dns_ask(dns, kind, name, on_done, g, &q));
	assert_int_equal(g->dones, 0);
	return q;
}

static void all_txt_records_come_with_their_strings_joined(void **state)
{
	struct got g;

	(void)state;
	(void)ask(DNS_TXT, "_dnsaddr.example.org", &g);
	turn_until(l, g.dones);
	assert_ok(g.err);
	assert_int_equal(g.texts, 2);
	assert_string_equal(g.text[0], "dnsaddr=xyz");
	assert_int_equal(strlen(g.text[1]), 310);
	assert_int_equal(g.ttl_sec, 60); /* the smallest */
}

static void addresses_of_both_families_come_together(void **state)
{
	struct got g;
	unsigned v4 = 0, v6 = 0;

	(void)state;
	server.script = SERVE_ADDRESSES;
	(void)ask(DNS_ADDR, "node.example.org", &g);
	turn_until(l, g.dones);
	assert_ok(g.err);
	assert_int_equal(g.ips, 3);
	for (size_t i = 0; i < 3; i++) {
		v4 += g.ip[i].family == 4 && g.ip[i].ip[0] == 192;
		v6 += g.ip[i].family == 6 && g.ip[i].ip[0] == 0x20;
	}
	assert_true(v4 == 2 && v6 == 1);
	assert_int_equal(g.ttl_sec, 50);
	(void)ask(DNS_A, "node.example.org", &g);
	turn_until(l, g.dones);
	assert_int_equal(g.ips, 2);
	(void)ask(DNS_AAAA, "node.example.org", &g);
	turn_until(l, g.dones);
	assert_int_equal(g.ips, 1);
}

static void each_failure_has_its_name(void **state)
{
	const struct {
		enum script script;
		int err;
	} rows[] = {
		{SERVE_NXDOMAIN, P2P_ERR_NOT_FOUND},
		{SERVE_NOTHING, P2P_ERR_NOT_FOUND},
		{SERVE_OTHER_NAME, P2P_ERR_NOT_FOUND},
	};
	struct got g;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		server.script = rows[i].script;
		(void)ask(DNS_TXT, "example.org", &g);
		turn_until(l, g.dones);
		assert_err(g.err, rows[i].err);
	}
	server.script = SERVE_NXDOMAIN;
	(void)ask(DNS_ADDR, "example.org", &g);
	turn_until(l, g.dones);
	assert_err(g.err, P2P_ERR_NOT_FOUND);
	/* To later versions of c-ares a server that fails is one that could not be reached. */
	server.script = SERVE_SERVFAIL;
	(void)ask(DNS_TXT, "example.org", &g);
	turn_until(l, g.dones);
	assert_true(g.err == P2P_ERR_UNREACHABLE || g.err == P2P_ERR_REFUSED);
}

static void silence_ends_after_ten_seconds_in_all(void **state)
{
	struct got g;

	(void)state;
	server.script = SERVE_SILENCE;
	(void)ask(DNS_TXT, "example.org", &g);
	turn_until(l, server.asked >= 1);
	assert_int_equal(g.dones, 0);
	loop_skip_ms(l, DNS_TIMEOUT_MS);
	turn_until(l, g.dones);
	assert_err(g.err, P2P_ERR_TIMEOUT);
}

static void a_cancelled_question_says_nothing(void **state)
{
	struct got g, h;

	(void)state;
	dns_cancel(ask(DNS_TXT, "example.org", &g)); /* before it started */
	dns_cancel(ask(DNS_TXT, "example.org", &g));
	struct dns_query *q = ask(DNS_TXT, "example.org", &g);

	server.script = SERVE_SILENCE;
	turn_until(l, server.asked >= 1);
	dns_cancel(q); /* under way */
	server.script = SERVE_TXT;
	(void)ask(DNS_TXT, "other.example.org", &h);
	turn_until(l, h.dones);
	assert_int_equal(g.dones, 0);
}

static void questions_are_bounded_and_names_are_checked(void **state)
{
	struct got g = {.dones = 0};
	struct dns_query *q;
	char longer[300];

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_err(dns_ask(dns, DNS_TXT, longer, on_done, &g, &q), P2P_ERR_INVALID);
	assert_err(dns_ask(dns, DNS_TXT, "", on_done, &g, &q), P2P_ERR_INVALID);
	assert_err(dns_ask(dns, DNS_TXT, "a b", on_done, &g, &q), P2P_ERR_INVALID);
	for (int i = 0; i < DNS_QUERIES_MAX; i++)
		assert_ok(dns_ask(dns, DNS_TXT, "example.org", on_done, &g, &q));
	assert_err(dns_ask(dns, DNS_TXT, "example.org", on_done, &g, &q), P2P_ERR_FULL);
	turn_until(l, g.dones == DNS_QUERIES_MAX);
	assert_ok(dns_ask(dns, DNS_TXT, "example.org", on_done, &g, &q));
}

static void a_server_that_is_no_address_is_a_config_error(void **state)
{
	const char *servers[] = {"dns.example.org"};
	struct dns *bad;

	(void)state;
	assert_err(dns_new(l, &(struct dns_opts){.servers = servers, .server_count = 1}, &bad),
		P2P_ERR_CONFIG);
}

/* c-ares' channel goes after a while without questions. */
static void a_question_after_a_long_silence_is_answered(void **state)
{
	struct got g;

	(void)state;
	for (int i = 0; i < 3; i++) {
		(void)ask(DNS_TXT, "example.org", &g);
		turn_until(l, g.dones);
		assert_ok(g.err);
		loop_skip_ms(l, 60000);
		turn_times(l, 2);
	}
	assert_int_equal(server.asked, 3);
}

static void a_question_under_way_keeps_the_channel(void **state)
{
	struct got g, h;

	(void)state;
	(void)ask(DNS_TXT, "example.org", &g);
	turn_until(l, g.dones);
	server.script = SERVE_SILENCE;
	loop_skip_ms(l, DNS_TIMEOUT_MS / 2);
	(void)ask(DNS_TXT, "silent.example.org", &g);
	turn_until(l, server.asked >= 2);
	/* Long since the first one ended, and not yet past the patience of this. */
	loop_skip_ms(l, DNS_TIMEOUT_MS * 3 / 4);
	turn_times(l, 2);
	server.script = SERVE_TXT;
	(void)ask(DNS_TXT, "other.example.org", &h);
	turn_until(l, h.dones);
	assert_ok(h.err);
	assert_int_equal(g.dones, 0);
}

/* --- the parser --- */

static struct buf message(unsigned answers)
{
	struct buf m = BUF_INIT;
	static const uint8_t head[] = {0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0};

	assert_ok(buf_put(&m, bytes_of(head, sizeof(head))));
	m.data[7] = (uint8_t)answers;
	assert_ok(buf_put(&m, BYTES_LIT("\x07" "example\x03" "org\0\0\x10\0\1")));
	return m;
}

static void the_answer_may_come_through_an_alias(void **state)
{
	struct buf m = message(3);
	struct dns_txt t;

	(void)state;
	put_record(&m, same_name, 5, 30, BYTES_LIT("\x05" "alias\xc0\x0c"));
	put_record(&m, BYTES_LIT("\x05" "ALIAS\xc0\x0c"), 16, 60, BYTES_LIT("\x02" "hi"));
	put_record(&m, same_name, 16, 60, BYTES_LIT("\x02" "no")); /* not the alias */
	assert_ok(dns_txt_parse(buf_bytes(&m), "example.org.", &t));
	assert_int_equal(t.count, 1);
	assert_bytes(t.texts[0], BYTES_LIT("hi"));
	assert_int_equal(t.ttl_sec, 30);
	dns_txt_deinit(&t);
	buf_deinit(&m);
}

static void records_beyond_the_limits_are_left_out_and_counted(void **state)
{
	struct buf m = message(DNS_TEXTS_MAX + 5);
	uint8_t longer[5 * 256];
	struct dns_txt t;

	(void)state;
	for (size_t i = 0; i < sizeof(longer); i++)
		longer[i] = i % 256 ? 'x' : 255;
	put_record(&m, same_name, 16, 60, bytes_of(longer, sizeof(longer)));
	for (int i = 0; i < DNS_TEXTS_MAX + 4; i++)
		put_record(&m, same_name, 16, 60, BYTES_LIT("\x01" "a"));
	assert_ok(dns_txt_parse(buf_bytes(&m), "example.org", &t));
	assert_int_equal(t.count, DNS_TEXTS_MAX);
	assert_int_equal(t.dropped, 5);
	dns_txt_deinit(&t);
	buf_deinit(&m);
}

static void a_message_cut_anywhere_is_an_error(void **state)
{
	struct buf m = message(2);
	struct dns_txt t;

	(void)state;
	put_record(&m, same_name, 16, 60, BYTES_LIT("\x02" "hi"));
	put_record(&m, same_name, 16, 60, BYTES_LIT("\x02" "ho"));
	for (size_t cut = 0; cut < m.len; cut++)
		assert_err(dns_txt_parse(bytes_of(m.data, cut), "example.org", &t), P2P_ERR_PROTOCOL);
	buf_deinit(&m);
}

static void compression_that_runs_in_circles_is_an_error(void **state)
{
	struct buf m = message(1);
	char self[2] = {(char)0xc0, (char)m.len};
	struct dns_txt t;

	(void)state;
	put_record(&m, bytes_of(self, 2), 16, 60, BYTES_LIT("\x02" "hi"));
	assert_err(dns_txt_parse(buf_bytes(&m), "example.org", &t), P2P_ERR_PROTOCOL);
	buf_deinit(&m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_txt_records_come_with_their_strings_joined),
		TEST(addresses_of_both_families_come_together),
		TEST(each_failure_has_its_name),
		TEST(silence_ends_after_ten_seconds_in_all),
		TEST(a_cancelled_question_says_nothing),
		TEST(questions_are_bounded_and_names_are_checked),
		TEST(a_server_that_is_no_address_is_a_config_error),
		TEST(a_question_after_a_long_silence_is_answered),
		TEST(a_question_under_way_keeps_the_channel),
		cmocka_unit_test(the_answer_may_come_through_an_alias),
		cmocka_unit_test(records_beyond_the_limits_are_left_out_and_counted),
		cmocka_unit_test(a_message_cut_anywhere_is_an_error),
		cmocka_unit_test(compression_that_runs_in_circles_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
