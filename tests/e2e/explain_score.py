# SPDX-License-Identifier: Apache-2.0
"""Twenty-five faults, each made for real, and whether `p2posctl explain` names it in its first line.

    python3 tests/e2e/explain_score.py            all of them; exit 1 below 23 (features.md N-08)
    python3 tests/e2e/explain_score.py frozen dns some

A fault is a function that makes it and gives the node that is asked, a pattern that only the right
cause matches, and nothing else. The first line is asked for again and again, because the symptoms of
a fault need their time; what counts is that the right cause stands there before patience ends, and
how long that took. Needs root: network namespaces, nftables, small file systems.
"""
import base64
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone

from p2pos import PATIENCE, Cluster, Failed, Net, Node, ctl, fault_library, free_port, join_string, run, strangers, wait_until
from signing import Admin
from test_dns import Server

WANTED = 23
FAULTS = {}


def fault(pattern):
    """Registers a generator that makes the fault, yields the node to ask, and cleans up."""
    def keep(f):
        FAULTS[f.__name__] = (pattern, contextlib.contextmanager(f))
        return f
    return keep


def first_line(node):
    a = node.ctl("explain", check=False)
    lines = (a.out or a.err).splitlines()
    return lines[0] if lines else ""


def stamp(**ahead):
    return (datetime.now(timezone.utc) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


def publish(node, snapshot, *flags):
    return node.ctl("--json", "member", "publish", "-", *flags, stdin=json.dumps(snapshot), check=False)


@contextlib.contextmanager
def hosts(size, transports=None, at=None):
    """A healthy cluster, each node on a host of its own."""
    with Net(size, hosts=at) as net, Cluster(size, hosts=net.hosts, netns=net.names) as c:
        first = c[0].init(c.cluster_id)
        c.join_string = first["join"]
        for n in c.nodes[1:]:
            n.join(c.join_string)
        for n in c if transports else []:
            n.configure(net={"transports": transports})
        for n in c:
            n.start()
        c[0].wait_state("healthy")
        c.approve(*[n.peer_id for n in c.nodes[1:]])
        c.wait_full()
        c.wait_mesh()
        yield net, c


# ---- the network

@fault(r"UDP seems to be blocked by a firewall: 1 of 2 members")
def udp_firewalled():
    with Net(3) as net, Cluster(3, hosts=net.hosts, netns=net.names) as c:
        net.rules(net.names[2], "meta l4proto udp drop")
        c.form()
        c.wait_mesh()
        yield c[0]


@fault(r"no packet comes back .* a firewall drops TCP")
def tcp_firewalled():
    with hosts(3, transports=["tcp"]) as (net, c):
        net.rules(net.names[2], "meta l4proto tcp drop")
        yield c[0]


@fault(r"the path between this node and \S+ is cut in one direction or both")
def one_way_partition():
    with hosts(3) as (net, c):
        net.cut(net.names[0], [net.hosts[1]])
        yield c[0]


@fault(r"packet loss on the way to [12] of 2 peers")
def thirty_percent_loss():
    with hosts(3) as (net, c):
        net.loss(30)
        yield c[0]


@fault(r"small packets arrive and large ones are lost, as in an MTU hole")
def mtu_hole():
    with hosts(3, transports=["tcp"]) as (net, c):
        net.rules(net.names[2], "meta length > 1300 drop")
        # Nothing shows while all messages are small; a list of so many members is not.
        c[0].json("member", "add", *strangers(40), "--admin-key", c.admin_key, "--yes", "--force")
        yield c[0]


# ---- other nodes

@fault(r"stands still: \S+ takes connections and p2posd there does not answer")
def node_frozen():
    with Cluster(3) as c:
        c.form()
        c.wait_mesh()
        c[2].freeze()
        yield c[0]


@fault(r"p2posd does not run at \S+: it was stopped or killed")
def node_killed():
    with Cluster(3) as c:
        c.form()
        c.wait_mesh()
        c[2].kill()
        yield c[0]


@fault(r"two nodes use one key")
def two_nodes_with_one_key():
    with Net(4, hosts=["10.77.0.1", "10.77.0.2", "10.77.3.3", "10.77.4.4"]) as net, \
            Cluster(3, hosts=net.hosts[:3], netns=net.names[:3]) as c:
        c.form()
        clone = c.add(host=net.hosts[3], netns=net.names[3])
        for name in ("config.json", "node.key"):
            shutil.copy(c[2].dir / name, clone.dir / name)
        clone.configure(listen=[clone.listen])
        clone.peer_id = c[2].peer_id
        clone.start()
        yield c[0]


@fault(r"signed two different lists for one instant \(equivocation\)")
def equivocation():
    with Cluster(3) as c:
        c.form()
        admin, everybody, at = Admin(c[0].dir / "admin"), [n.peer_id for n in c], stamp(seconds=2)
        one = admin.snapshot(everybody, at)
        two = admin.snapshot(everybody[:2], at)
        publish(c[0], one, "--force")
        publish(c[1], two, "--force")
        wait_until("somebody saw both", lambda: any("membership_conflict" in n.log() for n in c))
        yield next(n for n in c if "membership_conflict" in n.log())


@fault(r"dated in the future")
def snapshot_from_the_future():
    with Cluster(3) as c:
        c.form()
        ahead = c[0]
        ahead.stop()
        ahead.extra_env = {**fault_library(), "P2POS_CLOCK_OFFSET_S": "3600"}
        ahead.start()
        c.wait_full()
        publish(ahead, Admin(ahead.dir / "admin").snapshot([n.peer_id for n in c], stamp(hours=1)), "--force")
        yield c[1]


@fault(r"the guest limit is reached \(2\)")
def guest_limit_reached():
    with Cluster(1) as c:
        c[0].init(c.cluster_id)
        c[0].configure(limits={"guests": 2})
        c[0].start()
        c[0].wait_state("healthy")
        text = c[0].ctl("--json", "init", "--cluster", c.cluster_id, "--data-dir", c[0].dir, "--listen", c[0].listen,
                        "--out", c[0].dir / "admin").json["join"]
        for _ in range(4):
            n = c.add()
            n.join(text)
            n.start()
        yield c[0]


# ---- the list and who signs it

@fault(r"an admin has removed this node")
def removed_by_an_admin():
    with Cluster(3) as c:
        c.form()
        c[0].json("member", "remove", c[2].peer_id, "--admin-key", c.admin_key, "--yes")
        yield c[2]


@contextlib.contextmanager
def mistaken(**changes):
    """A member whose configuration is wrong in one point, of which the list in force names it."""
    with Cluster(2) as c:
        c.form()
        n = c.add()
        n.join(c.join_string)
        n.configure(**changes)
        n.start()
        c.approve(n.peer_id)
        yield n


@fault(r'others offer a list of the cluster "demo", and cluster_id of this node is "dmeo"')
def wrong_cluster_id():
    with mistaken(cluster_id="dmeo") as n:
        yield n


@fault(r"does not verify with system_pubkey of this node")
def wrong_system_key():
    other = re.search(r"SYSTEM_PUB_B64=(\S+)", ctl("keygen", "--new-system").out).group(1)
    with mistaken(system_pubkey=other) as n:
        yield n


@fault(r"the admin proof behind the list has expired")
def proof_expired():
    with Cluster(1) as c:
        c.form()
        c[0].stop()
        c[0].extra_env = {**fault_library(), "P2POS_CLOCK_OFFSET_S": str(400 * 86400)}
        c[0].start()
        yield c[0]


@fault(r"proof (is|was) not valid yet")
def proof_not_yet_valid():
    with Cluster(1) as c:
        c.form()
        admin = Admin(c[0].dir / "admin")
        admin.proof = admin.prove(stamp(days=1), stamp(days=100))
        publish(c[0], admin.snapshot([c[0].peer_id], stamp()), "--force")
        yield c[0]


@fault(r"this node's clock is \d+\.\d s behind the others'")
def clock_off():
    with Cluster(3) as c:
        c.form()
        c[2].stop()
        c[2].extra_env = {**fault_library(), "P2POS_CLOCK_OFFSET_S": "-60"}
        c[2].start()
        yield c[2]


# ---- finding the cluster

@contextlib.contextmanager
def newcomer(*bootstrap, **changes):
    """A node that looks for a cluster by these entries; the cluster and the newcomer."""
    with Cluster(1) as c:
        c.form()
        n = c.add()
        n.join(join_string(c.cluster_id, c[0].config["system_pubkey"], *(b(c[0]) if callable(b) else b for b in bootstrap)))
        if changes:
            n.configure(**{k: v(c[0]) if callable(v) else v for k, v in changes.items()})
        n.start()
        yield c, n


@fault(r"DNS gives no answer for init\.test")
def dns_gone():
    with newcomer("init.test", dns={"servers": [f"127.0.0.1:{free_port()}"]}) as (_, n):
        yield n


@fault(r"the TXT record in DNS seems to be stale")
def stale_txt():
    with Cluster(1) as c:
        c.form()
        moved = f"/ip4/127.0.0.1/tcp/{free_port()}/p2p/{c[0].peer_id}"
        with Server([("_dnsaddr.init.test", f"dnsaddr={moved}")]) as server:
            n = c.add()
            n.join(join_string(c.cluster_id, c[0].config["system_pubkey"], "init.test"))
            n.configure(dns={"servers": [server.address]})
            n.start()
            yield n


@fault(r"no bootstrap is configured: init_connections is empty")
def no_bootstrap_configured():
    with newcomer("x.test", init_connections=[]) as (_, n):
        yield n


@fault(r"another peer id answers at \S+ than")
def bootstrap_answers_with_another_id():
    with Cluster(2) as c:
        c.form()
        wrong = c[0].addr.replace(c[0].peer_id, c[1].peer_id)
        n = c.add()
        n.join(join_string(c.cluster_id, c[0].config["system_pubkey"], wrong))
        n.start()
        yield n


# ---- the machine

@contextlib.contextmanager
def small_disk(size):
    """A file system of its own for the data directory of one node."""
    at = tempfile.mkdtemp(prefix="p2pos-e2e-")
    run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", at])
    n = Node(f"{at}/n1")
    n.dir.mkdir()
    n.log_path = pathlib.Path(f"{at}.log")  # beside it: it may be full, or read-only
    try:
        yield at, n
    finally:
        with contextlib.suppress(Failed):
            n.stop()
        run(["umount", "-l", at], check=False)
        os.rmdir(at)
        with contextlib.suppress(OSError):
            os.unlink(n.log_path)


@fault(r"the disk of the data directory is full|the disk is full")
def disk_full():
    with small_disk("8m") as (at, n):
        n.init()
        n.start()
        n.wait_state("healthy")
        with contextlib.suppress(OSError), open(f"{at}/ballast", "wb") as f:
            while True:
                f.write(bytes(65536))
        n.rpc("log.set_level", level="info")
        for i in range(20):
            n.ctl("member", "add", n.peer_id, "--admin-key", f"@{n.admin_key}", "--yes", check=False)
        yield n


@fault(r"the database .*read-only")
def database_read_only():
    with small_disk("64m") as (at, n):
        n.init()
        n.start()
        n.wait_state("healthy")
        n.stop()
        run(["mount", "-o", "remount,ro", at])
        n.start(wait=False)
        n.proc.wait(timeout=PATIENCE)
        yield n


@fault(r"at its last start .* listen 127\.0\.0\.1:\d+: the port is in use")
def port_taken_at_start():
    with Cluster(1) as c, socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        c[0].port = s.getsockname()[1]
        c[0].init()
        c[0].start(wait=False)
        c[0].proc.wait(timeout=PATIENCE)
        yield c[0]


@fault(r"this process ran out of file descriptors")
def descriptors_exhausted():
    with Cluster(1) as c:
        n = c.form()[0]
        pid = n.proc.pid
        open_now = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + 4, open_now + 4))
        knocks = []
        for i in range(12):
            s = socket.socket()
            s.settimeout(2)
            s.bind((f"127.0.{2 + i}.1", 0))
            with contextlib.suppress(OSError):
                s.connect((n.host, n.port))
            knocks.append(s)
        time.sleep(0.5)  # for the loop to find out; nothing says so from outside
        for s in knocks:
            s.close()
        yield n


# ---- the score

def judge(name):
    """True or False, the line, and after how many seconds it stood there."""
    pattern, make = FAULTS[name]
    line = "(the fault could not be made)"
    began = time.monotonic()
    try:
        with make() as node:
            began = time.monotonic()
            while time.monotonic() - began < PATIENCE:
                line = first_line(node)
                if re.search(pattern, line):
                    return True, line, time.monotonic() - began
                time.sleep(0.1)
    except (Failed, AssertionError, OSError, subprocess.SubprocessError) as e:
        line = f"{line}: {str(e).splitlines()[0] if str(e) else type(e).__name__}"
    return False, line, time.monotonic() - began


def main(names):
    chosen = [f for f in FAULTS if not names or any(n in f for n in names)]
    right = 0
    for name in chosen:
        ok, line, took = judge(name)
        right += ok
        print(f"{'ok' if ok else 'WRONG':6}{name:36}{took:6.1f} s  {line}", flush=True)
    print(f"explain: {right} of {len(chosen)} causes in the first line (at least {WANTED} of {len(FAULTS)} wanted)")
    return right, len(chosen)


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("explain_score.py: network namespaces and file systems need root")
    score, of = main(sys.argv[1:])
    sys.exit(0 if score >= min(WANTED, of) else 1)
