#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the manual pages: prose from this folder, lists from the tables of p2posctl where a line says
# @commands@, @config@, @methods@ or @errors@.
#
#   packaging/man/build.sh PATH/TO/p2posctl OUTPUT-DIRECTORY
set -eu
here=$(dirname "$0")
ctl=$1
out=$2
command -v scdoc >/dev/null || {
  echo "$0: scdoc is not there: apt install scdoc" >&2
  exit 69
}
mkdir -p "$out"
for page in "$here"/*.scd; do
  name=$(basename "$page" .scd)
  while IFS= read -r line; do
    case $line in
      @commands@ | @config@ | @methods@ | @errors@)
        part=${line#@}
        "$ctl" help --man "${part%@}"
        ;;
      *) printf '%s\n' "$line" ;;
    esac
  done <"$page" | SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0} scdoc >"$out/$name.tmp"
  # Tables are the business of tbl, which has to be asked for in the first line.
  ! grep -q '^\.TS' "$out/$name.tmp" || sed -i "1i '\\\\\" t" "$out/$name.tmp"
  mv "$out/$name.tmp" "$out/$name"
done
