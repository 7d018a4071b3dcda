/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/request.h"

#include "proto/base/cursor.h"

#define EXTENSION_SIGNATURES 13 /* signature_algorithms */
#define SIGNATURE_ED25519    0x0807

static bool has_ed25519(struct bytes extension)
{
	struct cursor c = cursor_of(extension), list;
	bool found = false;

	list = cursor_of(cursor_take(&c, cursor_u16be(&c)));
	while (!list.err && !cursor_at_end(&list))
		found = cursor_u16be(&list) == SIGNATURE_ED25519 || found;
	return found && !list.err;
}

bool tls_request_takes_ed25519(struct bytes message)
{
	struct cursor c = cursor_of(message), list;

	(void)cursor_take(&c, cursor_u8(&c)); /* the request's name, empty in a handshake */
	list = cursor_of(cursor_take(&c, cursor_u16be(&c)));
	while (!c.err && !list.err && !cursor_at_end(&list)) {
		uint16_t type = cursor_u16be(&list);
		struct bytes extension = cursor_take(&list, cursor_u16be(&list));

		if (type == EXTENSION_SIGNATURES)
			return has_ed25519(extension);
	}
	return false;
}
