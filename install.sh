#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh: puts p2posd and p2posctl on this machine, out of the checkout it lies in or out of a
# directory (--offline), and, if asked, makes the machine the first node of a new cluster or lets it
# join one. It installs only: identity is the business of `p2posctl init` and `p2posctl join`.
#
# Every step looks first and changes only what is not as it should be. So a second run changes
# nothing, and a run that was cut short is finished by running it again; configuration, keys and
# database are never touched, but by --uninstall --purge. It asks one question at most (--purge),
# and only where a terminal answers; without one it never waits for anybody.
#
# Exit: 0, 1 (refused or failed), 64 usage, 65 damaged input, 66 missing input, 69 packages are not
# to be had, 73 cannot write, 75 another run is at it, 77 not allowed, 130 and 143 when interrupted;
# and what p2posctl said.
set -eu

PREFIX=/usr/local
PREFIX_GIVEN=no
METHOD=auto
VERSION=${P2POS_VERSION:-}
OFFLINE=
INIT_ID=
DNS=
SHOW_BUNDLE=
JOIN=
JOIN_TEXT=
START=yes
DRY_RUN=no
YES=no
JSON=no
UNINSTALL=no
PURGE=no

CONFIG=/etc/p2pos/config.json
STATE=/var/lib/p2pos
CACHE=/var/cache/p2pos
RUN=/run/p2pos
LOG=/var/log/p2posd.log
LOCK=/run/p2pos-install.lock
NGTCP2_MIN=1.11 # as the Makefile says
BUILD_PACKAGES="gcc make pkg-config libc6-dev libuv1-dev libsodium-dev libsqlite3-dev libc-ares-dev
  libjansson-dev libgnutls28-dev libngtcp2-dev libngtcp2-crypto-gnutls-dev libsmartcols-dev
  uthash-dev scdoc"

HERE=
SOURCE=    # checkout, archive (of sources), tarball (of programs) or deb
MATERIAL=  # its file, but for the checkout
TMP=
STEP=
CHANGED=no # anything on this machine
RESTART=no # programs or unit are others now
IDENTITY=  # what p2posctl said, with --json
REPORTED=no

usage() {
  cat <<'TEXT'
usage: sudo ./install.sh [--init ID [--dns NAME] | --join STRING|@FILE|-] [OPTION]…
       sudo ./install.sh --uninstall [--purge] [--yes]

  --init ID        make this machine the first node of the new cluster ID
  --dns NAME       with --init: the domain under which nodes find each other
  --show-bundle    with --init: print the Web Admin bundle, which is a secret
  --join STR       make a node that joins the cluster of a join string (or @FILE, or - for stdin)
  --no-start       install, but do not start the daemon
  --offline DIR    take packages, and p2pos if it is there, from DIR (packaging/offline.sh makes
                   one); no network
  --method HOW     what to take from DIR: deb, tarball, or auto, the first of both that is there
  --version V      exactly this version, or none (also P2POS_VERSION)
  --prefix DIR     where to install (default /usr/local; a deb goes to /usr)
  --uninstall      stop the daemon and remove the programs; configuration, keys and data stay
  --purge          with --uninstall: remove those, too; asks for the cluster's id unless --yes
  --yes            no question
  --json           the last line on standard output is the result as JSON, the talk goes to stderr
  --dry-run        print the commands, touch nothing
TEXT
}

# ---- talking

say() { printf '%s\n' "install.sh: $*"; }

json_text() { printf '"%s"' "$(printf '%s' "$1" | tr '\n\t' '  ' | sed 's/[\\"]/\\&/g')"; }

reason_of() {
  case $1 in
    64) echo usage ;;
    65) echo data_invalid ;;
    66) echo no_input ;;
    69) echo unavailable ;;
    73) echo cannot_create ;;
    75) echo busy ;;
    77) echo permission_denied ;;
    *) echo failed ;;
  esac
}

die() { # exit code, message
  code=$1
  shift
  printf '%s\n' "install.sh: $*" >&2
  report_error "$code" "$*"
  exit "$code"
}
report_error() { # exit code, message
  REPORTED=yes
  [ "$JSON" = yes ] || return 0
  printf '{"error":{"code":%s,"reason":"%s","message":%s}}\n' "$1" "$(reason_of "$1")" "$(json_text "$2")" >&3
}

# Runs a command that changes something, or prints it.
run() {
  if [ "$DRY_RUN" = yes ]; then
    printf '  %s\n' "$*"
  else
    "$@" </dev/null
  fi
}

