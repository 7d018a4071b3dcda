#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# install.sh --offline: what it takes from a directory, what it refuses, and that it needs nothing
# else. The machines have no network.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # lines of shell for the machine; what bats sets

bats_require_minimum_version 1.5.0
load machine

setup_file() { make_material; }
setup() { machine_start; }
teardown() { machine_stop; }

sums() { shell 'cd /mnt && rm -f SHA256SUMS && sha256sum * >SHA256SUMS'; }

# A package of one file, put into the directory.
make_deb() { # name, version, line of control, file it brings, with its content on standard input
  inside mkdir -p "/tmp/$1/DEBIAN" "/tmp/$1$(dirname "$4")"
  inside tee "/tmp/$1$4" >/dev/null
  shell "printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: none <none@example.org>\nDescription: none\n$3' '$1' '$2' >/tmp/$1/DEBIAN/control
    dpkg-deb --root-owner-group -b /tmp/$1 /mnt/$1_$2_all.deb >/dev/null; rm -r /tmp/$1"
}
# The tarball of programs, with other words about what it depends on.
depend_on() { # packages
  shell 'cd /mnt && mkdir /tmp/t && tar -xzf p2pos-*.tar.gz -C /tmp/t && rm /tmp/t/share/doc/p2pos/depends
    for package in "$@"; do echo $package; done >/tmp/t/share/doc/p2pos/depends
    tar -C /tmp/t -czf p2pos-*.tar.gz . && rm -r /tmp/t' "$@"
}
# p2pos as a package: the same files below /usr.
make_p2pos_deb() { # version
  shell 'mkdir -p /tmp/d/usr /tmp/d/DEBIAN && tar -xzf /mnt/p2pos-*.tar.gz -C /tmp/d/usr && sed -i s,/usr/local,/usr,g /tmp/d/usr/lib/systemd/system/*
    printf "Package: p2pos\nVersion: %s\nArchitecture: %s\nMaintainer: none <none@example.org>\nDescription: none\n" "$1" "$(dpkg --print-architecture)" >/tmp/d/DEBIAN/control
    dpkg-deb --root-owner-group -b /tmp/d "/mnt/p2pos_$1_$(dpkg --print-architecture).deb" >/dev/null; rm -r /tmp/d' "$1"
}
has_package() { [ "$(inside dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null)" = "installed $2" ]; }

@test "packages that are missing come from the directory, with what they need; others do not" {
  make_deb p2pos-test-inner 1.0 "" /usr/share/p2pos-test-inner <<<inner
  make_deb p2pos-test-outer 1.0 "Depends: p2pos-test-inner\n" /usr/share/p2pos-test-outer <<<outer
  make_deb p2pos-test-other 1.0 "" /usr/share/p2pos-test-other <<<other
  depend_on libc6 p2pos-test-outer
  sums
  lists=$(inside find /var/lib/apt/lists /etc/apt -printf '%p %s %t\n')
  run --separate-stderr offline --init demo --json
  exits 0
  holds "healthy" test "$(result state)" = healthy
  holds "the one that is needed" has_package p2pos-test-outer 1.0
  holds "what that needs" has_package p2pos-test-inner 1.0
  holds "not the other" inside sh -c '! dpkg-query -W p2pos-test-other 2>/dev/null'
  holds "apt's own lists and sources are as they were" test "$(inside find /var/lib/apt/lists /etc/apt -printf '%p %s %t\n')" = "$lists"
  run --separate-stderr offline --init demo --json
  holds "a second run changes nothing" test "$(result changed)" = false
}

@test "a package that is not there is named, and a later run with it goes on" {
  depend_on libc6 p2pos-test-outer
  sums
  run --separate-stderr offline --init demo --json
  exits 69
  holds "its name" grep -q p2pos-test-outer <<<"$(result error.message)"
  holds "no program yet" inside test ! -e /usr/local/bin/p2posd
  make_deb p2pos-test-outer 1.0 "" /usr/share/p2pos-test-outer <<<outer
  sums
  run offline --init demo
  exits 0
}

@test "a library that no package brings is named" {
  stub ldd <<'TEXT'
#!/bin/sh
echo "	libwanted.so.9 => not found"
TEXT
  run offline
  exits 69
  says "libraries are missing: libwanted.so.9"
  holds "no program yet" inside test ! -e /usr/local/bin/p2posd
}

