/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/keys/envelope.h"

#include "proto/base/err.h"
#include "proto/keys/pb.h"
#include "proto/multi/varint.h"

/* Fields of the Envelope message; 4 was never used. */
enum { ENVELOPE_KEY = 1, ENVELOPE_TYPE = 2, ENVELOPE_PAYLOAD = 3, ENVELOPE_SIGNATURE = 5 };

/* Domain and type are short words; the payload fits into an envelope. */
#define SIGNED_BYTES_MAX (2 * ENVELOPE_BYTES_MAX)

/* What is signed: each part behind its length, so that no byte can move from one into the next. */
static int signed_bytes(
	struct buf *out, struct bytes domain, struct bytes type, struct bytes payload)
{
	if (varint_put_bytes(out, domain) || varint_put_bytes(out, type) ||
		varint_put_bytes(out, payload))
		return P2P_ERR_TOO_LARGE;
	return 0;
}

static int put_fields(struct buf *out, struct bytes key, struct bytes type, struct bytes payload,
	struct bytes sig)
{
	if (pb_put_bytes(out, ENVELOPE_KEY, key) || pb_put_bytes(out, ENVELOPE_TYPE, type) ||
		pb_put_bytes(out, ENVELOPE_PAYLOAD, payload) ||
		pb_put_bytes(out, ENVELOPE_SIGNATURE, sig))
		return P2P_ERR_TOO_LARGE;
	return 0;
}

int envelope_seal(struct buf *out, const struct key_pair *k, struct bytes domain,
	struct bytes payload_type, struct bytes payload)
{
	struct buf text = BUF_WITH_MAX(SIGNED_BYTES_MAX), sealed = BUF_WITH_MAX(ENVELOPE_BYTES_MAX);
	uint8_t sig[KEY_SIGNATURE_BYTES], pb[KEY_PUBLIC_PB_BYTES];
	struct key_public public;
	int err;

	err = signed_bytes(&text, domain, payload_type, payload);
	if (err)
		goto out;
	key_sign(k, buf_bytes(&text), sig);
	key_public_of(k, &public);
	key_public_pb(&public, pb);
	err = put_fields(&sealed, bytes_of(pb, sizeof(pb)), payload_type, payload,
		bytes_of(sig, sizeof(sig)));
	if (!err)
		err = buf_put(out, buf_bytes(&sealed));
out:
	buf_deinit(&sealed);
	buf_deinit(&text);
	return err;
}

/* The fields of an envelope as they stand in the message. */
struct fields {
	struct bytes key, type, payload, sig;
};

/* Protobuf's "the last one wins" would let two readers see two different signed payloads, so a
 * field that comes twice makes the message invalid. */
static int set_once(struct bytes *field, bool *seen, struct bytes data)
{
	if (*seen)
		return P2P_ERR_INVALID;
	*seen = true;
	*field = data;
	return 0;
}

static int read_fields(struct bytes in, struct fields *ret)
{
	struct pb_reader r = pb_begin(in);
	struct fields got = {0};
	bool key = false, type = false, payload = false, sig = false;
	struct pb_field f;
	int err = 0;

	while (!err && pb_next(&r, &f)) {
		if (pb_is(&f, ENVELOPE_KEY, PB_BYTES))
			err = set_once(&got.key, &key, f.data);
		else if (pb_is(&f, ENVELOPE_TYPE, PB_BYTES))
			err = set_once(&got.type, &type, f.data);
		else if (pb_is(&f, ENVELOPE_PAYLOAD, PB_BYTES))
			err = set_once(&got.payload, &payload, f.data);
		else if (pb_is(&f, ENVELOPE_SIGNATURE, PB_BYTES))
			err = set_once(&got.sig, &sig, f.data);
	}
	/* An empty payload is not written by everybody; the rest must be there. */
	if (err || r.err || !key || !type || !sig)
		return P2P_ERR_INVALID;
	*ret = got;
	return 0;
}

int envelope_open(
	struct bytes in, struct bytes domain, struct bytes payload_type, struct envelope *ret)
{
	struct buf text = BUF_WITH_MAX(SIGNED_BYTES_MAX);
	struct envelope got;
	struct fields f;
	int err;

	if (in.len > ENVELOPE_BYTES_MAX)
		return P2P_ERR_TOO_LARGE;
	err = read_fields(in, &f);
	if (err)
		return err;
	if (!bytes_eq(f.type, payload_type))
		return P2P_ERR_MISMATCH;
	err = key_public_parse(f.key, &got.signer, NULL);
	if (err)
		return err;
	err = signed_bytes(&text, domain, f.type, f.payload);
	if (!err)
		err = key_verify(&got.signer, buf_bytes(&text), f.sig);
	buf_deinit(&text);
	if (err)
		return err;
	got.payload = f.payload;
	*ret = got;
	return 0;
}
