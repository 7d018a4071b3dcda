#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# apt-packages.sh: installs those of the packages named that are missing, as install.sh and
# tests/run need it.
#
#   packaging/apt-packages.sh [--dry-run] [--root DIR] PACKAGE…
#
# One library is older in Debian 12 than we can use: ngtcp2. If it is wanted and no version from
# 1.11 on can be had, the distribution's backports suite is enabled for it alone, and that is said:
# a sources file of its own, a copy of the entry that this machine has for its distribution, so that
# mirror, keys and options stay those of the operator; and a pin that lets nothing else in. Where the
# suite is enabled already, only the pin for ngtcp2 is added. Nothing changes where the version is
# there (Debian 13). A second run finds it so.
#
# --root: reads and writes DIR/etc instead of /etc, for tests.
# Exit: 0, 1 (apt failed, or nothing offers the version), 64 (usage), 77 (needs root).
set -eu

NGTCP2_MIN=1.11
DRY_RUN=no
ROOT=

say() { printf '%s\n' "packages: $*"; }
die() { # exit code, message
  code=$1
  shift
  printf '%s\n' "packages: $*" >&2
  exit "$code"
}
run() {
  if [ "$DRY_RUN" = yes ]; then
    printf '  %s\n' "$*"
  else
    "$@"
  fi
}
run_quietly() {
  if [ "$DRY_RUN" = yes ]; then
    run "$@"
  else
    "$@" >/dev/null
  fi
}
# Writes what comes in to a file, or shows it.
write() {
  if [ "$DRY_RUN" = yes ]; then
    printf '  cat >%s\n' "$1"
    sed 's/^/    /'
  else
    mkdir -p "$(dirname "$1")"
    cat >"$1"
  fi
}

is_new_enough() { [ -n "$1" ] && dpkg --compare-versions "$1" ge "$NGTCP2_MIN~"; }

installed_version() {
  # shellcheck disable=SC2016 # dpkg's variables, not the shell's
  found=$(dpkg-query -W -f '${db:Status-Abbrev} ${Version}' "$1" 2>/dev/null) || return 0
  case $found in ii*) printf '%s\n' "${found##* }" ;; esac
}

candidate() {
  LC_ALL=C apt-cache policy "$1" | sed -n 's/^  Candidate: //p' | grep -vx '(none)' || true
}

# The packages named that are not there, or too old.
missing_of() {
  for package in "$@"; do
    version=$(installed_version "$package")
    case $package in
      libngtcp2*) is_new_enough "$version" || printf ' %s' "$package" ;;
      *) [ -n "$version" ] || printf ' %s' "$package" ;;
    esac
  done
}

os_release() { sed -n "s/^$1=//p" "$ROOT/etc/os-release" | tr -d '"'; }

# Prints the enabled entries of apt's sources, one a line: kind, URI, suites (joined by commas),
# components (likewise), file, and where in it (line number, or number of the paragraph).
entries() {
  for file in "$ROOT/etc/apt/sources.list" "$ROOT"/etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] || continue
    awk -v file="$file" '
      $1 == "deb" {
        line = $0
        sub(/#.*/, "", line)
        sub(/\[[^]]*\]/, "", line)
        n = split(line, word, " ")
        parts = word[4]
        for (i = 5; i <= n; i++) parts = parts "," word[i]
        if (n >= 3) print "line", word[2], word[3], parts == "" ? "-" : parts, file, NR
      }' "$file"
  done
  for file in "$ROOT"/etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    awk -v file="$file" '
      function words(text) { sub(/^[ \t]+/, "", text); sub(/[ \t]+$/, "", text); gsub(/[ \t]+/, ",", text); return text }
      function end() {
        uri = words(field["uris"])
        sub(/,.*/, "", uri)
        if ("," words(field["types"]) "," ~ /,deb,/ && tolower(words(field["enabled"])) !~ /^(no|false|without|off|disable)$/ && uri != "")
          print "paragraph", uri, words(field["suites"]), field["components"] == "" ? "-" : words(field["components"]), file, number
        split("", field)
      }
      BEGIN { number = 1 }
      /^#/ { next }
      /^[ \t]*$/ { end(); number++; next }
      /^[ \t]/ { field[name] = field[name] " " $0; next }
      { name = tolower($0); sub(/:.*/, "", name); value = $0; sub(/^[^:]*:/, "", value); field[name] = value }
      END { end() }' "$file"
  done
}

has_suite() { # the suites of an entry, then those that count
  suites=$1
  shift
  for wanted in "$@"; do
    case ",$suites," in *",$wanted,"*) return 0 ;; esac
  done
  return 1
}

