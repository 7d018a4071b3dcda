#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# install.sh on machines to throw away (machine.bash): what it makes, what it leaves, and how it
# refuses. Real programs and real keys; systemd and building are seen in e2e/fleet.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # lines of shell for the machine; what bats sets

bats_require_minimum_version 1.5.0
load machine

setup_file() { make_material; }
setup() { machine_start; }
teardown() { machine_stop; }

# A join string of a cluster that is elsewhere.
join_string() {
  inside sh -c 'cd /tmp && tar -xzf /mnt/p2pos-*.tar.gz ./bin/p2posctl &&
    ./bin/p2posctl --field join init --cluster prod --data-dir /tmp/other --listen 127.0.0.1:4199'
}

@test "init makes a node that is healthy, and says so in one line of JSON" {
  run --separate-stderr offline --init demo --json
  exits 0
  says_one_line
  holds "changed" test "$(result changed)" = true
  holds "healthy" test "$(result state)" = healthy
  holds "a string for others" grep -q '^p2pos-join://' <<<"$(result identity.join)"
  holds "the id of the node" grep -q '^12D3KooW' <<<"$(result identity.node.peer_id)"
  holds "the way it took" test "$(result method)" = tarball
  for file in system.key admin.key admin.proof admin.bundle; do
    holds "$file is for root alone" test "$(inside stat -c %U:%a "/root/p2pos-demo/$file")" = root:600
  done
  holds "no private key in what it prints" test -z "$(shell 'for f in /root/p2pos-demo/*.key; do grep -F "$(cat $f)" <<<"$1" || true; done' "$output$stderr")"
  says_not bundle\":\"p2pos
}

@test "without --json it shows the secrets' places, the join string and the status" {
  run offline --init demo --dns init.example.org
  exits 0
  says "/root/p2pos-demo/system.key"
  says "p2posctl join 'p2pos-join://"
  says "_dnsaddr.init.example.org. IN TXT"
  says "healthy  (1 of 1 members online"
  says_not "Web Admin bundle"
  run offline --init demo --show-bundle
  exits 0
  says "Web Admin bundle (a secret):"
}

@test "a second run changes nothing" {
  offline --init demo
  before=$(traces) pid=$(inside pgrep -x p2posd)
  run --separate-stderr offline --init demo --json
  exits 0
  holds "it says so" test "$(result changed)" = false
  holds "not a file" diff <(echo "$before") <(traces)
  holds "the same daemon" test "$(inside pgrep -x p2posd)" = "$pid"
  run --separate-stderr offline --json
  holds "without --init neither" test "$(result changed)" = false
}

@test "join takes the string as a word, a file, or standard input" {
  string=$(join_string)
  shell "echo '$string' >/tmp/string"
  run --separate-stderr offline --join "$string" --json
  exits 0
  holds "waiting to be let in" test "$(result state)" = unconfigured
  holds "of that cluster" test "$(result identity.cluster.id)" = prod
  for way in @/tmp/string -; do
    run --separate-stderr inside sh -c "/mnt/install.sh --offline /mnt --join $way --json </tmp/string"
    exits 0
    holds "the same node" test "$(result changed)" = false
  done
}

@test "a damaged or missing join string stops it before anything is installed" {
  string=$(join_string)
  before=$(traces)
  shell "echo '${string%??????????????????????????????}' >/tmp/cut; echo >/tmp/empty"
  for bad in nonsense p2pos-join:// p2pos-join://e30 'p2pos-join://eyJ2IjoxLCJj!' @/tmp/cut @/tmp/empty; do
    run offline --join "$bad"
    exits 65
    says_one_line
  done
  run offline --join @/no/such/file
  exits 66
  says_one_line
  run inside sh -c '/mnt/install.sh --offline /mnt --join - </dev/null'
  exits 66
  run --separate-stderr offline --join nonsense --json
  exits 65
  holds "the error as JSON" test "$(result error.reason)" = data_invalid
  holds "nothing is there" diff <(echo "$before") <(traces)
}

@test "a string that only p2posctl sees through leaves no node, and the right one finishes the job" {
  string=$(join_string)
  false_one=p2pos-join://$(printf '{"v":1,"cluster_id":"prod","system_pubkey":"x"}' | base64 -w 0 | tr -d =)
  run --separate-stderr offline --join "$false_one" --json
  exits 65
  holds "p2posctl's own words" test "$(result error.code)" = 65
  holds "no configuration" inside test ! -e /etc/p2pos/config.json
  run --separate-stderr offline --join "$string" --json
  exits 0
  holds "unconfigured" test "$(result state)" = unconfigured
}

