/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.h: checks of a node and its machine, one line each, with the line that cures it
 * (operator.md; features.md P-138). */
#ifndef P2POS_CLI_DOCTOR_H
#define P2POS_CLI_DOCTOR_H

#include <jansson.h>

#include "cli/cli.h"
#include "config/config.h"

enum doctor_result { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
	struct cli *c;
	bool is_first;       /* --first-node: what others will rely on has to be there */
	bool has_daemon;
	char *config_path, *data_dir; /* owned */
	bool has_config;
	struct config *config; /* owned; valid when has_config */
	json_t *checks;        /* owned: [{"name","result","text","fix"}] */
	unsigned failures, warnings;
};

/* Appends one line. `fix` may be NULL; `fmt` is the text. */
void doctor_say(struct doctor *d, enum doctor_result result, const char *name, const char *fix,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* What can be seen without the daemon: files, clock, kernel, disk. */
void doctor_look_at_machine(struct doctor *d);
/* What the daemon tells: state, descriptors, DNS, ports, members' clocks, proof. */
void doctor_ask_node(struct doctor *d);
/* --peer ADDR: each step of a dial. */
void doctor_try_peer(struct doctor *d, const char *address);

#endif
