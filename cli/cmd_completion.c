/* SPDX-License-Identifier: Apache-2.0 */
/* completion: a short script for each shell, which asks this program again what may come next. So the
 * table of commands is the only list, and ids come from the daemon while it answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/rpc.h"
#include "proto/base/mem.h"

#define IDS_MS 200 /* nobody waits longer for a key press */

static const char bash_script[] =
	"# bash completion for p2posctl; made by `p2posctl completion bash`\n"
	"_p2posctl() {\n"
	"  local IFS=$'\\n'\n"
	"  # shellcheck disable=SC2207 # one word a line\n"
	"  COMPREPLY=($(\"${COMP_WORDS[0]}\" completion words -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null))\n"
	"}\n"
	"complete -o default -F _p2posctl p2posctl\n";

static const char zsh_script[] =
	"#compdef p2posctl\n"
	"# zsh completion for p2posctl; made by `p2posctl completion zsh`\n"
	"_p2posctl() {\n"
	"  local -a found\n"
	"  found=(${(f)\"$(${words[1]} completion words -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\"})\n"
	"  if (( ${#found} )); then compadd -Q -- $found; else _files; fi\n"
	"}\n"
	"if [ \"$funcstack[1]\" = _p2posctl ]; then _p2posctl \"$@\"; else compdef _p2posctl p2posctl; fi\n";

static const char fish_script[] =
	"# fish completion for p2posctl; made by `p2posctl completion fish`\n"
	"function __p2posctl_words\n"
	"    set -l words (commandline -opc) (commandline -ct)\n"
	"    p2posctl completion words -- $words[2..-1] 2>/dev/null\n"
	"end\n"
	"complete -c p2posctl -a '(__p2posctl_words)'\n";

static void offer(const char *word, size_t len, const char *partial)
{
	if (strncmp(word, partial, strlen(partial)) == 0 && strlen(partial) <= len)
		printf("%.*s\n", (int)len, word);
}

static void offer_all(const char *words, const char *partial)
{
	for (; *words; words += strspn(words, " ")) {
		size_t len = strcspn(words, " ");

		offer(words, len, partial);
		words += len;
	}
}

/* ---- commands and options ---- */

static void offer_commands(const char *noun, const char *partial)
{
	const struct cli_command *cmd;
	char last[64] = "";

	for (unsigned i = 0; (cmd = cli_command_at(i)); i++) {
		const char *w = cmd->words, *second = strchr(w, ' ');
		size_t len = strcspn(w, " ");

		if (noun && second && strlen(noun) == len && strncmp(w, noun, len) == 0)
			offer(second + 1, strlen(second + 1), partial);
		if (!noun && (strlen(last) != len || strncmp(last, w, len) != 0)) {
			offer(w, len, partial);
			snprintf(last, sizeof(last), "%.*s", (int)len, w);
		}
	}
}

static void offer_option(const struct cli_option *o, const char *partial)
{
	char text[64];

	snprintf(text, sizeof(text), "--%s", o->name);
	offer(text, strlen(text), partial);
}

static void offer_options(const struct cli_command *cmd, const char *partial)
{
	for (int i = 0; cmd && i < CLI_OPTIONS_MAX && cmd->options[i].name; i++)
		offer_option(&cmd->options[i], partial);
	for (const struct cli_option *o = cli_global_options; o->name; o++)
		offer_option(o, partial);
}

/* The option of this word that wants the next one as its value, or NULL. */
static const struct cli_option *wants_value(const struct cli_command *cmd, const char *word)
{
	const struct cli_option *lists[] = {cmd ? cmd->options : NULL, cli_global_options};

	if (strncmp(word, "--", 2) != 0 || strchr(word, '='))
		return NULL;
	for (int k = 0; k < 2; k++)
		for (int i = 0; lists[k] && (k || i < CLI_OPTIONS_MAX) && lists[k][i].name; i++)
			if (strcmp(lists[k][i].name, word + 2) == 0 && lists[k][i].value && lists[k][i].value[0] != '=')
				return &lists[k][i];
	return NULL;
}

/* ---- values ---- */

static void offer_ids(struct cli *c, const char *method, const char *list, const char *partial)
{
	char reason[32];
	json_t *r = NULL;
	const json_t *p;
	size_t i;

	if (rpc_try(c, method, NULL, IDS_MS, &r, reason) == 0)
		json_array_foreach(json_object_get(r, list), i, p)
			offer(out_text(p, "peer_id"), strlen(out_text(p, "peer_id")), partial);
	json_decref(r);
}

static void offer_value(const struct cli_option *o, const char *partial)
{
	if (strcmp(o->value, "STATE") == 0)
		offer_all("healthy degraded unconfigured", partial);
	else if (strcmp(o->value, "WHEN") == 0)
		offer_all("auto always never", partial);
	else if (strcmp(o->value, "FORM") == 0)
		offer_all("base64 pem hex protobuf", partial);
}

static void offer_argument(struct cli *c, const struct cli_command *cmd, const char *partial)
{
	const char *w = cmd->words;

	if (strcmp(w, "member approve") == 0)
		offer_ids(c, "member.pending", "pending", partial);
	else if (strcmp(w, "peer disconnect") == 0 || strcmp(w, "peer show") == 0 || strcmp(w, "peer ping") == 0 ||
		strcmp(w, "peer identify") == 0)
		offer_ids(c, "peer.list", "peers", partial);
	else if (strncmp(cmd->args, "ID", 2) == 0 || strcmp(cmd->args, "[PEER]") == 0)
		offer_ids(c, "member.list", "members", partial);
	else if (strcmp(w, "log level") == 0)
		offer_all("error warn info debug", partial);
	else if (strcmp(w, "admin proof") == 0)
		offer_all("show verify renew", partial);
	else if (strcmp(w, "completion") == 0)
		offer_all("bash zsh fish", partial);
}

/* What may stand in place of the last word, one a line; nothing: the shell offers files. */
static int offer_words(struct cli *c, int n, char **words)
{
	const char *partial = n ? words[n - 1] : "", *first = NULL;
	const struct cli_command *cmd = NULL;
	const struct cli_option *o;

	for (int i = 0; i + 1 < n; i++) {
		o = wants_value(cmd, words[i]);
		if (o && i + 2 == n) {
			offer_value(o, partial);
			return CLI_OK;
		}
		if (o)
			i++;
		else if (words[i][0] == '-' || cmd)
			continue;
		else if (!first && cli_is_noun(words[i]))
			first = words[i];
		else
			cmd = cli_command_find(first ? first : words[i], first ? words[i] : NULL);
	}
	if (partial[0] == '-')
		offer_options(cmd, partial);
	else if (cmd)
		offer_argument(c, cmd, partial);
	else
		offer_commands(first, partial);
	return CLI_OK;
}

static void print_script(struct cli *c, json_t *r)
{
	(void)c;
	fputs(out_text(r, "script"), stdout);
}

int cmd_completion(struct cli *c)
{
	static const struct {
		const char *shell, *script;
	} scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
	const char *what = c->argv[0];

	if (strcmp(what, "words") == 0)
		return offer_words(c, c->argc - 1, c->argv + 1);
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		if (strcmp(what, scripts[i].shell) == 0)
			return out_result(c, json_pack("{s:s,s:s}", "shell", what, "script", scripts[i].script), CLI_OK,
				print_script);
	return out_fail(c, CLI_USAGE, "bash, zsh or fish", "completion: '%s' is no shell that it knows", what);
}
