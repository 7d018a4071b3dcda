#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The documents keep up with the program: the reference of p2posctl is what its table prints, every
# folder says what it is, and what the documents point to exists.
#
#   tests/lint/docs.sh PATH/TO/p2posctl
# shellcheck disable=SC2044,SC2013 # no name in this tree has a space
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

# Folders whose files are explained where they stand need no sheet of their own, nor do empty ones.
while IFS= read -r dir; do
  [ -f "$dir/README.md" ] || [ -z "$(find "$dir" -maxdepth 1 -type f)" ] || offence "$dir: no README.md"
done < <(find proto config daemon cli packaging tests -type d -not -path '*/node_modules*' \
  -not -path 'tests/unit*' -not -path 'tests/fuzz/corpus*' -not -path 'packaging/*' \
  -not -path 'tests/interop/*' -not -path '*/__pycache__')

# Links between documents: [text](path) without a scheme.
while IFS=: read -r doc target; do
  target=${target#](}
  [ -e "$(dirname "$doc")/${target%)}" ] || offence "$doc: points to ${target%)}, which is not there"
done < <(find . -name '*.md' -not -path '*/node_modules/*' -not -path './build*' \
  -exec grep -HoE '\]\([^)#:]+\)' {} +)

# Every command that README.md shows, as code or in a transcript, is in the table.
while read -r noun verb; do
  grep -qE "^## ($noun|$noun $verb)( [^a-z]|\$)" docs/p2posctl.md ||
    offence "README.md: p2posctl $noun $verb is no command"
done < <(grep -oE '(`|\$ (sudo )?|build/)p2posctl( --(socket|field|timeout) [^ ]+| --?[a-z-]+(=[^ ]+)?)* [a-z]+( [a-z-]+)?' README.md |
  sed -E 's/^.*p2posctl( --(socket|field|timeout) [^ ]+| --?[a-z-]+(=[^ ]+)?)* //' | sort -u)

# The same of the manual pages; and where scdoc is, each of them is made without a complaint.
while read -r page noun verb; do
  grep -qE "^## ($noun|$noun $verb)( [^a-z]|\$)" docs/p2posctl.md ||
    offence "$page: p2posctl $noun $verb is no command"
done < <(grep -oHE '\*p2posctl [a-z]+( [a-z-]+)?' packaging/man/*.scd | sed -E 's/:\*p2posctl / /' | sort -u)
if command -v scdoc >/dev/null; then
  pages=$(mktemp -d)
  packaging/man/build.sh "$ctl" "$pages" || offence "packaging/man: a page is not made"
  for page in packaging/man/*.scd; do
    [ -s "$pages/$(basename "$page" .scd)" ] || offence "$page: its page is empty"
  done
  rm -rf "$pages"
fi

# Dashboard and alert rules ask for metrics that there are.
while IFS=: read -r file name; do
  base=$(echo "$name" | sed -E 's/_(total|bucket|sum|count)$//')
  grep -qE "\"($name|$base)\"" daemon/sys/metrics_list.h || offence "$file: there is no metric $name"
done < <(grep -oHE '\b(p2pos|process)_[a-z_]+' packaging/grafana/grafana-dashboard.json packaging/grafana/alerts.yml | sort -u)

[ "$bad" -eq 0 ] && echo "docs: the reference is current, links and commands exist"
exit "$bad"
