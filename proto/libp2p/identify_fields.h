/* SPDX-License-Identifier: Apache-2.0 */
/* identify_fields.h: the field numbers of the Identify message (identify-ping.md section 1). */
#ifndef P2POS_LIBP2P_IDENTIFY_FIELDS_H
#define P2POS_LIBP2P_IDENTIFY_FIELDS_H

enum identify_field {
	IDENTIFY_FIELD_KEY = 1,
	IDENTIFY_FIELD_ADDR = 2,
	IDENTIFY_FIELD_PROTOCOL = 3,
	IDENTIFY_FIELD_OBSERVED = 4,
	IDENTIFY_FIELD_VERSION = 5,
	IDENTIFY_FIELD_AGENT = 6,
	IDENTIFY_FIELD_RECORD = 8, /* 7 is history */
};

#endif