clean_up() {
  code=$?
  [ -z "$TMP" ] || rm -rf "$TMP"
  [ "$code" -eq 0 ] || [ "$REPORTED" = yes ] ||
    die 1 "failed while ${STEP:-starting} (see above); run it again to go on from there"
}
interrupted() { # exit code
  die "$1" "interrupted while ${STEP:-starting}; run it again to go on from there"
}

# ---- what is wanted

parse_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --init | --join | --prefix | --offline | --method | --version | --dns)
        [ -n "${2:-}" ] || die 64 "$1 needs a value"
        case $1 in
          --init) INIT_ID=$2 ;;
          --join) JOIN=$2 ;;
          --prefix) PREFIX=${2%/} PREFIX_GIVEN=yes ;;
          --offline) OFFLINE=$2 ;;
          --method) METHOD=$2 ;;
          --version) VERSION=$2 ;;
          --dns) DNS=$2 ;;
        esac
        shift
        ;;
      --show-bundle) SHOW_BUNDLE=--show-bundle ;;
      --no-start) START=no ;;
      --dry-run) DRY_RUN=yes ;;
      --yes) YES=yes ;;
      --json) JSON=yes ;;
      --uninstall) UNINSTALL=yes ;;
      --purge) PURGE=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) die 64 "unknown argument '$1' (see --help)" ;;
    esac
    shift
  done
}

