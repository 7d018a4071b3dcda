#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh: builds p2posd and p2posctl from this checkout, installs them, and, if asked, makes
# this machine the first node of a new cluster or lets it join one. It installs only: identity is
# the business of `p2posctl init` and `p2posctl join`. A second run builds and installs again and
# changes no configuration and no key.
set -eu

PREFIX=/usr/local
INIT_ID=
JOIN=
START=yes
DRY_RUN=no
CONFIG=/etc/p2pos/config.json
STATE=/var/lib/p2pos
RUN=/run/p2pos
LOG=/var/log/p2posd.log
BUILD_PACKAGES="gcc make pkg-config libc6-dev libuv1-dev libsodium-dev libsqlite3-dev libc-ares-dev
  libjansson-dev libgnutls28-dev libngtcp2-dev libngtcp2-crypto-gnutls-dev libsmartcols-dev
  uthash-dev"

usage() {
  cat <<'TEXT'
usage: sudo ./install.sh [--init CLUSTER_ID | --join STRING|@FILE|-] [--no-start]
                         [--prefix DIR] [--dry-run] [--help]

  --init ID     make this machine the first node of the new cluster ID
  --join STR    make a node that joins the cluster of a join string (or @FILE, or - for stdin)
  --no-start    install, but do not start the daemon
  --prefix DIR  where to install (default /usr/local)
  --dry-run     print the commands, touch nothing
TEXT
}

say() { printf '%s\n' "install.sh: $*"; }
die() { # exit code, message
  code=$1
  shift
  printf '%s\n' "install.sh: $*" >&2
  exit "$code"
}
run() {
  if [ "$DRY_RUN" = yes ]; then
    printf '  %s\n' "$*"
  else
    "$@"
  fi
}

parse_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --init | --join | --prefix)
        [ $# -ge 2 ] || die 64 "$1 needs a value"
        case $1 in
          --init) INIT_ID=$2 ;;
          --join) JOIN=$2 ;;
          --prefix) PREFIX=$2 ;;
        esac
        shift
        ;;
      --no-start) START=no ;;
      --dry-run) DRY_RUN=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) die 64 "unknown argument '$1' (see --help)" ;;
    esac
    shift
  done
  if [ -n "$INIT_ID" ] && [ -n "$JOIN" ]; then
    die 64 "--init and --join exclude each other"
  fi
  case $INIT_ID in
    *[!A-Za-z0-9._-]*) die 64 "a cluster id has only A-Z a-z 0-9 . _ - : '$INIT_ID'" ;;
  esac
  [ "${#INIT_ID}" -le 64 ] || die 64 "a cluster id has at most 64 characters"
}

check_machine() {
  [ -f daemon/main.c ] || die 66 "run it from the checkout (no daemon/main.c here)"
  [ "$DRY_RUN" = yes ] || [ "$(id -u)" -eq 0 ] || die 77 "needs root: sudo ./install.sh"
  command -v apt-get >/dev/null 2>&1 ||
    die 69 "needs apt-get (Debian 12 or later); elsewhere: install the libraries README.md names, then make install"
}

install_packages() {
  dry=
  [ "$DRY_RUN" = no ] || dry=--dry-run
  # shellcheck disable=SC2086 # lists of words
  packaging/apt-packages.sh $dry $BUILD_PACKAGES || die 69 "the packages are not all there (see above)"
}

build_and_install() {
  say "building"
  run make -s -j "$(nproc)"
  run make -s install PREFIX="$PREFIX"
}

has_systemd() { [ -d /run/systemd/system ]; }

prepare_user() {
  if ! getent group p2pos >/dev/null; then
    run groupadd --system p2pos
  fi
  if ! getent passwd p2pos >/dev/null; then
    run useradd --system --gid p2pos --home-dir "$STATE" --no-create-home --shell /usr/sbin/nologin p2pos
  fi
  run install -d -o root -g p2pos -m 0750 "$(dirname "$CONFIG")"
  run install -d -o p2pos -g p2pos -m 0750 "$STATE"
}

make_identity() {
  if [ -n "$INIT_ID" ]; then
    run "$PREFIX/bin/p2posctl" init --cluster "$INIT_ID"
  elif [ -n "$JOIN" ]; then
    run "$PREFIX/bin/p2posctl" join "$JOIN"
  fi
}

start_under_systemd() {
  say "starting p2posd.service"
  run systemctl daemon-reload
  run systemctl enable --quiet p2posd.service
  run systemctl restart p2posd.service
}

# No systemd: the daemon runs in the background until the machine stops; nothing restarts it.
start_in_background() {
  say "systemd does not run here: starting p2posd in the background, log in $LOG"
  run install -d -o p2pos -g p2pos -m 0755 "$RUN"
  if "$PREFIX/bin/p2posctl" version --daemon >/dev/null 2>&1; then
    say "a daemon runs already; stopping it first"
    run "$PREFIX/bin/p2posctl" node stop
    # It has answered, but it still says goodbye and closes the database.
    [ ! -e "$STATE/p2pos.lock" ] || run flock --wait 20 "$STATE/p2pos.lock" true
  fi
  if [ "$DRY_RUN" = yes ]; then
    printf '  %s\n' "setpriv --reuid p2pos --regid p2pos --init-groups $PREFIX/bin/p2posd >>$LOG 2>&1 &"
    return
  fi
  setsid setpriv --reuid p2pos --regid p2pos --init-groups "$PREFIX/bin/p2posd" \
    </dev/null >>"$LOG" 2>&1 &
}

start_daemon() {
  [ "$START" = yes ] || return 0
  if [ "$DRY_RUN" = no ] && [ ! -f "$CONFIG" ]; then
    say "not started: there is no $CONFIG yet (p2posctl init or p2posctl join makes it)"
    return 0
  fi
  if has_systemd; then
    start_under_systemd
  else
    start_in_background
  fi
}

show_status() {
  [ "$START" = yes ] || return 0
  [ "$DRY_RUN" = yes ] || [ -f "$CONFIG" ] || return 0
  if [ -n "$INIT_ID" ]; then
    run "$PREFIX/bin/p2posctl" --wait=30s --timeout 30s -q health --wait-for healthy
  fi
  run "$PREFIX/bin/p2posctl" --wait=30s status
}

main() {
  cd "$(dirname "$0")"
  parse_arguments "$@"
  check_machine
  install_packages
  build_and_install
  prepare_user
  make_identity
  start_daemon
  show_status
}

main "$@"