@test "a damaged directory is refused before anything changes" {
  before=$(traces)
  shell 'truncate -s -1 /mnt/p2pos-*.tar.gz'
  run offline
  exits 65
  says "tar.gz is damaged: it differs from SHA256SUMS"
  says_one_line
  sums
  shell 'sed -i /tar.gz/d /mnt/SHA256SUMS'
  run offline
  exits 65
  says "is not in SHA256SUMS"
  inside rm /mnt/SHA256SUMS
  run offline
  exits 66
  says "has no SHA256SUMS"
  run install_sh --offline /no/such/directory
  exits 66
  inside mkdir /tmp/empty
  run install_sh --offline /tmp/empty
  exits 66
  holds "nothing is there" diff <(echo "$before") <(traces)
}

@test "a tarball that is none is refused" {
  shell 'echo nonsense >"$(ls /mnt/p2pos-*.tar.gz)"'
  sums
  run offline
  exits 65
  says "is no archive of programs"
}

@test "of several versions it takes the newest, or the one that is wanted" {
  shell 'for version in 20240101-0000 20990101-0000; do cp /mnt/p2pos-2*-dev-linux-*.tar.gz "/mnt/p2pos-$version-linux-$(dpkg --print-architecture).tar.gz"; done'
  sums
  run offline --dry-run
  says "installing p2pos 20990101-0000 from"
  run offline --dry-run --version 20240101-0000
  says "installing p2pos 20240101-0000 from"
  run inside env P2POS_VERSION=20240101-0000 /mnt/install.sh --offline /mnt --dry-run
  says "installing p2pos 20240101-0000 from"
  shell 'cp /mnt/p2pos-2099*.tar.gz "/mnt/p2pos-20990101-0000-dev-linux-$(dpkg --print-architecture).tar.gz"'
  sums
  run offline --dry-run
  says "installing p2pos 20990101-0000 from"
  run offline --version 20230101-0000
  exits 66
  says "p2pos 20230101-0000"
}

@test "a package is taken first, is upgraded but not downgraded, and goes whole" {
  clean=$(names)
  make_p2pos_deb 20270101.0000~dev-1
  sums
  run --separate-stderr offline --init demo --json
  exits 0
  holds "by package" test "$(result method)" = deb
  holds "below /usr" test "$(result prefix)" = /usr
  holds "healthy" test "$(result state)" = healthy
  run --separate-stderr offline --init demo --json
  holds "a second run changes nothing" test "$(result changed)" = false
  make_p2pos_deb 20270101.0000-1
  sums
  pid=$(inside pgrep -x p2posd)
  run --separate-stderr offline --json
  exits 0
  holds "the newer one" has_package p2pos 20270101.0000-1
  holds "another process" test "$(inside pgrep -x p2posd)" != "$pid"
  run offline --version 20270101-0000-dev
  exits 1
  says "which is newer than 20270101.0000~dev-1"
  run offline --method tarball
  exits 1
  says "the package p2pos 20270101.0000-1 is installed"
  run install_sh --uninstall --purge --yes
  exits 0
  inside rm -r /root/p2pos-demo
  shell 'rm -f /var/lib/dpkg/info/p2pos.*'
  holds "nothing is left" diff <(grep -v /var/lib/dpkg <<<"$clean") <(names | grep -v /var/lib/dpkg)
}

@test "sources are built where no programs are" {
  shell 'mkdir -p /tmp/s/p2pos/programs && tar -xzf /mnt/p2pos-*.tar.gz -C /tmp/s/p2pos/programs && rm /mnt/p2pos-*.tar.gz
    printf "%s\n" "all:" "install:" "	mkdir -p \$(DESTDIR)\$(PREFIX) && cp -a programs/. \$(DESTDIR)\$(PREFIX)" >/tmp/s/p2pos/Makefile
    tar -C /tmp/s -cJf /mnt/p2pos-20261121-0000.tar.xz p2pos'
  sums
  run --separate-stderr offline --init demo --json
  exits 0
  holds "by sources" test "$(result method)" = archive
  holds "healthy" test "$(result state)" = healthy
}

@test "through a pipe it needs no file of its own, and a cut download does nothing" {
  before=$(traces)
  size=$(inside stat -c %s /mnt/install.sh)
  for cut in 1 100 5000 $((size / 2)) $((size - 200)) $((size - 2)) $((size - 5)) $((size - 6)); do
    run shell "head -c $cut /mnt/install.sh | sh -s -- --offline /mnt --init demo"
  done
  holds "nothing is there" diff <(echo "$before") <(traces)
  run shell "cat /mnt/install.sh | sh -s -- --offline /mnt --init demo --yes"
  exits 0
  says "healthy  (1 of 1 members online"
}
