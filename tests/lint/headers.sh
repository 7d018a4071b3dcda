#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone, carries its licence line and an include guard.
# shellcheck disable=SC2044 # no name in this tree has a space
set -u
cd "$(dirname "$0")/../.." || exit 1
cc=${1:-cc}
bad=0
flags="-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -I. $(pkg-config --cflags libuv libsodium sqlite3 libcares jansson gnutls smartcols)"
for h in $(find proto config daemon cli tests/lib -name '*.h'); do
  # shellcheck disable=SC2086 # the flags are words
  $cc $flags -fsyntax-only -x c "$h" || { echo "$h: does not compile alone"; bad=1; }
done
for f in $(find proto config daemon cli tests -name '*.[ch]' -not -path '*/node_modules/*'); do
  head -n 1 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || { echo "$f: no licence line"; bad=1; }
done
[ "$bad" -eq 0 ] && echo "headers: each compiles alone"
exit "$bad"
