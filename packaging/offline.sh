#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# offline.sh: fills a directory for `install.sh --offline`: p2pos built on this machine as a tarball,
# the packages of the libraries that it runs with, install.sh itself and the list of sums. Such a
# directory goes to machines of the same distribution and processor, which need no network then.
#
#   packaging/offline.sh [--build DIR] [--no-packages] OUT
#
# --build: where the programs were or are to be built (default: build). --no-packages: without the
# libraries' packages, for machines that have them. p2pos itself as a package is made by `make deb`:
# put it into OUT and make SHA256SUMS again, and install.sh takes it first.
#
# Exit: 0, 1 (does not build), 64 (usage), 69 (a package is not to be had), 73 (cannot write).
set -eu

BUILD=build
PACKAGES=yes
OUT=
TMP=

die() { # exit code, message
  code=$1
  shift
  printf '%s\n' "offline.sh: $*" >&2
  exit "$code"
}

parse_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --build)
        [ -n "${2:-}" ] || die 64 "--build needs a value"
        BUILD=$2
        shift
        ;;
      --no-packages) PACKAGES=no ;;
      -*) die 64 "unknown argument '$1'" ;;
      *)
        [ -z "$OUT" ] || die 64 "one directory, please"
        OUT=$1
        ;;
    esac
    shift
  done
  [ -n "$OUT" ] || die 64 "usage: packaging/offline.sh [--build DIR] [--no-packages] OUT"
  case $OUT in /*) ;; *) OUT=$PWD/$OUT ;; esac
}

# The packages that own the libraries which a program names itself (kind: NEEDED), or loads in the end.
packages_of_libraries() { # needed or all
  find "$TMP/stage/usr/local/bin" "$TMP/stage/usr/local/libexec" -type f | while read -r program; do
    needed=$(objdump -p "$program" | sed -n 's/^ *NEEDED *//p')
    ldd "$program" | sed -n 's/^[[:space:]]*\([^ ]*\) => \(\/[^ ]*\).*/\1 \2/p' | while read -r name path; do
      [ "$1" = all ] || printf '%s\n' "$needed" | grep -qxF "$name" || continue
      # A merged /usr has one file under two names, and dpkg knows one of them.
      path=$(readlink -f "$path")
      dpkg-query -S "$path" 2>/dev/null || dpkg-query -S "${path#/usr}"
    done
  done | sed 's/:.*//' | sort -u
}

make_tarball() {
  make -s BUILD="$BUILD" all || die 1 "it does not build"
  make -s BUILD="$BUILD" install DESTDIR="$TMP/stage" PREFIX=/usr/local
  packages_of_libraries needed >"$TMP/stage/usr/local/share/doc/p2pos/depends"
  tar -C "$TMP/stage/usr/local" --sort=name --owner=0 --group=0 --numeric-owner -czf "$OUT/$1" .
}

fetch_packages() {
  chmod 755 "$TMP"
  mkdir "$TMP/debs"
  # shellcheck disable=SC2046 # a list of words
  (cd "$TMP/debs" && apt-get -qq -o APT::Sandbox::User=root download $(packages_of_libraries all)) ||
    die 69 "not all packages are to be had (apt-get update?)"
  cp "$TMP"/debs/*.deb "$OUT/"
}

main() {
  parse_arguments "$@"
  cd "$(dirname "$0")/.."
  mkdir -p "$OUT" || die 73 "cannot write to $OUT"
  TMP=$(mktemp -d)
  trap 'rm -rf "$TMP"' EXIT
  make_tarball "p2pos-$(cat VERSION)-linux-$(dpkg --print-architecture).tar.gz"
  [ "$PACKAGES" = no ] || fetch_packages
  cp install.sh "$OUT/"
  (cd "$OUT" && rm -f SHA256SUMS && sha256sum -- * >"$TMP/sums" && cp "$TMP/sums" SHA256SUMS)
  echo "offline.sh: $OUT has p2pos $(cat VERSION) and $(find "$OUT" -name '*.deb' | wc -l) packages, $(du -sh "$OUT" | cut -f 1)"
}

main "$@"
