#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# playbook.sh: makes the hosts of an inventory one cluster, and keeps them so: every task looks first
# and tells `ok` or `changed`, so that a run over a finished cluster changes nothing. What it does on
# a host is what any tool of this sort would do there: copy a directory, run install.sh, ask p2posctl.
#
#   playbook.sh --cluster ID --material DIR --inventory FILE [--run COMMAND]
#
# --material: a directory made by packaging/offline.sh. --inventory: one host a line, # begins a
# comment; the first host founds the cluster and keeps its admin key (/root/p2pos-ID). --run: how to
# run a command on a host as root, called as COMMAND HOST LINE with what it needs on standard input
# (default: ssh -o BatchMode=yes).
#
# Exit: 0, 1 (a task failed on a host; the others were done), 64 (usage), 66 (missing input).
set -eu

RUN="ssh -o BatchMode=yes"
CLUSTER=
MATERIAL=
INVENTORY=
PLACE=/var/tmp/p2pos
TMP=

die() { # exit code, message
  code=$1
  shift
  printf '%s\n' "playbook.sh: $*" >&2
  exit "$code"
}

parse_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in --cluster | --material | --inventory | --run) ;; *) die 64 "unknown argument '$1'" ;; esac
    [ -n "${2:-}" ] || die 64 "$1 needs a value"
    case $1 in
      --cluster) CLUSTER=$2 ;;
      --material) MATERIAL=$2 ;;
      --inventory) INVENTORY=$2 ;;
      --run) RUN=$2 ;;
    esac
    shift 2
  done
  case $CLUSTER in '' | *[!A-Za-z0-9._-]*) die 64 "--cluster ID is wanted: A-Z a-z 0-9 . _ -" ;; esac
  [ -f "$MATERIAL/SHA256SUMS" ] || die 66 "--material: '$MATERIAL' is no directory made by packaging/offline.sh"
  [ -f "$INVENTORY" ] || die 66 "--inventory: there is no file '$INVENTORY'"
  HOSTS=$(sed 's/#.*//' "$INVENTORY" | tr -s ' \t\r' '\n' | grep . || true)
  [ -n "$HOSTS" ] || die 66 "$INVENTORY names no host"
  FIRST=$(printf '%s\n' "$HOSTS" | head -n 1)
}

# Runs a line on a host; standard input goes along.
on() { # host, line
  # shellcheck disable=SC2086 # a command and its options
  $RUN "$1" "$2"
}

tell() { # host, ok or changed or FAILED, task
  printf '%-8s %-16s %s\n' "$2" "$1" "$3"
  echo "$2 $1" >>"$TMP/told"
}
failed() { # host, task, what it said
  tell "$1" FAILED "$2"
  sed 's/^/         | /' "$3"
}
is_well() { ! grep -qxF "FAILED $1" "$TMP/told"; } # host

copy_material() { # host
  if on "$1" "cd $PLACE 2>/dev/null && sha256sum -c --quiet - 2>/dev/null" <"$MATERIAL/SHA256SUMS" >/dev/null; then
    tell "$1" ok "material is there"
  elif tar -C "$MATERIAL" -cf - . | on "$1" "mkdir -p $PLACE && tar -C $PLACE --no-same-owner -xf -" >"$TMP/said" 2>&1; then
    tell "$1" changed "material copied"
  else
    failed "$1" "material copied" "$TMP/said"
  fi
}

# What install.sh answers begins with {"api":1,"changed":true or false.
install_on() { # host, words for install.sh; standard input goes along
  if on "$1" "$PLACE/install.sh --offline $PLACE --yes --json $2" >"$TMP/result" 2>"$TMP/said"; then
    case $(tail -n 1 "$TMP/result") in
      '{"api":1,"changed":true'*) tell "$1" changed "p2pos installed" ;;
      *) tell "$1" ok "p2pos installed" ;;
    esac
  else
    tail -n 1 "$TMP/result" >>"$TMP/said"
    failed "$1" "p2pos installed" "$TMP/said"
  fi
}

found() {
  copy_material "$FIRST"
  is_well "$FIRST" || return 0
  install_on "$FIRST" "--init $CLUSTER" </dev/null
  is_well "$FIRST" || return 0
  on "$FIRST" "p2posctl --field join init --cluster $CLUSTER" </dev/null >"$TMP/join"
}

join() { # host
  copy_material "$1"
  is_well "$1" || return 0
  install_on "$1" "--join -" <"$TMP/join"
}

# Lets in, by one snapshot, all hosts that are no members yet. A host knocks as soon as it runs, but
# the first node may take a moment to know it.
approve() {
  wanted=
  for host in $HOSTS; do
    is_well "$host" || continue
    id=$(on "$host" "p2posctl --wait=30s --field peer_id node id" </dev/null 2>"$TMP/said") || {
      failed "$host" "node answers" "$TMP/said"
      continue
    }
    grep -qF "$id" "$TMP/members" || wanted="$wanted $id"
  done
  if [ -z "$wanted" ]; then
    tell "$FIRST" ok "all are members"
  elif on "$FIRST" "for id in $wanted; do
      n=0
      until p2posctl --json member pending | grep -q \$id; do n=\$((n + 1)); [ \$n -lt 60 ] || break; sleep 1; done
    done
    p2posctl --json --yes member approve$wanted --admin-key @/root/p2pos-$CLUSTER/admin.key" </dev/null >"$TMP/said" 2>&1; then
    tell "$FIRST" changed "members let in:$wanted"
  else
    failed "$FIRST" "members let in" "$TMP/said"
  fi
}

wait_healthy() { # host
  if on "$1" "p2posctl health --wait-for healthy --timeout 60s" </dev/null >"$TMP/said" 2>&1; then
    tell "$1" ok "$(cat "$TMP/said")"
  else
    failed "$1" healthy "$TMP/said"
  fi
}

recap() {
  echo
  for host in $HOSTS; do
    printf '%-16s ok=%s changed=%s failed=%s\n' "$host" "$(grep -cxF "ok $host" "$TMP/told")" \
      "$(grep -cxF "changed $host" "$TMP/told")" "$(grep -cxF "FAILED $host" "$TMP/told")"
  done
  ! grep -q ^FAILED "$TMP/told"
}

main() {
  parse_arguments "$@"
  TMP=$(mktemp -d)
  trap 'rm -rf "$TMP"' EXIT
  : >"$TMP/told"
  found
  if is_well "$FIRST"; then
    for host in $HOSTS; do
      [ "$host" = "$FIRST" ] || join "$host"
    done
    on "$FIRST" "p2posctl --json member list" </dev/null >"$TMP/members"
    approve
    for host in $HOSTS; do
      ! is_well "$host" || wait_healthy "$host"
    done
  fi
  recap
}

main "$@"
