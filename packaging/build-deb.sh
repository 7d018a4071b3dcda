#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build-deb.sh TARBALL DIR: Debian packages (source and binary) of a tarball that `make dist` made, into
# DIR, which is emptied first. Needs debhelper and the build dependencies of packaging/debian/control.
#
# A version YYYYMMDD-HHMM[-dev] becomes YYYYMMDD.HHMM[~dev]-1: a hyphen begins Debian's own revision,
# and what leads to a release sorts before it. The time in the changelog is that of the version, so
# that the same tarball gives the same packages.
set -eu

die() {
  printf 'build-deb.sh: %s\n' "$*" >&2
  exit 1
}

[ $# -eq 2 ] || die "usage: build-deb.sh TARBALL DIR"
tarball=$(realpath "$1")
for tool in dpkg-buildpackage dh xz; do
  command -v "$tool" >/dev/null || die "needs $tool: apt-get install debhelper dpkg-dev build-essential"
done
name=$(basename "$tarball" .tar.xz)
version=${name#p2pos-}
day=${version%%-*} rest=${version#*-}
minute=${rest%%-*}
case $day$minute in
  [0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]) ;;
  *) die "'$version' is no version of ours (YYYYMMDD-HHMM)" ;;
esac
upstream=$day.$minute$(printf '%s' "${rest#"$minute"}" | tr - '~')

rm -rf "$2"
mkdir -p "$2"
cd "$2"
cp "$tarball" "p2pos_$upstream.orig.tar.xz"
tar -xf "$tarball"
cd "$name"
cp -a packaging/debian debian
cat >debian/changelog <<TEXT
p2pos ($upstream-1) unstable; urgency=medium

  * Release $version: see changelog.gz beside this file.

 -- p2pos maintainers <maintainers@p2pos.invalid>  $(LC_ALL=C date -R -u -d "$(printf '%s' "$day" | cut -c1-4)-$(printf '%s' "$day" | cut -c5-6)-$(printf '%s' "$day" | cut -c7-8) $(printf '%s' "$minute" | cut -c1-2):$(printf '%s' "$minute" | cut -c3-4)")
TEXT
dpkg-buildpackage -us -uc
cd ..
rm -rf "$name"
ls -l -- *.deb
