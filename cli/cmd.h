/* SPDX-License-Identifier: Apache-2.0 */
/* cmd.h: the commands behind the table; each returns the exit code. */
#ifndef P2POS_CLI_CMD_H
#define P2POS_CLI_CMD_H

#include "cli/cli.h"

/* cmd_status.c */
int cmd_status(struct cli *c);
int cmd_health(struct cli *c);
int cmd_explain(struct cli *c);
int cmd_version(struct cli *c);
/* cmd_events.c */
int cmd_events(struct cli *c);
int cmd_timeline(struct cli *c);
/* cmd_init.c, cmd_join.c */
int cmd_init(struct cli *c);
int cmd_join(struct cli *c);
/* cmd_node.c */
int cmd_node_id(struct cli *c);
int cmd_node_addresses(struct cli *c);
int cmd_node_stop(struct cli *c);
int cmd_node_reload(struct cli *c);
int cmd_log_level(struct cli *c);
int cmd_metrics(struct cli *c);
/* cmd_member.c: asks */
int cmd_member_list(struct cli *c);
int cmd_member_show(struct cli *c);
int cmd_member_pending(struct cli *c);
int cmd_member_history(struct cli *c);
int cmd_member_export(struct cli *c);
int cmd_member_evidence(struct cli *c);
int cmd_member_verify(struct cli *c);
/* cmd_change.c: changes */
int cmd_member_approve(struct cli *c);
int cmd_member_add(struct cli *c);
int cmd_member_remove(struct cli *c);
int cmd_member_set(struct cli *c);
int cmd_member_rollback(struct cli *c);
int cmd_member_plan(struct cli *c);
int cmd_member_publish(struct cli *c);
/* cmd_sign.c: drafts, without a daemon */
int cmd_member_diff(struct cli *c);
int cmd_member_sign(struct cli *c);
/* cmd_peer.c */
int cmd_peer_list(struct cli *c);
int cmd_peer_show(struct cli *c);
int cmd_peer_ping(struct cli *c);
int cmd_peer_perf(struct cli *c);
int cmd_peer_connect(struct cli *c);
int cmd_peer_disconnect(struct cli *c);
int cmd_peer_identify(struct cli *c);
int cmd_peer_trace(struct cli *c);
int cmd_bootstrap_list(struct cli *c);
int cmd_bootstrap_resolve(struct cli *c);
int cmd_bootstrap_run(struct cli *c);
/* cmd_admin.c */
int cmd_admin_new(struct cli *c);
int cmd_admin_proof(struct cli *c);
int cmd_admin_bundle(struct cli *c);
/* cmd_key.c */
int cmd_key_generate(struct cli *c);
int cmd_key_show_id(struct cli *c);
int cmd_keygen(struct cli *c);
/* cmd_config.c */
int cmd_config_check(struct cli *c);
/* cmd_configure.c */
int cmd_config_show(struct cli *c);
int cmd_config_get(struct cli *c);
int cmd_config_set(struct cli *c);
int cmd_config_diff(struct cli *c);
int cmd_config_apply(struct cli *c);
int cmd_config_schema(struct cli *c);
/* The file that a command is about: the one given (may be NULL), else that of the node that answers, else
 * the system's. To be freed. */
char *config_locate(struct cli *c, const char *given, bool *ret_of_node);
/* cmd_log.c, cmd_convert.c, cmd_handover.c, cmd_completion.c */
int cmd_log_tail(struct cli *c);
int cmd_key_convert(struct cli *c);
int cmd_admin_import(struct cli *c);
int cmd_admin_rotate(struct cli *c);
int cmd_completion(struct cli *c);
/* cmd_doctor.c */
int cmd_doctor(struct cli *c);
/* cmd_db.c */
int cmd_db_check(struct cli *c);
int cmd_db_backup(struct cli *c);
int cmd_db_compact(struct cli *c);
/* cmd_debug.c, cmd_bundle.c */
int cmd_debug_memory(struct cli *c);
int cmd_debug_streams(struct cli *c);
int cmd_debug_timers(struct cli *c);
int cmd_debug_bundle(struct cli *c);
/* cmd_rpc.c */
int cmd_rpc_list(struct cli *c);
int cmd_rpc_call(struct cli *c);
int cmd_help(struct cli *c);

#endif
