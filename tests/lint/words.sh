#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Calls and words that do not belong in the tree: unbounded string functions, promises of work,
# files too long to hold one idea.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
found() {
  [ -n "$1" ] || return 0
  echo "$1" | sed "s|\$|   <- $2|"
  bad=1
}
src=$(find proto config daemon cli -name '*.[ch]')
# shellcheck disable=SC2086 # the file names are words
{
  found "$(grep -nE '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|alloca|system|popen)\(' $src)" 'forbidden call'
  found "$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $src)" 'a promise instead of work'
  found "$(grep -nE '[^_a-z](malloc|calloc|realloc|strdup)\(' $src | grep -vE '(sodium_|json_|x)(malloc|calloc|realloc|strdup)' | grep -v '^proto/base/mem.c')" 'use proto/base/mem.h'
  found "$(grep -lE '.' $src | xargs wc -l | awk '$2 != "total" && $1 > 700 { print $2 ": " $1 " lines" }')" 'look for the second idea'
}
found "$(git ls-files 2>/dev/null | grep -E '(^|/)(utils?|common|helpers?|manager|misc)\.[ch]$')" 'a name that says nothing'
[ "$bad" -eq 0 ] && echo "words: nothing forbidden"
exit "$bad"