@test "wrong usage is told in one line" {
  wrong() {
    run install_sh "$@"
    exits 64
    says_one_line
  }
  wrong --what
  wrong --init
  wrong --init ""
  wrong --init a --join b
  wrong --init "two words"
  wrong --init "$(printf 'a%.0s' {1..65})"
  wrong --dns example.org
  wrong --purge
  wrong --uninstall --init a
  wrong --prefix relative
  wrong --prefix '/with space'
  wrong --prefix /
  wrong --method rpm
  wrong --method deb
  wrong --method deb --offline /mnt --prefix /opt
  run --separate-stderr install_sh --what --json
  exits 64
  holds "as JSON, too" test "$(result error.reason)" = usage
}

@test "a dry run needs no root and touches nothing" {
  before=$(traces)
  run inside setpriv --reuid nobody --regid nogroup --clear-groups /mnt/install.sh --offline /mnt --init demo --dry-run
  exits 0
  says "  useradd"
  says "  /usr/local/bin/p2posctl init --cluster demo"
  holds "nothing is there" diff <(echo "$before") <(traces)
}

@test "without root it says so" {
  run inside setpriv --reuid nobody --regid nogroup --clear-groups /mnt/install.sh --offline /mnt
  exits 77
  says "needs root"
}

@test "a read-only file system is seen before anything changes" {
  shell "mount --bind /etc /etc && umount /etc" # leaves its own traces once
  before=$(traces)
  for place in /usr/local /etc /var/lib; do
    shell "mount --bind $place $place && mount -o remount,ro,bind $place"
    run offline --init demo
    exits 73
    says "cannot write to $place: its file system is mounted read-only"
    says_one_line_but_the_first
    shell "umount $place"
  done
  holds "nothing is there" diff <(echo "$before") <(traces)
}
# The first line tells what is about to be installed.
says_one_line_but_the_first() { holds "one line of error" test "$(grep -vc 'installing p2pos' <<<"$output")" -eq 1; }

@test "a key of the wrong owner or mode is told, not repaired, and then it goes on" {
  offline --no-start --init demo
  id=$(inside p2posctl --field peer_id key show-id @/var/lib/p2pos/node.key)
  for wrong in 'chmod 644' 'chown nobody'; do
    shell "$wrong /var/lib/p2pos/node.key"
    run offline --init demo
    exits 77
    says "/var/lib/p2pos/node.key is"
    shell "chown p2pos:p2pos /var/lib/p2pos/node.key && chmod 600 /var/lib/p2pos/node.key"
  done
  shell "chmod 666 /etc/p2pos/config.json"
  run offline
  exits 77
  shell "chmod 640 /etc/p2pos/config.json"
  run --separate-stderr offline --init demo --json
  exits 0
  holds "healthy" test "$(result state)" = healthy
  holds "the same node" test "$(result identity.node.peer_id)" = "$id"
}

@test "init gives the service what a run cut short has left with root, and nothing of others" {
  offline --no-start --init demo
  shell "chown root:root /var/lib/p2pos/node.key /etc/p2pos/config.json && chmod 600 /etc/p2pos/config.json"
  run inside p2posctl init --cluster demo
  exits 0
  holds "the key is the service's" test "$(inside stat -c '%U %a' /var/lib/p2pos/node.key)" = "p2pos 600"
  holds "the configuration is readable" test "$(inside stat -c '%U:%G %a' /etc/p2pos/config.json)" = "root:p2pos 640"
  shell "chown nobody /var/lib/p2pos/node.key"
  run inside p2posctl init --cluster demo
  exits 78
  says "belongs to another user"
  holds "it is as it was" test "$(inside stat -c %U /var/lib/p2pos/node.key)" = nobody
}

@test "a key that is none is never replaced" {
  offline --no-start --init demo
  shell "echo nonsense >/var/lib/p2pos/node.key && rm /etc/p2pos/config.json"
  run offline --init demo
  exits 78
  holds "it is as it was" test "$(inside cat /var/lib/p2pos/node.key)" = nonsense
}

@test "another cluster's machine is left as it is" {
  offline --init demo
  before=$(inside sha256sum /etc/p2pos/config.json /var/lib/p2pos/node.key)
  run offline --join "$(join_string)"
  exits 73
  run offline --init other
  exits 73
  holds "nothing lost" test "$(inside sha256sum /etc/p2pos/config.json /var/lib/p2pos/node.key)" = "$before"
  holds "and it runs" inside p2posctl health
}

# Ends the installer, as kill does, where it puts a file of this name in its place.
cut_at() { # name
  stub mv <<TEXT
#!/bin/sh
case "\$*" in *$1) kill -9 \$PPID; exit 1 ;; esac
exec /usr/bin/mv "\$@"
TEXT
  run offline --init demo
  exits 137
  inside rm /usr/local/stubs/mv
}

