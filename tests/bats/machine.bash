# SPDX-License-Identifier: Apache-2.0
# A machine to throw away: this one's file systems under an overlay, with processes, network and
# mounts of its own, in which root may do what it likes. No systemd runs there.

repo=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

# Once a file: the directory that --offline takes, without the libraries, which are here.
make_material() {
  [ "$(id -u)" -eq 0 ] || {
    echo "these tests need root" >&2
    return 1
  }
  material=$BATS_FILE_TMPDIR/material
  "$repo/packaging/offline.sh" --build "${P2POS_BUILD:-build}" --no-packages "$material" >/dev/null
}

machine_start() {
  machine=$BATS_TEST_TMPDIR/machine
  mkdir -p "$machine"/{up,work,root}
  unshare --mount --net --pid --uts --fork --kill-child bash -eu "$BATS_TEST_DIRNAME/machine-init" \
    "$machine" "$BATS_FILE_TMPDIR/material" >"$machine/log" 2>&1 3>&- &
  machine_unshare=$!
  # The writer of the pipe is the machine: it ends with it, too.
  mkfifo "$machine/ready"
  read -r _ <"$machine/ready" || true
  machine_pid=$(pgrep -P "$machine_unshare") || {
    cat "$machine/log" >&2
    return 1
  }
}

machine_stop() {
  [ -n "${machine_pid:-}" ] || return 0
  # Its first process takes all others with it; unshare itself only waits for that.
  kill -KILL "$machine_pid"
  wait "$machine_unshare" 2>/dev/null || true
}

# Runs a command in the machine, without a terminal.
inside() {
  setsid --wait nsenter --target "$machine_pid" --mount --net --pid --uts --root -- \
    /usr/bin/env -i -C /root HOME=/root LANG=C.UTF-8 "PATH=/usr/local/stubs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    "$@" 3>&-
}
# The same for a line of shell, with words for it.
shell() { inside /bin/bash -euc "$1" bash "${@:2}"; }

# The installer as it came with the directory.
install_sh() { inside /mnt/install.sh "$@"; }
offline() { install_sh --offline /mnt "$@"; }

# A program that comes before the real one.
stub() { # name, with the script on standard input
  inside mkdir -p /usr/local/stubs
  inside tee "/usr/local/stubs/$1" >/dev/null
  inside chmod 755 "/usr/local/stubs/$1"
}

# What lies where the installer may write, with times and sizes: equal before and after what changes
# nothing. What the daemon itself writes is left out.
traces() {
  inside find /etc /usr/local /opt /root /var/lib /var/cache /run \( -path '/var/lib/p2pos/*' -o -path /usr/local/stubs \
    -o -path '/run/p2pos*' -o -path /run/mount \) -prune -o -printf '%y %m %U:%G %s %t %p\n' | sort
}
# The same by name, with owners and modes: equal before coming and after going.
names() {
  inside find /etc /usr/local /opt /root /var/lib /var/cache /var/log /run -path /usr/local/stubs -prune -o \
    ! -path /run/p2pos-install.lock -printf '%y %m %U:%G %p\n' | sort
  inside sort /etc/passwd /etc/group
}

# What must hold, told when it does not.
holds() { # sentence, command…
  local what=$1
  shift
  "$@" || {
    echo "not so: $what" >&2
    echo "status ${status:-}, output:" >&2
    printf '%s\n' "${output:-}" >&2
    return 1
  }
}
exits() { holds "exit code $1" test "$status" -eq "$1"; }
says() { holds "says: $1" grep -qF -- "$1" <<<"$output"; }
says_not() { ! grep -qF -- "$1" <<<"$output" || holds "does not say: $1" false; }
says_one_line() { holds "one line" test "$(wc -l <<<"$output")" -eq 1; }
# A value of the last line, which is JSON: `result changed`.
result() { tail -n 1 <<<"$output" | python3 -c 'import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("."): value = value[key]
print(json.dumps(value) if isinstance(value, bool) else value)' "$1"; }
