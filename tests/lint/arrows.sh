#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The arrows of the house: which folder may include which, which library lives in which room,
# and that the pure code touches nothing of the world. Prints each offence; exits 1 on any.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
offence() {
  echo "$1"
  bad=1
}

# Rank of a folder: a file may include headers of its own folder and of folders of lower rank.
# Folders of one rank are neighbours and do not include each other.
rank() {
  case $1 in
    proto/base*) echo 0 ;;
    proto/multi*) echo 1 ;;
    proto/keys*) echo 2 ;;
    proto/yamux* | proto/noise* | proto/select* | proto/http* | proto/tls*) echo 3 ;;
    proto/quic* | proto/ws*) echo 4 ;;
    proto/p2pos* | proto/libp2p* | proto/conn*) echo 5 ;;
    proto/cluster* | proto/rpc* | proto/release*) echo 6 ;;
    config*) echo 10 ;;
    daemon/sys*) echo 20 ;;
    daemon/io*) echo 21 ;;
    daemon/net* | daemon/store*) echo 22 ;;
    daemon/cluster* | daemon/discover* | daemon/update*) echo 23 ;;
    daemon/control*) echo 24 ;;
    daemon*) echo 25 ;;
    cli*) echo 30 ;;
    *) echo 99 ;;
  esac
}

while IFS=: read -r file line inc; do
  from=$(dirname "$file")
  to=$(dirname "$inc")
  [ "$from" = "$to" ] && continue
  rf=$(rank "$from") rt=$(rank "$to")
  if [ "$rt" -ge "$rf" ]; then
    offence "$file:$line: $from may not include $inc"
  elif [ "$rf" -ge 30 ] && [ "$rt" -ge 20 ]; then
    offence "$file:$line: the command line knows nothing of the daemon's insides: $inc"
  elif [ "$rf" -lt 10 ] && [ "$rt" -ge 10 ]; then
    offence "$file:$line: the pure code includes nothing outside proto: $inc"
  fi
done < <(grep -nE '^#include "' -r proto config daemon cli --include='*.[ch]' 2>/dev/null |
  sed -E 's/^([^:]+):([0-9]+):#include "([^"]+)".*/\1:\2:\3/')

room() { # pattern, what it is, then the folders that may have it
  local pattern=$1 what=$2 hit
  shift 2
  while IFS= read -r hit; do
    [ -n "$hit" ] || continue
    for allowed in "$@"; do
      case $hit in "$allowed"*) continue 2 ;; esac
    done
    offence "$hit: $what has another room"
  done < <(grep -nE "$pattern" -r proto config daemon cli --include='*.[ch]' 2>/dev/null | cut -d: -f1,2,3)
}

room '#include <uv\.h>' 'libuv' daemon/io/
room '#include <ares(\.h|_)' 'c-ares' daemon/io/
room '#include <sqlite3\.h>' 'SQLite' daemon/store/
room '#include <ngtcp2' 'ngtcp2' proto/quic/
room '#include <gnutls' 'GnuTLS' proto/tls/ proto/quic/
room '#include <curl/' 'libcurl' cli/updater/
room '#include <libsmartcols' 'libsmartcols' cli/out_text.c
room '#include <systemd/' 'libsystemd' daemon/sys/

# proto/ is pure: no sockets, clocks, files, threads, printing.
pure='#include <(sys/socket|netinet/|arpa/|netdb|sys/un|poll|sys/epoll|pthread|threads|fcntl|sys/stat|dirent|signal|time|sys/time|uv|unistd)'
while IFS= read -r hit; do
  case $hit in
    # The one way out of an exhausted process, explained there.
    proto/base/mem.c:*unistd.h*) ;;
    "") ;;
    *) offence "$hit: the pure code does not touch the world" ;;
  esac
done < <(grep -nE "$pure" -r proto --include='*.[ch]')
calls='\b(printf|fprintf|puts|fopen|open|socket|connect|send|recv|clock_gettime|gettimeofday|time|getrandom|randombytes_buf|randombytes_random|crypto_sign_keypair|rand|random|pthread_create|getenv|exit|abort)\('
while IFS= read -r hit; do
  [ -n "$hit" ] && offence "$hit: the pure code does not call this"
done < <(grep -nE "(^|[^_[:alnum:]>.\"])$calls" -r proto --include='*.c' | grep -vE ':[0-9]+:[[:space:]]*(\*|/\*|//)' | grep -vE '^proto/base/mem\.c:')
while IFS= read -r hit; do
  [ -n "$hit" ] && offence "$hit: a global that can change"
done < <(grep -nE '^(static )?(_Thread_local |__thread )?[a-z_][a-z0-9_ *]*[a-z0-9_]+(\[[^]]*\])?( = [^(]*)?;$' -r proto --include='*.c' |
  grep -vE ':(static )?const |\bconst\b|:typedef|:extern|:return|:struct [a-z_]+;$')

# Clocks and randomness come in through daemon/io.
while IFS= read -r hit; do
  case $hit in
    daemon/io/* | cli/* | "") ;;
    *) offence "$hit: clocks and randomness live in daemon/io" ;;
  esac
done < <(grep -nE '(^|[^_[:alnum:]>."])(clock_gettime|gettimeofday|time|getrandom)\(' -r daemon cli config --include='*.c' |
  grep -vE ':[0-9]+:[[:space:]]*(\*|/\*|//)')

[ "$bad" -eq 0 ] && echo "arrows: every include and library is in its room"
exit "$bad"
