/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/p2pos/cluster_id.h"

#include "proto/base/err.h"
#include "proto/base/text.h"

static bool is_allowed(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		c == '.' || c == '_' || c == '-';
}

bool cluster_id_is_valid(struct bytes text)
{
	if (!text.len || text.len > CLUSTER_ID_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!is_allowed(text.at[i]))
			return false;
	return true;
}

int cluster_id_parse(struct bytes text, char *to)
{
	if (!cluster_id_is_valid(text))
		return P2P_ERR_INVALID;
	(void)text_copy(to, CLUSTER_ID_SIZE, text); /* fits: its length was checked */
	return 0;
}
