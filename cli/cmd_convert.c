/* SPDX-License-Identifier: Apache-2.0 */
/* key convert: an Ed25519 private key in the forms in which others keep it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/secret.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"

#define KEY_FILE_MAX 16384
#define SEED_BYTES   32

/* PKCS#8 of an Ed25519 seed (RFC 8410): all but the seed is constant. */
static const uint8_t pkcs8_head[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04,
	0x22, 0x04, 0x20};
static const char pem_begin[] = "-----BEGIN PRIVATE KEY-----", pem_end[] = "-----END PRIVATE KEY-----";

/* ---- reading: whatever it is ---- */

static bool is_pem(struct bytes text)
{
	return text.len > sizeof(pem_begin) && memcmp(text.at, pem_begin, sizeof(pem_begin) - 1) == 0;
}

static int parse_pem(struct bytes text, struct key_pair *ret)
{
	struct buf der = BUF_SECRET(256), joined = BUF_SECRET(1024);
	const uint8_t *end;
	int err;

	text = bytes_from(text, sizeof(pem_begin) - 1);
	end = memmem(text.at, text.len, pem_end, sizeof(pem_end) - 1);
	err = end ? 0 : P2P_ERR_INVALID;
	for (const uint8_t *p = text.at; !err && p < end; p++)
		if (*p > ' ')
			err = buf_put_u8(&joined, *p);
	if (!err)
		err = text_unbase64(&der, buf_bytes(&joined));
	if (!err && (der.len != sizeof(pkcs8_head) + SEED_BYTES || memcmp(der.data, pkcs8_head, sizeof(pkcs8_head)) != 0))
		err = P2P_ERR_UNSUPPORTED;
	if (!err)
		key_from_seed(der.data + sizeof(pkcs8_head), ret);
	buf_deinit(&der);
	buf_deinit(&joined);
	return err;
}

static int parse_hex(struct bytes text, struct key_pair *ret)
{
	struct buf raw = BUF_SECRET(128);
	int err = text_unhex(&raw, text);

	if (!err && raw.len != SEED_BYTES && raw.len != sizeof(ret->secret))
		err = P2P_ERR_INVALID;
	if (!err)
		key_from_seed(raw.data, ret);
	/* A seed followed by a public key that is not its own is damage, not a key. */
	if (!err && raw.len == sizeof(ret->secret) && memcmp(raw.data, ret->secret, raw.len) != 0)
		err = P2P_ERR_INVALID;
	buf_deinit(&raw);
	return err;
}

static int parse_any(struct bytes text, struct key_pair *ret)
{
	struct bytes word = text_trim(text);

	if (key_private_parse(text, ret) == 0) /* the protobuf itself, as some keep it in a file */
		return 0;
	if (is_pem(word))
		return parse_pem(word, ret);
	if (key_private_parse_text(word, ret) == 0)
		return 0;
	if (word.len == 2 * SEED_BYTES || word.len == 4 * SEED_BYTES)
		return parse_hex(word, ret);
	if (text.len != SEED_BYTES)
		return P2P_ERR_INVALID;
	key_from_seed(text.at, ret);
	return 0;
}

/* ---- writing ---- */

static void print_base64(const struct key_pair *k, struct buf *out)
{
	char text[KEY_TEXT_SIZE];

	(void)buf_printf(out, "%s\n", key_private_text(k, text));
	mem_wipe(text, sizeof(text));
}

static void print_pem(const struct key_pair *k, struct buf *out)
{
	uint8_t der[sizeof(pkcs8_head) + SEED_BYTES];

	memcpy(der, pkcs8_head, sizeof(pkcs8_head));
	memcpy(der + sizeof(pkcs8_head), k->secret, SEED_BYTES);
	(void)buf_printf(out, "%s\n", pem_begin);
	(void)text_base64(out, bytes_of(der, sizeof(der)));
	(void)buf_printf(out, "\n%s\n", pem_end);
	mem_wipe(der, sizeof(der));
}

static void print_hex(const struct key_pair *k, struct buf *out)
{
	(void)text_hex(out, bytes_of(k->secret, SEED_BYTES));
	(void)buf_put_u8(out, '\n');
}

static void print_protobuf(const struct key_pair *k, struct buf *out)
{
	uint8_t pb[KEY_PRIVATE_PB_BYTES];

	key_private_pb(k, pb);
	(void)buf_put(out, bytes_of(pb, sizeof(pb)));
	mem_wipe(pb, sizeof(pb));
}

static const struct {
	const char *name;
	void (*print)(const struct key_pair *k, struct buf *out);
} forms[] = {{"base64", print_base64}, {"pem", print_pem}, {"hex", print_hex}, {"protobuf", print_protobuf}};

static void print_done(struct cli *c, json_t *r)
{
	(void)c;
	printf("File      %s\nPeer id   %s\n", out_text(r, "file"), out_text(r, "peer_id"));
}

static int put_out(struct cli *c, const struct key_pair *k, struct buf *text)
{
	const char *out = cli_value(c, "out");
	char id[PEER_ID_TEXT_SIZE];
	struct peer_id peer;
	int code;

	key_pair_peer_id(k, &peer);
	peer_id_text(&peer, id);
	if (out) {
		code = secret_create(c, out, buf_bytes(text));
		return code ? code : out_result(c, json_pack("{s:b,s:s,s:s}", "changed", 1, "file", out, "peer_id", id),
				CLI_OK, print_done);
	}
	if (c->json)
		return out_fail(c, CLI_USAGE, "say --out FILE", "a private key is no field of a document");
	fwrite(text->data, 1, text->len, stdout);
	return CLI_OK;
}

int cmd_key_convert(struct cli *c)
{
	const char *to = cli_value(c, "to");
	struct buf text = BUF_SECRET(KEY_FILE_MAX), done = BUF_SECRET(KEY_FILE_MAX);
	struct key_pair k;
	size_t form = 0;
	int code;

	while (form < sizeof(forms) / sizeof(forms[0]) && strcmp(forms[form].name, to ? to : "base64") != 0)
		form++;
	if (form == sizeof(forms) / sizeof(forms[0]))
		return out_fail(c, CLI_USAGE, "base64, pem, hex or protobuf", "--to: '%s' is no form of a key", to);
	code = secret_read(c, "the key", c->argv[0], SECRET_MARKED, &text);
	if (!code && parse_any(buf_bytes(&text), &k))
		code = out_fail(c, CLI_DATAERR, "base64 or bytes of libp2p's protobuf, PKCS#8 PEM, or a seed in hex or bytes",
			"%s holds no Ed25519 private key", c->argv[0]);
	if (!code) {
		forms[form].print(&k, &done);
		code = put_out(c, &k, &done);
		key_pair_deinit(&k);
	}
	buf_deinit(&text);
	buf_deinit(&done);
	return code;
}
