/* SPDX-License-Identifier: Apache-2.0 */
/* rpc.h: asking the daemon over its socket. One call at a time, blocking, with a deadline. */
#ifndef P2POS_CLI_RPC_H
#define P2POS_CLI_RPC_H

#include <jansson.h>

#include "cli/cli.h"

#define RPC_TIMEOUT_MS_DEFAULT 10000

/* Where the daemon listens: --socket, then P2POS_SOCKET, then the system service's. */
const char *rpc_socket_path(const struct cli *c);

/* Calls and waits for the answer. `take_params` (may be NULL) is owned from now on. Connects first
 * when need be, waiting as --wait says, also while the node is still starting. `own_ms` is
 * what the command needs when --timeout was not given; 0: RPC_TIMEOUT_MS_DEFAULT. Returns 0 with
 * `ret_result` (owned by the caller), or the exit code of an error that has been printed. */
int rpc_call(struct cli *c, const char *method, json_t *take_params, int64_t own_ms,
	json_t **ret_result);

/* Like rpc_call(), but an error is not printed: `ret_reason` (32 bytes) has its word. */
int rpc_try(struct cli *c, const char *method, json_t *take_params, int64_t own_ms,
	json_t **ret_result, char *ret_reason);

/* The next notification `event`, waiting up to `wait_ms` (negative: for ever). Returns 0 with the
 * event's params (owned by the caller), CLI_TEMPFAIL when none came, or another exit code after
 * the error was printed. */
int rpc_next_event(struct cli *c, int64_t wait_ms, json_t **ret_event);

void rpc_close(struct cli *c);

#endif