check_arguments() {
  [ -z "$INIT_ID" ] || [ -z "$JOIN" ] || die 64 "--init and --join exclude each other"
  case $INIT_ID in
    *[!A-Za-z0-9._-]*) die 64 "a cluster id has only A-Z a-z 0-9 . _ - : '$INIT_ID'" ;;
  esac
  [ "${#INIT_ID}" -le 64 ] || die 64 "a cluster id has at most 64 characters"
  [ -n "$INIT_ID" ] || [ -z "$DNS$SHOW_BUNDLE" ] || die 64 "--dns and --show-bundle belong to --init"
  [ "$UNINSTALL" = yes ] || [ "$PURGE" = no ] || die 64 "--purge belongs to --uninstall"
  [ "$UNINSTALL" = no ] || [ -z "$INIT_ID$JOIN$OFFLINE" ] ||
    die 64 "--uninstall goes with no --init, --join or --offline"
  case $PREFIX in
    *[!A-Za-z0-9._/+-]* | *..*) die 64 "--prefix: only A-Z a-z 0-9 . _ / + - : '$PREFIX'" ;;
    /*) ;;
    *) die 64 "--prefix must be a path from the root: '$PREFIX'" ;;
  esac
  case $METHOD in
    auto | tarball) ;;
    deb) [ "$PREFIX_GIVEN" = no ] || [ "$PREFIX" = /usr ] || die 64 "a deb goes to /usr: no --prefix with --method deb" ;;
    *) die 64 "--method is auto, deb or tarball, not '$METHOD'" ;;
  esac
  [ -n "$OFFLINE" ] || [ "$METHOD" = auto ] || die 64 "--method needs --offline DIR: there is no release site to load from"
  [ -z "$OFFLINE" ] || [ -d "$OFFLINE" ] || die 66 "--offline: there is no directory $OFFLINE"
  [ -z "$OFFLINE" ] || OFFLINE=$(cd "$OFFLINE" && pwd)
  case $OFFLINE in *[[:space:]\'\"]*) die 64 "--offline: no blanks or quotes in the path, please: '$OFFLINE'" ;; esac
}

# Reads the join string now: later steps have no standard input, and nothing should be installed for
# a damaged one.
read_join() {
  [ -n "$JOIN" ] || return 0
  case $JOIN in
    -)
      JOIN_TEXT=$(cat)
      [ -n "$JOIN_TEXT" ] || die 66 "--join -: there is no join string on standard input"
      ;;
    @*)
      [ -f "${JOIN#@}" ] || die 66 "--join: there is no file ${JOIN#@}"
      JOIN_TEXT=$(cat "${JOIN#@}" 2>/dev/null) || die 77 "--join: cannot read ${JOIN#@}"
      ;;
    *) JOIN_TEXT=$JOIN ;;
  esac
  JOIN_TEXT=$(printf '%s' "$JOIN_TEXT" | tr -d ' \t\r\n')
  coded=${JOIN_TEXT#p2pos-join://}
  [ "$coded" != "$JOIN_TEXT" ] || die 65 "this is no join string: one begins with p2pos-join://"
  while [ $((${#coded} % 4)) -ne 0 ]; do coded="$coded="; done
  printf '%s' "$coded" | tr '_-' '/+' | base64 -d 2>/dev/null | grep -q '^{.*"system_pubkey".*}$' ||
    die 65 "the join string is damaged: copy the whole of what p2posctl init printed"
}

# ---- what is here

has_systemd() { [ -d /run/systemd/system ]; }

# The version of an installed package, or nothing.
installed_version() {
  # shellcheck disable=SC2016 # dpkg's variables, not the shell's
  found=$(dpkg-query -W -f '${db:Status-Abbrev} ${Version}' "$1" 2>/dev/null) || return 0
  case $found in ii*) printf '%s\n' "${found##* }" ;; esac
}

missing_of() { # packages
  for package in "$@"; do
    version=$(installed_version "$package")
    case $package in
      libngtcp2*-dev) [ -n "$version" ] && dpkg --compare-versions "$version" ge "$NGTCP2_MIN~" || printf ' %s' "$package" ;;
      *) [ -n "$version" ] || printf ' %s' "$package" ;;
    esac
  done
}

# Where an installed unit has its programs: whose they are, one of both must go before the other comes.
installed_bindir() {
  for dir in /etc /usr/local/lib /usr/lib; do
    unit=$dir/systemd/system/p2posd.service
    [ -f "$unit" ] || continue
    sed -n 's|^ExecStart=\(.*\)/p2posd.*|\1|p' "$unit"
    return
  done
}

# The shell's own test may say yes to root whatever is mounted there.
is_writable() { env test -w "$1"; }

# Refuses where no later step could write.
check_writable() { # directories
  for dir in "$@"; do
    while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
    is_writable "$dir" || die 73 "cannot write to $dir: $(why_not "$dir")"
  done
}
why_not() { # directory
  case ,$(findmnt -n -o OPTIONS -T "$1" 2>/dev/null | tail -n 1), in
    *,ro,*) echo "its file system is mounted read-only" ;;
    *) echo "it is full, or not writable even for root" ;;
  esac
}

check_machine() {
  [ "$DRY_RUN" = yes ] || [ "$(id -u)" -eq 0 ] || die 77 "needs root: sudo ./install.sh"
  [ "$UNINSTALL" = no ] || return 0
  package=$(installed_version p2pos)
  [ -z "$package" ] || [ "$SOURCE" = deb ] ||
    die 1 "the package p2pos $package is installed: apt-get remove p2pos first, or install a newer package"
  bindir=$(installed_bindir)
  if [ -z "$package" ] && [ -n "$bindir" ]; then
    [ "$SOURCE" != deb ] || die 1 "p2pos is installed in $bindir without a package: --uninstall it first"
    [ "$bindir" = "$PREFIX/bin" ] ||
      die 1 "p2pos is installed in $bindir: --uninstall it first, or say --prefix ${bindir%/bin}"
  fi
  [ "$DRY_RUN" = yes ] || check_writable "$PREFIX" /etc /var/lib /run
}

lock() {
  [ "$DRY_RUN" = no ] || return 0
  exec 9>"$LOCK" || die 73 "cannot write $LOCK"
  flock -n 9 || die 75 "another install.sh is running"
}

# ---- where it comes from

architecture() { dpkg --print-architecture 2>/dev/null || uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/'; }

# The newest of the files that match, or the one of the version that is wanted. What leads to a
# release (-dev) is older than it.
newest() { # files
  for file in "$@"; do
    [ -f "$file" ] || continue
    version=$(version_in "$file")
    [ "${VERSION:-$version}" = "$version" ] || continue
    printf '%s %s\n' "$(printf '%s' "$version" | sed 's/[0-9]$/&-release/')" "$file"
  done | LC_ALL=C sort | tail -n 1 | sed 's/^[^ ]* //'
}
# A package spells 20261121-0000-dev as 20261121.0000~dev-1.
version_in() { # file
  case $1 in
    *.deb) dpkg-deb -f "$1" Version | sed 's/-[^-]*$//' | tr '.~' '--' ;;
    *) basename "$1" | sed 's/^p2pos-//; s/-linux-.*//; s/\.tar\.[gx]z$//' ;;
  esac
}
sources_in() { # directory
  for file in "$1"/p2pos-*.tar.gz "$1"/p2pos-*.tar.xz; do
    case $file in *-linux-*) ;; *) printf '%s\n' "$file" ;; esac
  done
}

