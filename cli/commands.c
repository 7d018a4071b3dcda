/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <string.h>

#include "cli/cmd.h"

#define MANY CLI_ARGS_MAX

const struct cli_option cli_global_options[] = {
	{"json", NULL, "one JSON document on standard output, errors too", 0, false},
	{"field", "PATH", "print one value of the result, as node.peer_id", 0, false},
	{"socket", "PATH", "the daemon's socket (else P2POS_SOCKET, else " CLI_SOCKET_DEFAULT ")", 0, false},
	{"timeout", "TIME", "for one answer, as 500ms or 30s", 0, false},
	{"wait", "=60s", "wait so long for the daemon to answer", 0, false},
	{"no-input", NULL, "never ask; implied without a terminal and by --json", 0, false},
	{"yes", NULL, "answer yes", 'y', false},
	{"color", "WHEN", "auto, always or never", 0, false},
	{"quiet", NULL, "errors only", 'q', false},
	{"verbose", NULL, "show progress", 'v', false},
	{"help", NULL, "help, after a command for that command", 'h', false},
	{0},
};

#define OPT_ADMIN_KEY   {"admin-key", "@FILE", "the admin's private key or bundle; never leaves this process", 0, false}
#define OPT_ADMIN_PROOF {"admin-proof", "@FILE", "its proof, if it is not beside the key", 0, false}
#define OPT_SIGNER      {"signer", "CMD", "sign by this program: text on its standard input, base64 out", 0, false}
#define OPT_FORCE       {"force", NULL, "also without quorum, and when it would lock someone out", 0, false}
#define OPT_EXPECT      {"expect-hash", "HASH", "refuse unless this is the hash of the current snapshot", 0, false}
#define OPT_DRY_RUN     {"dry-run", NULL, "show the plan and stop there", 0, false}
#define OPT_FILE        {"file", "FILE", "this file, instead of the running node's", 0, false}
#define OPT_DATA_DIR    {"data-dir", "DIR", "a node of its own in DIR, without root", 0, false}
#define OPT_LISTEN      {"listen", "HOST:PORT", "where the node listens", 0, true}
#define OPT_ANNOUNCE    {"announce", "ADDR", "a multiaddr under which others reach the node", 0, true}
#define OPT_SYSTEM_KEY  {"system-key", "@FILE", "the system's private key", 0, false}
#define OPT_VALID       {"valid", "TIME", "how long the proof holds (default 365d)", 0, false}
#define CHANGE_OPTIONS  {OPT_ADMIN_KEY, OPT_ADMIN_PROOF, OPT_SIGNER, OPT_EXPECT, OPT_FORCE, OPT_DRY_RUN}

