/* SPDX-License-Identifier: Apache-2.0 */
/* The line reader, requests, parameters and replies of the control socket, fed with anything. The
 * first byte says how the input is cut. */
#include <assert.h>

#include "proto/rpc/jsonrpc.h"
#include "proto/rpc/methods.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_line(struct bytes line)
{
	struct rpc_params_fault fault;
	struct rpc_requests r;
	struct rpc_reply reply;
	int code = 0;

	if (rpc_requests_parse(line, &r, &code) == 0) {
		for (size_t i = 0; i < r.count; i++) {
			const struct rpc_method *m =
				r.at[i].method ? rpc_method_find(r.at[i].method) : NULL;

			assert(r.at[i].error || r.at[i].method);
			if (m)
				(void)rpc_params_check(m, r.at[i].params, &fault);
			else if (r.at[i].method)
				(void)rpc_method_nearest(r.at[i].method);
		}
		rpc_requests_deinit(&r);
	} else {
		assert(code == RPC_ERR_PARSE || code == RPC_ERR_REQUEST);
	}
	if (rpc_reply_parse(line, &reply) == 0)
		rpc_reply_deinit(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece = size > 0 ? (size_t)data[0] + 1 : 1;
	struct bytes rest = bytes_from(bytes_of(data, size), 1);
	struct rpc_lines lines;
	struct bytes line;

	rpc_lines_init(&lines, 4096);
	while (rest.len > 0) {
		int got;

		rpc_lines_feed(&lines, bytes_head(rest, piece));
		rest = bytes_from(rest, piece);
		while ((got = rpc_lines_next(&lines, &line)) == 1)
			one_line(line);
		if (got < 0)
			break;
	}
	rpc_lines_deinit(&lines);
	one_line(bytes_from(bytes_of(data, size), 1));
	return 0;
}
