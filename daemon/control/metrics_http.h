/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_http.h: the metrics over HTTP, for a Prometheus beside the node (operator.md "Metrics").
 *
 * Off unless metrics.listen says where. It answers GET and HEAD of /metrics and nothing else, and
 * only under the name that it has: a Host that is no address of it is refused, so that no page in
 * somebody's browser can read it through a name of its own (DNS rebinding). One question a
 * connection. */
#ifndef P2POS_CONTROL_METRICS_HTTP_H
#define P2POS_CONTROL_METRICS_HTTP_H

#include "daemon/control/face.h"

#define METRICS_HTTP_CLIENTS_MAX 16    /* more are hung up on */
#define METRICS_HTTP_MS          10000 /* for a question and its answer; then it is hung up on */

struct metrics_http;

/* Listens where `node->config` says; *ret is NULL when it says nothing. The errors of tcp_listen().
 */
int metrics_http_open(struct control_node *node, struct metrics_http **ret);
/* NULL is fine. */
void metrics_http_close(struct metrics_http *m);

#endif