# The entry for the distribution itself. Other archives name the same suite: one whose address ends as
# those of Debian's mirrors do goes first.
distribution_entry() { # codename
  entries | while read -r kind uri suites components file where; do
    if has_suite "$suites" "$1" stable oldstable oldoldstable && has_suite "$components" main; then
      case $uri in
        */debian | */debian/ | mirror*) printf '1 ' ;;
        *) printf '2 ' ;;
      esac
      printf '%s %s %s %s\n' "$kind" "$uri" "$file" "$where"
    fi
  done | sort -s -n -k 1,1 | head -n 1
}

has_backports() { # codename
  entries | {
    while read -r _ _ suites _; do
      ! has_suite "$suites" "$1-backports" stable-backports oldstable-backports || exit 0
    done
    exit 1
  }
}

# Copies of an entry that name the backports suite instead, with all else as it is.
line_for_backports() { # codename, file, line number
  awk -v suite="$1-backports" -v number="$3" '
    NR == number {
      sub(/#.*/, "")
      options = match($0, /\[[^]]*\]/) ? substr($0, RSTART, RLENGTH) " " : ""
      sub(/\[[^]]*\]/, "")
      print "deb " options $2 " " suite " main"
    }' "$2"
}
paragraph_for_backports() { # codename, file, number of the paragraph
  awk -v suite="$1-backports" -v number="$3" '
    BEGIN { here = 1 }
    /^#/ { next }
    /^[ \t]*$/ { here++; next }
    here != number { next }
    /^[ \t]/ { if (!skip) print; next }
    { name = tolower($0); sub(/:.*/, "", name); skip = 1 }
    name == "types" { print "Types: deb"; next }
    name == "suites" { print "Suites: " suite; next }
    name == "components" { print "Components: main"; next }
    { skip = 0; print }' "$2"
}

pin() { # codename, whether the suite is there for us alone
  cat <<TEXT
# Made by p2pos: ngtcp2 >= $NGTCP2_MIN is in $1-backports only.
Package: libngtcp2*
Pin: release n=$1-backports
Pin-Priority: 500
TEXT
  [ "$2" = yes ] || return 0
  cat <<TEXT

Package: *
Pin: release n=$1-backports
Pin-Priority: -1
TEXT
}

enable_backports() {
  code=$(os_release VERSION_CODENAME)
  if [ "$(os_release ID)" != debian ] || [ -z "$code" ]; then
    die 1 "ngtcp2 >= $NGTCP2_MIN is not to be had here, and only Debian's backports are known to have it"
  fi
  preferences=$ROOT/etc/apt/preferences.d/p2pos-backports
  source=
  if has_backports "$code"; then
    say "ngtcp2 >= $NGTCP2_MIN comes from $code-backports, which is enabled here already: pinning it alone ($preferences)"
    pin "$code" no | write "$preferences"
  else
    entry=$(distribution_entry "$code")
    [ -n "$entry" ] || die 1 "apt's sources name no archive of $code: enable $code-backports by hand, ngtcp2 >= $NGTCP2_MIN is there"
    # shellcheck disable=SC2086 # its words are what we want
    set -- $entry
    source=$ROOT/etc/apt/sources.list.d/p2pos-backports.$([ "$2" = line ] && echo list || echo sources)
    say "ngtcp2 >= $NGTCP2_MIN is not in $code: enabling $code-backports from $3 for it alone ($source, $preferences)"
    "${2}_for_backports" "$code" "$4" "$5" | write "$source"
    pin "$code" yes | write "$preferences"
  fi
  [ "$DRY_RUN" = no ] || {
    run apt-get update -qq
    return 0
  }
  if ! apt-get update -qq || ! is_new_enough "$(candidate libngtcp2-dev)"; then
    rm -f "$preferences" ${source:+"$source"}
    die 1 "$code-backports gives no ngtcp2 >= $NGTCP2_MIN here; undone"
  fi
}

parse_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --dry-run) DRY_RUN=yes ;;
      --root)
        [ $# -ge 2 ] || die 64 "--root needs a value"
        ROOT=$2
        shift
        ;;
      -*) die 64 "unknown argument '$1'" ;;
      *) break ;;
    esac
    shift
  done
  MISSING=$(missing_of "$@")
}

main() {
  parse_arguments "$@"
  [ -n "$MISSING" ] || return 0
  [ "$DRY_RUN" = yes ] || [ "$(id -u)" -eq 0 ] || die 77 "missing, run as root to install them:$MISSING"
  say "installing$MISSING"
  run apt-get update -qq
  case $MISSING in
    *libngtcp2*) is_new_enough "$(candidate libngtcp2-dev)" || enable_backports ;;
  esac
  # shellcheck disable=SC2086 # a list of words
  run_quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $MISSING
}

main "$@"
