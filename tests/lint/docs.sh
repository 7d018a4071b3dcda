#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The documents keep up with the program: the reference of p2posctl is what its table prints, every
# folder of the tree says what it is, and what the documents point to exists.
#
#   tests/lint/docs.sh PATH/TO/p2posctl
set -u
cd "$(dirname "$0")/../.." || exit 1
ctl=$1
bad=0
offence() {
  echo "$1"
  bad=1
}

"$ctl" help --reference | diff -u docs/p2posctl.md - ||
  offence "docs/p2posctl.md lags behind cli/commands.c: $ctl help --reference > docs/p2posctl.md"

# Folders whose files are explained where they stand need no sheet of their own.
for dir in $(find proto config daemon cli packaging tests -type d \
  -not -path '*/node_modules*' -not -path 'tests/unit*' -not -path 'tests/fuzz/corpus*' \
  -not -path 'packaging/*' -not -path 'tests/interop/*' -not -path '*/__pycache__'); do
  [ -f "$dir/README.md" ] || offence "$dir: no README.md"
done

# Links between documents: [text](path) without a scheme, and each file that a folder's README names
# at the start of a line of its list.
for doc in $(find . -name '*.md' -not -path '*/node_modules/*' -not -path './build*'); do
  for target in $(grep -oE '\]\([^)#:]+\)' "$doc" | sed -E 's/^\]\((.*)\)$/\1/'); do
    [ -e "$(dirname "$doc")/$target" ] || offence "$doc: points to $target, which is not there"
  done
done

# Every command that README.md shows is in the table.
grep -oE 'p2posctl( --?[a-z-]+(=[^ ]+)?| --(socket|field|timeout) [^ ]+)* [a-z]+( [a-z-]+)?' README.md |
  sed -E 's/^p2posctl( --(socket|field|timeout) [^ ]+| --?[a-z-]+(=[^ ]+)?)* //' | sort -u |
  while read -r noun verb; do
    grep -qE "^## ($noun|$noun $verb)( |\$)" docs/p2posctl.md || echo "README.md: p2posctl $noun $verb is no command"
  done | grep . && bad=1

[ "$bad" -eq 0 ] && echo "docs: the reference is current, links and commands exist"
exit "$bad"