# Decides what to install: the first that is there of a package, programs, sources, this checkout.
find_material() {
  if [ -n "$OFFLINE" ]; then
    here=$(architecture)
    if [ "$METHOD" != tarball ] && [ "$PREFIX_GIVEN" = no ]; then
      try_material deb "$(newest "$OFFLINE"/p2pos_*_"$here".deb)"
    fi
    if [ "$METHOD" != deb ]; then
      try_material tarball "$(newest "$OFFLINE"/p2pos-*-linux-"$here".tar.gz)"
      # shellcheck disable=SC2046 # a list of files, whose directory has no blanks (checked)
      try_material archive "$(newest $(sources_in "$OFFLINE"))"
    fi
    [ "$METHOD" = auto ] || [ -n "$SOURCE" ] || die 66 "--method $METHOD: $OFFLINE has none of p2pos${VERSION:+ $VERSION} for $here"
    check_sums
  fi
  if [ -z "$SOURCE" ]; then
    [ -n "$HERE" ] || die 66 "run it from the checkout, or name a directory that has p2pos${VERSION:+ $VERSION}: --offline DIR"
    has=$(cat "$HERE/VERSION")
    [ "${VERSION:-$has}" = "$has" ] || die 66 "version $VERSION is wanted, but this checkout is $has"
    SOURCE=checkout VERSION=$has
  fi
  [ "$SOURCE" != deb ] || PREFIX=/usr
  say "installing p2pos $VERSION from ${MATERIAL:-this checkout}"
}
try_material() { # kind, file
  [ -z "$SOURCE" ] && [ -n "$2" ] || return 0
  SOURCE=$1 MATERIAL=$2
  VERSION=$(version_in "$2")
}

