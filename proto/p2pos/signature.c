/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/signature.h"

#include "proto/base/err.h"
#include "proto/base/text.h"

void signature_parse(struct bytes text, struct signature *ret)
{
	*ret = (struct signature){.form = SIGNATURE_NONE};
	if (!text.len)
		return;
	ret->form = SIGNATURE_UNREADABLE;
	if (key_signature_parse(text, ret->at) == 0)
		ret->form = SIGNATURE_GIVEN;
}

int signature_print(struct buf *out, const struct signature *sig)
{
	if (sig->form != SIGNATURE_GIVEN)
		return 0;
	return text_base64(out, bytes_of(sig->at, sizeof(sig->at)));
}

void signature_make(const struct key_pair *k, struct bytes message, struct signature *ret)
{
	ret->form = SIGNATURE_GIVEN;
	key_sign(k, message, ret->at);
}

int signature_verify(const struct key_public *k, struct bytes message, const struct signature *sig)
{
	if (sig->form != SIGNATURE_GIVEN)
		return P2P_ERR_SIGNATURE;
	return key_verify(k, message, bytes_of(sig->at, sizeof(sig->at)));
}

int signature_verify_peer(const struct peer_id *peer, struct bytes message,
	const struct signature *sig)
{
	struct key_public k;
	struct bytes key;
	int err = peer_id_ed25519(peer, &key);

	if (err)
		return err;
	memcpy(k.at, key.at, sizeof(k.at));
	return signature_verify(&k, message, sig);
}
