# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the tests of this folder share.
set -eu
SECOND=/tmp/p2pos-second

say() { printf '== %s\n' "$*"; }
die() {
  printf 'FAILED: %s\n' "$*"
  systemctl --no-pager --full status p2posd p2pos-state || true
  journalctl --no-pager -n 50 -u p2posd -u 'p2pos-*' || true
  exit 1
}
# Asks until it is so, for at most two minutes.
until_so() { # what, command…
  what=$1
  shift
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || die "never came: $what"
    sleep 0.2
  done
}
second() { p2posctl --socket "$SECOND/p2posd.sock" "$@"; }
is_active() { systemctl is-active --quiet "$1"; }
is_inactive() { ! systemctl is-active --quiet "$1"; }
no_jobs() { [ -z "$(systemctl list-jobs --no-legend)" ]; }

# The tests start it more often than the unit allows in five minutes.
systemctl reset-failed p2posd.service 2>/dev/null || true