static const struct cli_command commands[] = {
	{"status", "", 0, 0, "node.status", "This node and the cluster on one screen",
		{"p2posctl status", "p2posctl status --field node.state"},
		{{"watch", "=2s", "again and again, so often", 0, false}}, cmd_status},
	{"health", "", 0, 0, "node.health", "One line; exit 0 healthy, 1 degraded, 2 unconfigured",
		{"p2posctl health", "p2posctl health --wait-for healthy --timeout 60s"},
		{{"wait-for", "STATE", "wait until the node is in this state", 0, false}}, cmd_health},
	{"explain", "[PEER | snapshot N|HASH]", 0, 2, "node.explain",
		"Why the state is what it is, and what would change it",
		{"p2posctl explain 12D3KooWEyop", "p2posctl explain snapshot 79fb9806"}, {{0}}, cmd_explain},
	{"init", "", 0, 0, NULL, "Make a new cluster with this machine as its first node",
		{"p2posctl init --cluster prod", "p2posctl init --cluster demo --data-dir n1 --listen 127.0.0.1:4101"},
		{{"cluster", "ID", "the cluster's name: 1 to 64 of A-Z a-z 0-9 . _ -", 0, false},
			{"dns", "NAME", "the domain under which nodes find each other", 0, false},
			{"admin-valid", "TIME", "how long the admin's proof holds (default 365d)", 0, false},
			{"join-valid", "TIME", "the join string is refused after that (default: never)", 0, false},
			{"out", "DIR", "where the secret files go (default /root/p2pos-ID)", 0, false},
			{"show-bundle", NULL, "print the Web Admin bundle, which is a secret", 0, false},
			OPT_DATA_DIR, OPT_LISTEN, OPT_ANNOUNCE},
		cmd_init},
	{"join", "STRING|@FILE|-", 1, 1, NULL, "Make a node that joins the cluster of a join string",
		{"p2posctl join 'p2pos-join://...'", "p2posctl join @/run/p2pos.join --wait 60s"},
		{{"wait", "TIME", "wait so long until an admin has let it in", 0, false}, OPT_DATA_DIR,
			OPT_LISTEN, OPT_ANNOUNCE},
		cmd_join},
	{"doctor", "", 0, 0, "node.status", "Check this node and its machine, each line with its cure",
		{"p2posctl doctor", "p2posctl doctor --first-node"},
		{{"first-node", NULL, "as for the first node of a cluster, by which others find it", 0, false},
			{"peer", "ADDR", "dial this address too, step by step", 0, false}},
		cmd_doctor},
	{"events", "", 0, 0, "events.subscribe", "What happens, as it happens, one line each",
		{"p2posctl events", "p2posctl events --filter type=state --until to=healthy"},
		{{"filter", "KEY=VALUE", "only events with this", 0, true},
			{"until", "KEY=VALUE", "end after the first event with this", 0, true}},
		cmd_events},
	{"timeline", "", 0, 0, "timeline.get", "State, presence and snapshot events in order",
		{"p2posctl timeline --since 2h", "p2posctl timeline --since 2026-11-20T02:00:00Z"},
		{{"since", "TIME", "not older: a time, or a duration before now", 0, false},
			{"until", "TIME", "not newer, likewise", 0, false},
			{"limit", "N", "the newest so many (default 1000)", 0, false}},
		cmd_timeline},
	{"metrics", "", 0, 0, "metrics.get", "All metrics as Prometheus text", {"p2posctl metrics", NULL},
		{{0}}, cmd_metrics},
	{"version", "", 0, 0, NULL, "The version of p2posctl, and of the daemon where it answers",
		{"p2posctl version", "p2posctl version --daemon"},
		{{"daemon", NULL, "fail when no daemon answers", 0, false}}, cmd_version},

	{"node id", "", 0, 0, "node.id", "The identity of this node", {"p2posctl node id", NULL}, {{0}},
		cmd_node_id},
	{"node addresses", "", 0, 0, "node.addresses", "Where this node listens, and where others see it",
		{"p2posctl node addresses", NULL}, {{0}}, cmd_node_addresses},
	{"node stop", "", 0, 0, "node.stop", "Stop this node in good order", {"p2posctl node stop", NULL},
		{{"force", NULL, "also when systemd runs it", 0, false}}, cmd_node_stop},
	{"node reload", "", 0, 0, "config.reload", "Read the configuration again and apply what can be applied",
		{"p2posctl node reload", NULL}, {{0}}, cmd_node_reload},

	{"member list", "", 0, 0, "member.list", "The members and what is known of each",
		{"p2posctl member list", "p2posctl --json member list"}, {{0}}, cmd_member_list},
	{"member show", "ID", 1, 1, "member.get", "One member in full", {"p2posctl member show 12D3KooWEyop", NULL},
		{{0}}, cmd_member_show},
	{"member pending", "", 0, 0, "member.pending", "Peers that knocked and are no members",
		{"p2posctl member pending", NULL}, {{0}}, cmd_member_pending},
	{"member approve", "ID...", 1, MANY, "member.plan", "Let in peers that knocked",
		{"p2posctl member approve 12D3KooWSvQ2 --admin-key @admin.key",
			"p2posctl --json member approve 12D3KooWSvQ2 --admin-key @admin.key --yes"},
		CHANGE_OPTIONS, cmd_member_approve},
	{"member add", "ID...", 1, MANY, "member.plan", "Add members by their full peer ids",
		{"p2posctl member add 12D3KooW... --admin-key @admin.key", NULL}, CHANGE_OPTIONS, cmd_member_add},
	{"member remove", "ID...", 1, MANY, "member.plan", "Put members out",
		{"p2posctl member remove 12D3KooWKnGd --admin-key @admin.key", NULL}, CHANGE_OPTIONS,
		cmd_member_remove},
	{"member set", "@FILE", 1, 1, "member.plan", "Make the members exactly those listed in a file",
		{"p2posctl member set @members.txt --admin-key @admin.key", NULL}, CHANGE_OPTIONS, cmd_member_set},
	{"member rollback", "N|HASH", 1, 1, "member.plan", "Publish the members of an earlier snapshot again",
		{"p2posctl member rollback 1 --admin-key @admin.key", NULL}, CHANGE_OPTIONS, cmd_member_rollback},
	{"member plan", "", 0, 0, "member.plan", "Print an unsigned draft of a change, for review",
		{"p2posctl member plan --add 12D3KooW... > draft.json", NULL},
		{{"add", "ID", "let in", 0, true}, {"remove", "ID", "put out", 0, true},
			{"set", "@FILE", "exactly the members of this file", 0, false},
			{"rollback", "N|HASH", "the members of an earlier snapshot", 0, false}},
		cmd_member_plan},
	{"member diff", "[A] [B]", 0, 2, NULL, "What a draft changes, or what lies between two snapshots",
		{"p2posctl member diff draft.json", "p2posctl member diff 1 0"}, {{0}}, cmd_member_diff},
	{"member sign", "DRAFT", 1, 1, NULL, "Sign a draft, without daemon and network",
		{"p2posctl member sign draft.json --admin-key @admin.key > signed.json",
			"p2posctl member sign draft.json --admin-proof @admin.proof --signer 'ssh vault sign' > signed.json"},
		{OPT_ADMIN_KEY, OPT_ADMIN_PROOF, OPT_SIGNER}, cmd_member_sign},
	{"member verify", "@FILE", 1, 1, "member.verify", "Would this signed snapshot be taken? Does this evidence prove anything?",
		{"p2posctl member verify @signed.json",
			"p2posctl member verify @signed.json --system-pubkey CAESIA... --cluster prod"},
		{{"system-pubkey", "KEY", "verify here with this key, without a daemon", 0, false},
			{"cluster", "ID", "of this cluster (with --system-pubkey)", 0, false}},
		cmd_member_verify},
	{"member publish", "@FILE", 1, 1, "member.publish", "Publish a signed snapshot",
		{"p2posctl member publish @signed.json", "p2posctl member publish @signed.json --expect-hash 3f2a..."},
		{OPT_EXPECT, OPT_FORCE,
			{"to", "ADDR", "straight to this node over libp2p, without a daemon here", 0, true},
			{"admin-key", "@FILE", "dial as this admin; --expect-hash with --to needs it", 0, false}},
		cmd_member_publish},
	{"member history", "", 0, 0, "member.history", "The accepted snapshots, newest first",
		{"p2posctl member history", NULL}, {{"limit", "N", "how many", 0, false}}, cmd_member_history},
	{"member evidence", "[HASH]", 0, 1, "member.evidence", "Two valid snapshots for one instant, as a proof for anyone",
		{"p2posctl member evidence > proof.json", NULL}, {{0}}, cmd_member_evidence},
	{"member export", "[HASH]", 0, 1, "member.export", "A signed snapshot as it was received",
		{"p2posctl member export > snapshot.json", NULL}, {{0}}, cmd_member_export},

	{"peer list", "", 0, 0, "peer.list", "The open connections", {"p2posctl peer list", NULL}, {{0}},
		cmd_peer_list},
	{"peer show", "ID", 1, 1, "peer.get", "One connected peer in full", {"p2posctl peer show 12D3KooWEyop", NULL},
		{{0}}, cmd_peer_show},
	{"peer ping", "ID", 1, 1, "peer.ping", "Measure the round trip to a connected peer",
		{"p2posctl peer ping 12D3KooWEyop --count 3", NULL},
		{{"count", "N", "how often (default 5)", 'c', false}}, cmd_peer_ping},
	{"peer perf", "ID|ADDR", 1, 1, "peer.perf", "Measure how fast bytes go to a peer and come back",
		{"p2posctl peer perf 12D3KooWEyop",
			"p2posctl peer perf /ip4/192.0.2.7/tcp/4100/p2p/12D3KooW... --up 1GiB --down 0"},
		{{"up", "BYTES", "how many to send, as 64MiB (default 16MiB)", 0, false},
			{"down", "BYTES", "how many to get back (default 16MiB)", 0, false},
			{"streams", "N", "that share them at once, 1 to 8 (default 1)", 0, false}},
		cmd_peer_perf},
	{"peer connect", "ADDR", 1, 1, "peer.connect", "Open a connection",
		{"p2posctl peer connect /ip4/192.0.2.7/tcp/4100/p2p/12D3KooW...", NULL}, {{0}}, cmd_peer_connect},
	{"peer disconnect", "ID", 1, 1, "peer.disconnect", "Close the connection to a peer",
		{"p2posctl peer disconnect 12D3KooWEyop", NULL}, {{0}}, cmd_peer_disconnect},
	{"peer identify", "ID", 1, 1, "peer.identify", "Ask a connected peer who it is and what it speaks",
		{"p2posctl peer identify 12D3KooWEyop", NULL}, {{0}}, cmd_peer_identify},
	{"peer trace", "ADDR", 1, 1, "peer.trace", "Dial and show each step with its time or its error",
		{"p2posctl peer trace /dns4/node.example.org/tcp/4100", NULL}, {{0}}, cmd_peer_trace},

	{"bootstrap list", "", 0, 0, "bootstrap.list", "Where this node looks for its cluster",
		{"p2posctl bootstrap list", NULL}, {{0}}, cmd_bootstrap_list},
	{"bootstrap resolve", "[NAME]", 0, 1, "bootstrap.resolve", "What the names resolve to now",
		{"p2posctl bootstrap resolve example.org", NULL}, {{0}}, cmd_bootstrap_resolve},
	{"bootstrap run", "", 0, 0, "bootstrap.run", "Ask and dial the bootstrap list now",
		{"p2posctl bootstrap run", NULL}, {{0}}, cmd_bootstrap_run},

	{"admin new", "", 0, 0, NULL, "Make a further admin with the system key",
		{"p2posctl admin new --cluster prod --system-key @system.key --out alice", NULL},
		{{"cluster", "ID", "the cluster", 0, false}, OPT_SYSTEM_KEY, OPT_VALID,
			{"out", "DIR", "where the files go", 0, false}},
		cmd_admin_new},
	{"admin proof", "show|verify|renew [@FILE]", 1, 2, NULL, "Show, verify or renew an admin's proof",
		{"p2posctl admin proof show @admin.proof",
			"p2posctl admin proof renew @admin.proof --system-key @system.key > fresh.proof"},
		{OPT_SYSTEM_KEY, OPT_VALID, {"system-pubkey", "KEY", "verify with this key", 0, false}},
		cmd_admin_proof},
	{"admin bundle", "", 0, 0, NULL, "Make the bundle that the Web Admin takes; it is a secret",
		{"p2posctl admin bundle --admin-key @admin.key --bootstrap example.org --out admin.bundle", NULL},
		{OPT_ADMIN_KEY, OPT_ADMIN_PROOF, {"bootstrap", "NAME", "a domain or a multiaddr", 0, false},
			{"system-pubkey", "KEY", "the cluster's system key", 0, false},
			{"out", "FILE", "written with mode 0600", 0, false},
			{"show-bundle", NULL, "print it on standard output", 0, false}},
		cmd_admin_bundle},

	{"admin import", "@BUNDLE", 1, 1, NULL, "Make key and proof files out of an admin's bundle",
		{"p2posctl admin import @admin.bundle --out alice", NULL},
		{{"out", "DIR", "where the files go", 0, false}}, cmd_admin_import},
	{"admin rotate", "@PROOF", 1, 1, NULL, "A new key and proof in place of an admin's old ones",
		{"p2posctl admin rotate @admin.proof --system-key @system.key --out alice-2", NULL},
		{OPT_SYSTEM_KEY, OPT_VALID, {"out", "DIR", "where the files go", 0, false}}, cmd_admin_rotate},

	{"key generate", "", 0, 0, NULL, "Make an Ed25519 key",
		{"p2posctl key generate --out node.key", NULL},
		{{"out", "FILE", "written with mode 0600; standard output without it", 0, false}},
		cmd_key_generate},
	{"key show-id", "@FILE", 1, 1, NULL, "The peer id of a private or public key",
		{"p2posctl key show-id @node.key", NULL}, {{0}}, cmd_key_show_id},
	{"key convert", "@FILE", 1, 1, NULL, "A private key in another form",
		{"p2posctl key convert @node.key --to pem --out node.pem", "p2posctl key convert @id.pem > node.key"},
		{{"to", "FORM", "base64 (default), pem, hex or protobuf", 0, false},
			{"out", "FILE", "written with mode 0600; standard output without it", 0, false}},
		cmd_key_convert},
	{"keygen", "", 0, 0, NULL, "Keys as KEY=VALUE lines, for scripts",
		{"p2posctl keygen", "p2posctl keygen --new-system --cluster-id prod --out-dir keys"},
		{{"new-system", NULL, "a system key and an admin with its proof, too", 0, false},
			{"cluster-id", "ID", "for the proof (default: default)", 0, false},
			{"admin-valid-to", "TIME", "end of the proof (default: in a year)", 0, false},
			{"node-priv", "B64|@FILE", "use this node key", 0, false},
			{"out-dir", "DIR", "files of mode 0600 instead of lines", 0, false}},
		cmd_keygen},

	{"config check", "[FILE]", 0, 1, NULL, "Check a configuration file, else the running node's",
		{"p2posctl config check", "p2posctl config check ./config.json --strict"},
		{{"strict", NULL, "warnings are errors", 0, false}}, cmd_config_check},
	{"config show", "", 0, 0, "config.get", "The configuration of the running node, secrets hidden",
		{"p2posctl config show --effective", NULL},
		{{"effective", NULL, "with the defaults filled in", 0, false},
			{"show-secrets", NULL, "the file as it is, on a terminal", 0, false},
			{"force", NULL, "secrets also to what is no terminal", 0, false}},
		cmd_config_show},
	{"config get", "KEY", 1, 1, "config.effective", "One value in force, bare",
		{"p2posctl config get heartbeat.interval", NULL}, {OPT_FILE}, cmd_config_get},
	{"config set", "KEY VALUE", 2, 2, "config.reload", "Change one key of the file and let the node read it",
		{"p2posctl config set log.level debug", "p2posctl config set listen '[\"0.0.0.0:4100\"]'"},
		{OPT_FILE, OPT_DRY_RUN}, cmd_config_set},
	{"config diff", "", 0, 0, "config.effective", "What the file says and the running node does not do",
		{"p2posctl config diff", NULL}, {OPT_FILE}, cmd_config_diff},
	{"config apply", "FILE|-", 1, 1, "config.reload", "Replace the whole file after showing what changes",
		{"p2posctl config apply new.json", "p2posctl config apply new.json --dry-run"},
		{OPT_FILE, OPT_DRY_RUN}, cmd_config_apply},
	{"config schema", "", 0, 0, NULL, "The JSON schema of the configuration",
		{"p2posctl config schema > config.schema.json", NULL}, {{0}}, cmd_config_schema},
	{"log level", "[MODULE] [LEVEL]", 0, 2, "log.set_level", "Show or change the log level until the next start",
		{"p2posctl log level", "p2posctl log level network debug"}, {{0}}, cmd_log_level},
	{"db check", "", 0, 0, "db.check", "Does the database hold together", {"p2posctl db check", NULL}, {{0}},
		cmd_db_check},
	{"db backup", "FILE", 1, 1, "db.backup", "A consistent copy of the database while the node goes on",
		{"p2posctl db backup /var/lib/p2pos/backup.db", NULL}, {{0}}, cmd_db_backup},
	{"db compact", "", 0, 0, "db.compact", "Give unused space of the database back",
		{"p2posctl db compact", NULL}, {{0}}, cmd_db_compact},
	{"debug bundle", "", 0, 0, "rpc.hello", "One file for whoever is to help, without secrets",
		{"p2posctl debug bundle --out bundle.tar.gz", NULL},
		{{"out", "FILE", "where (default p2pos-bundle-TIME.tar.gz here)", 0, false}}, cmd_debug_bundle},
	{"debug streams", "", 0, 0, "debug.streams", "The open streams", {"p2posctl debug streams", NULL}, {{0}},
		cmd_debug_streams},
	{"debug timers", "", 0, 0, "debug.timers", "What the node waits for, and until when",
		{"p2posctl debug timers", NULL}, {{0}}, cmd_debug_timers},
	{"debug memory", "", 0, 0, "debug.memory", "What is in use of each bound", {"p2posctl debug memory", NULL},
		{{0}}, cmd_debug_memory},
	{"log tail", "", 0, 0, "log.tail", "The newest lines of the log, and what follows them",
		{"p2posctl log tail --lines 100", "p2posctl log tail --follow"},
		{{"lines", "N", "how many of the newest (default 20)", 0, false},
			{"follow", NULL, "go on with each new line", 'f', false}},
		cmd_log_tail},
	{"rpc list", "", 0, 0, "rpc.list", "All methods of the control socket", {"p2posctl rpc list", NULL}, {{0}},
		cmd_rpc_list},
	{"rpc call", "METHOD [JSON|@FILE|-]", 1, 2, "rpc.call", "Call a method of the control socket",
		{"p2posctl rpc call node.status", "p2posctl rpc call member.get '{\"peer\":\"12D3KooWEyop\"}'"},
		{{0}}, cmd_rpc_call},
	{"completion", "bash|zsh|fish", 1, MANY, NULL, "The completion script of a shell",
		{"p2posctl completion bash > /usr/share/bash-completion/completions/p2posctl", NULL}, {{0}},
		cmd_completion},
	{"help", "", 0, 0, NULL, "This list",
		{"p2posctl help", "p2posctl help --reference > docs/p2posctl.md"},
		{{"reference", NULL, "the whole reference as Markdown", 0, false},
			{"man", "PART", "a list for the manual pages: commands, config, methods, errors", 0, false}},
		cmd_help},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

const struct cli_command *cli_command_at(unsigned index)
{
	return index < COMMANDS ? &commands[index] : NULL;
}

const struct cli_command *cli_command_find(const char *first, const char *second)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const char *w = commands[i].words;
		size_t len = strcspn(w, " ");

		if (strlen(first) != len || strncmp(first, w, len) != 0)
			continue;
		if (!w[len] || (second && strcmp(second, w + len + 1) == 0))
			return &commands[i];
	}
	return NULL;
}

bool cli_is_noun(const char *noun)
{
	size_t len = strlen(noun);

	for (size_t i = 0; i < COMMANDS; i++)
		if (strncmp(commands[i].words, noun, len) == 0 && commands[i].words[len] == ' ')
			return true;
	return false;
}