# A directory that came on a stick or over a bad line is trusted as far as its list of sums.
check_sums() {
  [ -f "$OFFLINE/SHA256SUMS" ] || die 66 "$OFFLINE has no SHA256SUMS (made by: cd $OFFLINE && sha256sum * >SHA256SUMS)"
  wrong=$(cd "$OFFLINE" && sha256sum -c --quiet SHA256SUMS 2>/dev/null | sed 's/:.*//' | head -n 1) || true
  [ -z "$wrong" ] || die 65 "$OFFLINE/$wrong is damaged: it differs from SHA256SUMS"
  for file in "$OFFLINE"/*.deb ${MATERIAL:+"$MATERIAL"}; do
    [ ! -f "$file" ] || grep -qF "  $(basename "$file")" "$OFFLINE/SHA256SUMS" ||
      grep -qF " *$(basename "$file")" "$OFFLINE/SHA256SUMS" || die 65 "$file is not in SHA256SUMS"
  done
}

# ---- packages

# apt with the packages of the directory as its only source. The machine's own lists and sources are
# neither read nor changed.
make_repository() {
  [ ! -d "$TMP/apt" ] || return 0
  mkdir -p "$TMP/apt/lists/partial" "$TMP/apt/cache/archives/partial"
  chmod 755 "$TMP"
  : >"$TMP/apt/Packages"
  for deb in "$OFFLINE"/*.deb; do
    [ -f "$deb" ] || continue
    ln -s "$deb" "$TMP/apt/"
    dpkg-deb -f "$deb"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$(basename "$deb")" "$(stat -L -c %s "$deb")" \
      "$(sha256sum "$deb" | cut -d ' ' -f 1)"
  done >"$TMP/apt/Packages"
  echo "deb [trusted=yes] file:$TMP/apt ./" >"$TMP/apt/sources.list"
  apt_offline update -qq
}
apt_offline() {
  DEBIAN_FRONTEND=noninteractive apt-get -o Dir::Etc::SourceList="$TMP/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
    -o Dir::State::Lists="$TMP/apt/lists" -o Dir::Cache="$TMP/apt/cache" -o APT::Sandbox::User=root \
    -o Acquire::Languages=none -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

install_from_directory() { # packages
  say "packages from $OFFLINE:" "$@"
  if [ "$DRY_RUN" = yes ]; then
    run apt-get install -y --no-install-recommends "$@"
    return
  fi
  if ! make_repository >"$TMP/apt.log" 2>&1 ||
    ! apt_offline install -y --no-install-recommends "$@" >>"$TMP/apt.log" 2>&1; then
    tail -n 20 "$TMP/apt.log" >&2
    die 69 "$OFFLINE does not have all of the packages needed:" "$@"
  fi
  CHANGED=yes
}

install_packages() { # packages
  STEP="installing packages"
  command -v apt-get >/dev/null 2>&1 ||
    die 69 "needs apt-get (Debian 12 or later); elsewhere: --offline DIR with a tarball, or install the libraries README.md names and make install"
  missing=$(missing_of "$@")
  [ -n "$missing" ] || return 0
  if [ -n "$OFFLINE" ]; then
    # shellcheck disable=SC2086 # a list of words
    install_from_directory $missing
    return
  fi
  dry=
  [ "$DRY_RUN" = no ] || dry=--dry-run
  # shellcheck disable=SC2086 # lists of words
  packaging/apt-packages.sh $dry "$@" </dev/null || die 69 "the packages are not all there (see above)"
  CHANGED=yes
}

# ---- files

# Builds, and lays out in a directory of its own what belongs on the machine.
stage_sources() { # directory
  # shellcheck disable=SC2086 # a list of words
  install_packages $BUILD_PACKAGES
  STEP=building
  say "building"
  build=build
  is_writable "$1" || build=$TMP/build
  run make -s -C "$1" BUILD="$build" -j "$(nproc)" all || die 1 "it does not build (see above)"
  run make -s -C "$1" BUILD="$build" install DESTDIR="$TMP/stage" PREFIX="$PREFIX"
}

stage_archive() {
  case $MATERIAL in *.xz) command -v xz >/dev/null || install_packages xz-utils ;; esac
  mkdir -p "$TMP/source"
  tar -xf "$MATERIAL" -C "$TMP/source" --strip-components 1 || die 65 "$MATERIAL is no archive of sources"
  stage_sources "$TMP/source"
}

# The programs of a tarball were made for /usr/local; only their units name it.
stage_tarball() {
  mkdir -p "$TMP/stage$PREFIX"
  tar -xzf "$MATERIAL" -C "$TMP/stage$PREFIX" --no-same-owner || die 65 "$MATERIAL is no archive of programs"
  find "$TMP/stage$PREFIX/lib/systemd" -type f -exec sed -i "s|/usr/local/|$PREFIX/|g" {} +
  depends=$TMP/stage$PREFIX/share/doc/p2pos/depends
  if [ -f "$depends" ] && command -v apt-get >/dev/null 2>&1; then
    # shellcheck disable=SC2046 # a list of words
    install_packages $(cat "$depends")
  fi
  lacks=$(find "$TMP/stage$PREFIX/bin" "$TMP/stage$PREFIX/libexec" -type f -exec ldd {} + 2>/dev/null |
    sed -n 's/^[[:space:]]*\([^ ]*\) => not found/\1/p' | sort -u | tr '\n' ' ')
  [ "$DRY_RUN" = yes ] || [ -z "$lacks" ] || die 69 "libraries are missing: $lacks"
}

# Below another prefix the system would not look for units and the like.
move_system_files() {
  case $PREFIX in /usr | /usr/local) return 0 ;; esac
  for dir in systemd sysusers.d tmpfiles.d sysctl.d; do
    [ -d "$TMP/stage$PREFIX/lib/$dir" ] || continue
    mkdir -p "$TMP/stage/usr/local/lib"
    mv "$TMP/stage$PREFIX/lib/$dir" "$TMP/stage/usr/local/lib/"
  done
}

# Puts one file in its place, whole or not at all.
put() { # staged file, place
  if [ -L "$1" ]; then
    [ "$(readlink "$1")" != "$(readlink "$2" 2>/dev/null)" ] || return 0
  elif cmp -s "$1" "$2" && [ "$(stat -c %a "$1")" = "$(stat -c %a "$2")" ]; then
    return 0
  fi
  rm -f "$2.p2pos-new"
  if ! cp -d --preserve=mode,links "$1" "$2.p2pos-new" || ! mv -fT "$2.p2pos-new" "$2"; then
    rm -f "$2.p2pos-new"
    die 73 "cannot write $2: $(why_not "$(dirname "$2")")"
  fi
  CHANGED=yes
  case $2 in */bin/* | */libexec/* | *.service) RESTART=yes ;; esac
  case $2 in */sysctl.d/*) SYSCTL=$2 ;; esac
}

# The list of what belongs to us is written before the first file comes and after the last one has
# gone: whatever cuts a run short, --uninstall knows all there is.
copy_files() {
  STEP="copying files"
  if [ "$DRY_RUN" = yes ]; then
    printf '  cp what differs from %s to /\n' "$TMP/stage"
    return
  fi
  list=$PREFIX/share/p2pos/installed
  SYSCTL=
  (cd "$TMP/stage" && find . \( -type f -o -type l \) -printf '/%P\n' | sort) >"$TMP/files"
  (cd "$TMP/stage" && find . -mindepth 1 -type d -printf '/%P\n' | sort) >"$TMP/dirs"
  cat "$TMP/files" >"$TMP/installed"
  printf '%s\n%s\n' "$list" "$(dirname "$list")/" >>"$TMP/installed"
  while read -r dir; do
    if [ ! -d "$dir" ] || grep -qsxF "$dir/" "$list"; then echo "$dir/"; fi
  done <"$TMP/dirs" >>"$TMP/installed"
  sort -u "$TMP/installed" -o "$TMP/installed"
  install -d -m 0755 "$(dirname "$list")"
  sort -u "$TMP/installed" "$(if [ -f "$list" ]; then echo "$list"; else echo /dev/null; fi)" >"$TMP/both"
  put_list "$TMP/both"
  while read -r dir; do [ -d "$dir" ] || install -d -m 0755 "$dir"; done <"$TMP/dirs"
  while read -r file; do put "$TMP/stage$file" "$file"; done <"$TMP/files"
  comm -13 "$TMP/installed" "$TMP/both" >"$TMP/gone"
  remove_listed "$TMP/gone"
  put_list "$TMP/installed"
}
put_list() { # file
  chmod 644 "$1"
  put "$1" "$list"
}

# Files first, the list among them last; then the directories that were made for them (a name with a
# slash at its end), inner ones first. One that has something of others in it stays.
remove_listed() { # list of what goes
  sed '/\/$/d' "$1" | grep -vxF "$list" | while read -r file; do rm -f "$file" "$file.p2pos-new"; done
  ! grep -qxF "$list" "$1" || rm -f "$list"
  sed -n 's|/$||p' "$1" | sort -r | while read -r dir; do rmdir "$dir" 2>/dev/null || true; done
}

install_programs() {
  case $SOURCE in
    deb)
      has=$(installed_version p2pos)
      brings=$(dpkg-deb -f "$MATERIAL" Version)
      [ "$has" != "$brings" ] || return 0
      STEP="installing the package"
      [ -z "$has" ] || dpkg --compare-versions "$has" lt "$brings" ||
        die 1 "p2pos $has is installed, which is newer than $brings: nothing was changed"
      install_from_directory "p2pos=$brings"
      RESTART=yes
      return
      ;;
    checkout) stage_sources "$HERE" ;;
    archive) stage_archive ;;
    tarball) stage_tarball ;;
  esac
  move_system_files
  copy_files
  [ -z "${SYSCTL:-}" ] || apply_sysctl "$SYSCTL"
}

# Once, when the file comes; from then on the system does it at each start.
apply_sysctl() { # file
  tool=/lib/systemd/systemd-sysctl
  [ -x "$tool" ] || return 0
  "$tool" "$1" 2>/dev/null || say "the settings of $1 cannot be made here; p2posctl doctor tells what they are good for"
}

prepare_user() {
  STEP="making the user p2pos"
  if ! getent group p2pos >/dev/null; then
    run groupadd --system p2pos
    CHANGED=yes
  fi
  if ! getent passwd p2pos >/dev/null; then
    run useradd --system --gid p2pos --home-dir "$STATE" --no-create-home --shell /usr/sbin/nologin p2pos
    CHANGED=yes
  fi
  make_dir root "$(dirname "$CONFIG")"
  make_dir p2pos "$STATE"
}
make_dir() { # owner, directory
  [ "$(stat -c %U:%G:%a "$2" 2>/dev/null)" != "$1:p2pos:750" ] || return 0
  run install -d -o "$1" -g p2pos -m 0750 "$2"
  CHANGED=yes
}

# ---- the node

# A key that others can read, or the daemon cannot, is the operator's to judge: nothing is repaired.
check_secrets() {
  [ "$DRY_RUN" = no ] || return 0
  [ ! -e "$STATE/node.key" ] || [ "$(stat -c %U:%a "$STATE/node.key")" = p2pos:600 ] ||
    die 77 "$STATE/node.key is $(stat -c '%U:%G with mode %a' "$STATE/node.key"): if it is yours, chown p2pos:p2pos and chmod 600 it"
  [ ! -e "$CONFIG" ] || [ "$(stat -c %U:%G:%a "$CONFIG")" = root:p2pos:640 ] ||
    die 77 "$CONFIG is $(stat -c '%U:%G with mode %a' "$CONFIG"): chown root:p2pos and chmod 640 it"
}

make_identity() {
  STEP="making the node"
  check_secrets
  [ -n "$INIT_ID$JOIN" ] || return 0
  [ -f "$CONFIG" ] || { CHANGED=yes RESTART=yes; }
  if [ -n "$INIT_ID" ]; then
    set -- init --cluster "$INIT_ID" ${DNS:+--dns "$DNS"} ${SHOW_BUNDLE:+"$SHOW_BUNDLE"}
  else
    set -- join "$JOIN_TEXT"
  fi
  if [ "$JSON" = no ] || [ "$DRY_RUN" = yes ]; then
    run "$PREFIX/bin/p2posctl" "$@" || leave $?
    return
  fi
  IDENTITY=$("$PREFIX/bin/p2posctl" --json "$@" </dev/null) || {
    code=$?
    printf '%s\n' "$IDENTITY" >&3
    leave "$code"
  }
}
# For errors that p2posctl has told, in the form that was wanted.
leave() { # exit code
  REPORTED=yes
  exit "$1"
}

start_under_systemd() {
  [ "$DRY_RUN" = no ] || RESTART=yes
  if [ "$RESTART" = no ] && systemctl is-active --quiet p2posd.service && systemctl is-enabled --quiet p2posd.service; then
    return
  fi
  say "starting p2posd.service"
  run systemctl daemon-reload
  run systemctl enable --quiet p2posd.service
  # One step for running and not: after a run that was cut short the old programs may still run.
  run systemctl restart p2posd.service || die 1 "p2posd does not start: journalctl -u p2posd -n 30 tells why"
  [ ! -f "$PREFIX/libexec/p2pos/p2pos-state" ] || run systemctl try-restart p2pos-state.service
  CHANGED=yes
}

is_answering() { "$PREFIX/bin/p2posctl" version --daemon >/dev/null 2>&1; }

stop_in_background() {
  run "$PREFIX/bin/p2posctl" node stop
  # It has answered, but it still says goodbye and closes the database.
  [ ! -e "$STATE/p2pos.lock" ] || run flock --wait 20 "$STATE/p2pos.lock" true
}

# No systemd: the daemon runs in the background until the machine stops; nothing restarts it.
start_in_background() {
  if is_answering; then
    [ "$RESTART" = yes ] || return 0
    say "a daemon runs already; stopping it first"
    stop_in_background
  fi
  say "systemd does not run here: starting p2posd in the background, log in $LOG"
  run install -d -o p2pos -g p2pos -m 0755 "$RUN"
  CHANGED=yes
  if [ "$DRY_RUN" = yes ]; then
    printf '  %s\n' "setpriv --reuid p2pos --regid p2pos --init-groups $PREFIX/bin/p2posd >>$LOG 2>&1 &"
    return
  fi
  setsid setpriv --reuid p2pos --regid p2pos --init-groups "$PREFIX/bin/p2posd" \
    </dev/null >>"$LOG" 2>&1 3>&- 9>&- &
}

start_daemon() {
  STEP="starting p2posd"
  [ "$START" = yes ] || return 0
  if [ "$DRY_RUN" = no ] && [ ! -f "$CONFIG" ]; then
    say "not started: there is no $CONFIG yet (p2posctl init or p2posctl join makes it)"
    START=no
  elif has_systemd; then
    start_under_systemd
  else
    start_in_background
  fi
}

show_status() {
  STEP="waiting for the daemon"
  [ "$START" = yes ] || return 0
  if [ -n "$INIT_ID" ]; then
    run "$PREFIX/bin/p2posctl" --wait=30s --timeout 30s -q health --wait-for healthy ||
      die $? "the node runs, but is not healthy: p2posctl explain tells why"
  fi
  run "$PREFIX/bin/p2posctl" --wait=30s status || die $? "p2posd does not answer (log: journalctl -u p2posd, or $LOG)"
}

# ---- the other way

cluster_here() { sed -n 's/.*"cluster_id"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' "$CONFIG" 2>/dev/null | head -n 1; }

confirm_purge() {
  id=$(cluster_here)
  [ "$YES" = no ] && [ "$DRY_RUN" = no ] && [ -n "$id" ] || return 0
  (: </dev/tty) 2>/dev/null || die 64 "--purge removes this node's key and data: without a terminal say --yes"
  printf '%s' "install.sh: this removes the key and the data of this node of $id for ever. Type the cluster's id: " >/dev/tty
  read -r answer </dev/tty || answer=
  [ "$answer" = "$id" ] || die 1 "that is not $id: nothing was changed"
}

stop_daemon() {
  STEP="stopping p2posd"
  if has_systemd; then
    # What acts on states goes, too, however an operator has enabled it.
    for unit in p2posd.service $(systemctl list-unit-files --no-legend --plain --state=enabled 'p2pos*' | cut -d ' ' -f 1); do
      run systemctl disable --quiet --now "$unit"
    done
    run systemctl stop 'p2pos*'
  elif [ -x "$PREFIX/bin/p2posctl" ] && is_answering; then
    stop_in_background
  fi
}

remove_programs() {
  STEP="removing the programs"
  bindir=$(installed_bindir)
  [ "$PREFIX_GIVEN" = yes ] || [ -z "$bindir" ] || PREFIX=${bindir%/bin}
  [ -z "$bindir" ] || stop_daemon
  package=$(installed_version p2pos)
  if [ -n "$package" ]; then
    say "removing the package p2pos $package"
    run env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 "$([ "$PURGE" = yes ] && echo purge || echo remove)" p2pos
    CHANGED=yes
  fi
  list=$PREFIX/share/p2pos/installed
  if [ ! -f "$list" ]; then
    # A run that was cut short before the first file came.
    [ -f "$list.p2pos-new" ] || return 0
    run rm -f "$list.p2pos-new"
    rmdir "$(dirname "$list")" 2>/dev/null || true
    return
  fi
  say "removing what is installed below $PREFIX"
  CHANGED=yes
  if [ "$DRY_RUN" = yes ]; then
    sed 's/^/  rm /' "$list"
    return
  fi
  cp "$list" "$TMP/gone"
  remove_listed "$TMP/gone"
  ! has_systemd || run systemctl daemon-reload
}

purge() {
  STEP="removing data"
  id=$(cluster_here)
  for path in "$(dirname "$CONFIG")" "$STATE" "$CACHE" "$RUN" "$RUN-readers" "$LOG" /etc/apt/preferences.d/p2pos-backports \
    /etc/apt/sources.list.d/p2pos-backports.list /etc/apt/sources.list.d/p2pos-backports.sources; do
    [ -e "$path" ] || continue
    run rm -rf "$path"
    CHANGED=yes
  done
  if getent passwd p2pos >/dev/null; then
    run userdel p2pos
    CHANGED=yes
  fi
  ! getent group p2pos >/dev/null || run groupdel p2pos
  secrets=${HOME:-/root}/p2pos-$id
  [ -z "$id" ] || [ ! -d "$secrets" ] ||
    say "the secrets of the cluster stay: $secrets (whoever has them owns it; remove them yourself)"
}

uninstall() {
  [ "$PURGE" = no ] || confirm_purge
  remove_programs
  [ "$PURGE" = no ] || purge
  [ "$CHANGED" = yes ] || say "there is nothing to remove"
}

# ---- all of it

report() {
  [ "$JSON" = yes ] || return 0
  state=
  if [ "$DRY_RUN" = no ] && [ "$UNINSTALL" = no ] && [ "$START" = yes ]; then
    state=$("$PREFIX/bin/p2posctl" --field node.state status 2>/dev/null) || true
  fi
  bool=$([ "$CHANGED" = yes ] && echo true || echo false)
  {
    printf '{"api":1,"changed":%s,"dry_run":%s' "$bool" "$([ "$DRY_RUN" = yes ] && echo true || echo false)"
    if [ "$UNINSTALL" = yes ]; then
      printf ',"uninstalled":true,"purged":%s' "$([ "$PURGE" = yes ] && echo true || echo false)"
    else
      printf ',"version":%s,"method":"%s","prefix":%s' "$(json_text "$VERSION")" "$SOURCE" "$(json_text "$PREFIX")"
      printf ',"started":%s' "$([ "$START" = yes ] && echo true || echo false)"
      [ -z "$state" ] || printf ',"state":%s' "$(json_text "$state")"
      [ -z "$IDENTITY" ] || printf ',"identity":%s' "$IDENTITY"
    fi
    printf '}\n'
  } >&3
}

main() {
  exec 3>&1
  trap clean_up EXIT
  trap 'interrupted 130' INT
  trap 'interrupted 143' TERM HUP
  # A wrong flag before it is answered as JSON, too.
  case " $* " in *" --json "*) JSON=yes ;; esac
  [ "$JSON" = no ] || exec 1>&2
  parse_arguments "$@"
  check_arguments
  read_join
  # Through a pipe it has no place of its own, and takes all from a directory.
  if [ -f "$(dirname "$0")/daemon/main.c" ]; then
    HERE=$(cd "$(dirname "$0")" && pwd)
  fi
  cd "${HERE:-/}"
  TMP=$(mktemp -d) || die 73 "cannot make a temporary directory"
  if [ "$UNINSTALL" = yes ]; then
    check_machine
    lock
    uninstall
  else
    find_material
    check_machine
    lock
    install_programs
    prepare_user
    make_identity
    start_daemon
    show_status
  fi
  report
}

main "$@"