@test "a run cut short at any file is finished by the next, and removed whole" {
  clean=$(names)
  for name in installed p2posd p2posctl p2posd.service config.example.json; do
    cut_at "$name"
    run install_sh --uninstall --purge --yes
    exits 0
    holds "$name: nothing is left" diff <(echo "$clean") <(names)
    cut_at "$name"
    run --separate-stderr offline --init demo --json
    exits 0
    holds "$name: healthy" test "$(result state)" = healthy
    holds "$name: no leftovers" test -z "$(inside find /usr/local -name '*.p2pos-new')"
    install_sh --uninstall --purge --yes
    inside rm -r /root/p2pos-demo
  done
}

@test "two at once: the second says that the first is at it" {
  inside sh -c 'exec 9>/run/p2pos-install.lock; flock 9; echo held; exec sleep infinity' >"$BATS_TEST_TMPDIR/held" &
  while ! grep -q held "$BATS_TEST_TMPDIR/held"; do read -rt 0.05 <> <(:) || true; done
  run offline
  exits 75
}

@test "an installation elsewhere goes first" {
  offline --no-start
  run offline --prefix /opt/p2pos
  exits 1
  says "p2pos is installed in /usr/local/bin: --uninstall it first, or say --prefix /usr/local"
}

@test "below another prefix the unit is where the system looks, and names the programs" {
  clean=$(names)
  run --separate-stderr offline --prefix /opt/p2pos --init demo --json
  exits 0
  holds "healthy" test "$(result state)" = healthy
  holds "the unit" inside grep -qx 'ExecStart=/opt/p2pos/bin/p2posd' /usr/local/lib/systemd/system/p2posd.service
  run install_sh --uninstall --purge --yes
  exits 0
  shell "rm -r /root/p2pos-demo"
  holds "it goes whole" diff <(echo "$clean") <(names)
}

@test "uninstall keeps configuration, keys and data; installing again brings the node back" {
  id=$(offline --init demo --json 2>/dev/null | python3 -c 'import json,sys; print(json.load(sys.stdin)["identity"]["node"]["peer_id"])')
  run install_sh --uninstall
  exits 0
  for path in /etc/p2pos/config.json /var/lib/p2pos/node.key /var/lib/p2pos/p2pos.db; do
    holds "$path stays" inside test -f "$path"
  done
  for path in /usr/local/bin/p2posd /usr/local/bin/p2posctl /usr/local/share/p2pos; do
    holds "$path goes" inside test ! -e "$path"
  done
  holds "no daemon" inside flock --wait 20 /var/lib/p2pos/p2pos.lock true
  run --separate-stderr install_sh --uninstall --json
  exits 0
  holds "nothing twice" test "$(result changed)" = false
  run --separate-stderr offline --json
  exits 0
  holds "healthy" test "$(result state)" = healthy
  holds "the same node" test "$(inside p2posctl --field node.peer_id status)" = "$id"
}

@test "purge without a terminal wants --yes, and then leaves nothing but the cluster's secrets" {
  clean=$(names)
  offline --init demo
  run install_sh --uninstall --purge
  exits 64
  says "without a terminal say --yes"
  holds "nothing lost" inside p2posctl health
  shell "echo 'deb http://x y z' >/etc/apt/sources.list.d/p2pos-backports.list"
  run install_sh --uninstall --purge --yes
  exits 0
  says "the secrets of the cluster stay: /root/p2pos-demo"
  holds "they do" inside test -f /root/p2pos-demo/system.key
  shell "rm -r /root/p2pos-demo"
  holds "nothing is left" diff <(echo "$clean") <(names)
}

@test "purge on a terminal asks for the cluster's id" {
  offline --init demo
  run shell 'echo other | script -qec "/mnt/install.sh --uninstall --purge" /dev/null'
  exits 1
  says "Type the cluster's id"
  holds "nothing lost" inside p2posctl health
  run shell 'echo demo | script -qec "/mnt/install.sh --uninstall --purge" /dev/null'
  exits 0
  holds "gone" inside test ! -e /var/lib/p2pos
}

@test "under systemd the service is enabled and restarted once, and a second run leaves it alone" {
  shell "mkdir -p /run/systemd/system"
  stub systemctl <<'TEXT'
#!/bin/sh
echo "$*" >>/tmp/systemctl
case $1 in is-active | is-enabled) grep -q restart /tmp/systemctl ;; esac
TEXT
  stub p2posctl <<'TEXT'
#!/bin/sh
TEXT
  offline --no-start --init demo
  run offline
  says "starting p2posd.service"
  holds "in order" diff <(printf '%s\n' "daemon-reload" "enable --quiet p2posd.service" "restart p2posd.service" "try-restart p2pos-state.service") \
    <(inside grep -vE '^is-' /tmp/systemctl)
}
