# SPDX-License-Identifier: Apache-2.0
# machines.bash: Debian machines for tests, made by debootstrap from the mirror that this machine's
# own apt sources name, and booted with systemd-nspawn, so that their systemd really runs.
#
# A machine is a directory of its own over shared, read-only trees (an overlay); what it writes goes
# with it. Callers set `machines_dir`, where machines live, and call machine_off for each they booted.
# shellcheck shell=bash

declare -A machine_process=()
machines_dir=

machines_say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }
machines_die() {
  machines_say "$*" >&2
  exit 1
}

machines_need() {
  local tool
  [ "$(id -u)" -eq 0 ] || machines_die "needs root"
  for tool in debootstrap systemd-nspawn nsenter unshare ip; do
    command -v "$tool" >/dev/null ||
      machines_die "needs $tool: apt-get install debootstrap systemd-container util-linux iproute2"
  done
}

machines_mirror() {
  { grep -hs '^URIs:' /etc/apt/sources.list.d/*.sources | awk '{print $2}'
    grep -hs '^deb ' /etc/apt/sources.list /etc/apt/sources.list.d/*.list | sed 's/\[[^]]*\]//' | awk '{print $2}'
  } | grep -m 1 '/debian/*$'
}

# Runs a command where what it mounts and starts ends with it, and the network is that of the caller.
# unshare itself would not pass on that we are to end.
machines_enclosed() { # command…
  local enclosed
  unshare --mount --pid --fork --kill-child --mount-proc "$@" &
  enclosed=$!
  trap 'kill "$(pgrep -P "$enclosed")" 2>/dev/null || true' INT TERM HUP
  while kill -0 "$enclosed" 2>/dev/null; do wait "$enclosed" || true; done
  wait "$enclosed"
}

# Runs a command in a tree that is not booted, with the network of the caller.
tree_inside() { # tree, line of shell
  local tree=$1 code=0
  cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
  unshare --mount --pid --fork --kill-child --mount-proc="$tree/proc" chroot "$tree" /usr/bin/env -i \
    HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive /bin/sh -euc "$2" || code=$?
  rm "$tree/etc/resolv.conf"
  return "$code"
}

# Makes the tree of a suite, once: a minimal system that boots, and git as the README asks for.
base_tree() { # suite, directory
  [ ! -d "$2" ] || return 0
  machines_say "debootstrap $1"
  rm -rf "$2.new"
  mkdir -p "$2.new"
  debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,git,sudo,ca-certificates \
    "$1" "$2.new" "$(machines_mirror)" >"$2.log" 2>&1 || {
    tail -n 20 "$2.log"
    machines_die "debootstrap failed"
  }
  : >"$2.new/etc/machine-id"
  mv "$2.new" "$2"
}

# Lays a directory for what changes over trees, the uppermost first, and mounts the whole.
overlay() { # mount point, directory for changes, trees…
  local point=$1 up=$2
  shift 2
  mkdir -p "$point" "$up" "$up.work"
  mount -t overlay overlay -o "lowerdir=$(IFS=:; echo "$*"),upperdir=$up,workdir=$up.work" "$point"
}

machine_root() { printf '%s\n' "$machines_dir/$1/root"; }
machine_make() { # name, trees…
  local name=$1
  shift
  mkdir -p "$machines_dir/$name"
  overlay "$(machine_root "$name")" "$machines_dir/$name/disk" "$@"
  echo "$name" >"$(machine_root "$name")/etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$(machine_root "$name")/etc/hosts"
}
machine_wipe() { # name
  umount "$(machine_root "$1")"
  rm -rf "${machines_dir:?}/$1"
}

# Lets a machine that is not booted reach what this one reaches: with the authorities that were added
# here, and with what package clients were told, as variables for all that sudo runs there. Tokens stay
# here: clients are asked for single settings, and the one file that is copied loses them.
machine_reaches_as_here() { # name
  local root key cargo=${CARGO_HOME:-$HOME/.cargo}/config.toml
  root=$(machine_root "$1")
  if [ -d /usr/local/share/ca-certificates ]; then
    cp -a /usr/local/share/ca-certificates "$root/usr/local/share/"
    chroot "$root" update-ca-certificates >/dev/null 2>&1 || machines_die "update-ca-certificates failed"
  fi
  for key in http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY SSL_CERT_FILE \
    SSL_CERT_DIR CURL_CA_BUNDLE GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS CARGO_HTTP_CAINFO CARGO_HTTP_PROXY; do
    machine_setting "$root" "$key" "${!key:-}"
  done
  if command -v npm >/dev/null; then
    for key in registry cafile proxy https-proxy noproxy strict-ssl; do
      machine_setting "$root" "npm_config_${key//-/_}" "$(npm config get "$key" | grep -vxE 'null|undefined' || true)"
    done
  fi
  if command -v go >/dev/null; then
    for key in GOPROXY GOSUMDB GONOPROXY GONOSUMDB GOPRIVATE GOINSECURE; do
      machine_setting "$root" "$key" "$(go env "$key")"
    done
  fi
  if [ -f "$cargo" ]; then
    mkdir -p "$root/root/.cargo"
    grep -vE '^[[:space:]]*(token|secret)' "$cargo" >"$root/root/.cargo/config.toml" || true
  fi
  echo 'Defaults env_file=/etc/environment' >"$root/etc/sudoers.d/environment"
}
machine_setting() { # root, variable, value; the file that it names comes with it
  [ -n "$3" ] || return 0
  [ ! -f "$3" ] || [ -e "$1$3" ] || install -D -m 0644 "$3" "$1$3"
  printf '%s=%s\n' "$2" "$3" >>"$1/etc/environment"
}

# Gives a machine that is not booted directories on no overlay, where machines can be made again: an
# overlay does not lie on another.
machine_plain() { # name, directories…
  local name=$1 directory
  shift
  for directory; do
    mkdir -p "$machines_dir/$name/plain$directory"
    chmod --reference="$(machine_root "$name")$directory" "$machines_dir/$name/plain$directory"
    mount --bind "$machines_dir/$name/plain$directory" "$(machine_root "$name")$directory"
  done
}

# Each has control groups of its own: two systemds in one group would end each other's services.
machine_cgroups() { # name
  local top
  for top in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
    [ ! -f "$top/cgroup.procs" ] || printf '%s\n' "$top/$(basename "$machines_dir")-$1"
  done
}
machine_cgroups_enter() { # name
  local group
  for group in $(machine_cgroups "$1"); do
    mkdir -p "$group"
    echo "$BASHPID" >"$group/cgroup.procs"
  done
}
machine_cgroups_remove() { # name
  local group
  for group in $(machine_cgroups "$1"); do
    [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
  done
}

# Boots a machine; a reboot inside boots it again, as a service manager does for it (exit code 133).
machine_start() { # name, [path of a network namespace, or nothing for ours], [options of nspawn…]
  local name=$1 network=(--network-namespace-path="${2:-}")
  [ -n "${2:-}" ] || network=()
  shift $(($# > 2 ? 2 : $#))
  (
    machine_cgroups_enter "$name"
    code=133
    while [ "$code" -eq 133 ]; do
      code=0
      # The older systemd of Debian 12 takes either hierarchy, the newer one wants this.
      SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn -q -D "$(machine_root "$name")" -b --register=no --keep-unit \
        -M "$name" "${network[@]}" "$@" --resolv-conf=off </dev/null >>"$machines_dir/$name/console" 2>&1 || code=$?
    done
  ) &
  machine_process[$name]=$!
}

# The process of its systemd, seen from here: the child of the nspawn that runs now.
machine_init() { # name
  local nspawn
  nspawn=$(pgrep -P "${machine_process[$1]}" -x systemd-nspawn) && pgrep -o -P "$nspawn" -x systemd
}

machine_wait() { # name
  local try
  for ((try = 0; try < 600; try++)); do
    inside "$1" 'systemctl is-system-running' 2>/dev/null | grep -qE 'running|degraded' && return 0
    kill -0 "${machine_process[$1]}" 2>/dev/null || break
    read -rt 0.2 <> <(:) || true
  done
  tail -n 20 "$machines_dir/$1/console"
  inside "$1" 'systemctl is-system-running; systemctl list-jobs --no-pager; systemctl --failed --no-pager' || true
  machines_die "$1: it does not boot in a container here"
}

# Runs a line of shell in a booted machine, as root.
inside() { # name, line
  local init
  init=$(machine_init "$1") || return 1
  nsenter --target "$init" --mount --uts --ipc --net --pid --cgroup --root -- \
    /usr/bin/env -i -C /root HOME=/root LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -c "$2"
}

# Asks a machine to power off. machine_off waits for it; for several, all are asked first.
machine_halt() { # name
  local init
  if init=$(machine_init "$1"); then kill -s RTMIN+4 "$init" 2>/dev/null || true; fi
}
machine_off() { # name
  [ -n "${machine_process[$1]:-}" ] || return 0
  machine_halt "$1"
  wait "${machine_process[$1]}" || true
  unset "machine_process[$1]"
  machine_cgroups_remove "$1"
}
