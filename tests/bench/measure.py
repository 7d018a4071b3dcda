# SPDX-License-Identifier: Apache-2.0
"""What whole nodes take: real processes on this machine, asked through p2posctl and /proc.

    make measure                   everything, one table, each figure beside its goal
    measure.py start detect        only these parts (start, idle, detect)

Times are medians over rounds. The figures of "one of 50" come from 50 processes that are all
members of one cluster and connected to each other.
"""
import json
import os
import pathlib
import signal
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from p2pos import P2POSD, P2POSCTL, Cluster, wait_until  # noqa: E402

START_ROUNDS = 11
DETECT_ROUNDS = 9
DETECT_NODES = 5
MEMBERS = 50
WAVE = 7
IDLE_SECONDS = 60  # two rounds of heartbeats, whole
CALM_SECONDS = 120  # who joined asks each of the others for its list, one in 300 ms, and for addresses
ASKED_SECONDS = 1  # until a question about metrics costs a node nothing more


def row(what, value, unit, goal=None):
    verdict = "" if goal is None else "ok" if value <= goal else "MISSED"
    wanted = "" if goal is None else f"<= {goal:g} {unit}"
    print(f"{what:<50} {value:10.3f} {unit:<10} {wanted:<16} {verdict}", flush=True)


# ---- start ----

def start_to_ready(directory):
    """Milliseconds from before the exec until READY=1 arrives where systemd would read it."""
    path = str(directory / "notify.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(30)
        began = time.monotonic()
        proc = subprocess.Popen([str(P2POSD), "--data-dir", str(directory)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env={**os.environ, "NOTIFY_SOCKET": path})
        while b"READY=1" not in s.recv(4096):
            pass
        took = (time.monotonic() - began) * 1000
    os.unlink(path)
    proc.send_signal(signal.SIGTERM)
    proc.wait()
    return took


def measure_start():
    with Cluster(1) as c:
        c[0].init()
        took = [start_to_ready(c[0].dir) for _ in range(START_ROUNDS + 1)][1:]
    row(f"start to READY, median of {START_ROUNDS}", statistics.median(took), "ms", 50)


# ---- idle ----

def memory_mb(pid):
    """Resident, and of it private: what exists for this process alone and could not be dropped."""
    fields = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, kb, *_ = line.split()
        fields[name.rstrip(":")] = int(kb) / 1024
    return fields["Rss"], fields["Private_Dirty"]


def peak_mb(pid):
    """The most that was ever resident: in the storm of joining, on the way to where it rests."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def cpu_ms(pid):
    return sum(int((t / "schedstat").read_text().split()[0])
               for t in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e6


def commits(directory):
    """Commits that the write-ahead log holds: frames that carry a database size, of its current
    salt (the SQLite file format, section 4). A log begun anew counts from zero."""
    data = (directory / "p2pos.db-wal").read_bytes()
    if len(data) < 32:
        return (b"", 0)
    page = struct.unpack(">I", data[8:12])[0]
    salt, count, at = data[16:24], 0, 32
    while at + 24 + page <= len(data) and data[at + 8:at + 16] == salt:
        count += struct.unpack(">I", data[at + 4:at + 8])[0] != 0
        at += 24 + page
    return (salt, count)


def wire_bytes(node):
    return sum(float(line.split()[1]) for line in node.ctl("metrics").out.splitlines()
               if line.startswith("p2pos_network_bytes_total"))


def connected(nodes):
    for n in nodes:
        wait_until(f"{n.name} is connected to all", lambda n=n:
                   len(n.json("peer", "list")["peers"]) >= len(nodes) - 1, patience=120, pause=0.2)


def grow(c):
    """The whole cluster, WAVE servers at a time: they knock, the admin lets them in."""
    first = c[0]
    joined = first.init(c.cluster_id)["join"]
    first.start().wait_state("healthy")
    for at in range(1, len(c.nodes), WAVE):
        wave = c.nodes[at:at + WAVE]
        for n in wave:
            n.join(joined)
            n.start(wait=False)
        ids = {n.peer_id for n in wave}
        wait_until("the wave knocks", lambda ids=ids: ids <= {
            p["peer_id"] for p in first.json("member", "pending")["pending"]})
        first.json("member", "approve", *ids, "--admin-key", c.admin_key, "--yes")
        c.wait_full(c.nodes[:at + len(wave)])


def look(nodes):
    return [(cpu_ms(n.proc.pid), commits(n.dir)) for n in nodes]


def idle(nodes):
    """Per node: CPU ms/s, commits/s, bytes/s, over IDLE_SECONDS in which nobody asks them anything."""
    wires, asked = [wire_bytes(n) for n in nodes], time.monotonic()
    time.sleep(ASKED_SECONDS)
    before, began = look(nodes), time.monotonic()
    time.sleep(IDLE_SECONDS)
    after, took = look(nodes), time.monotonic() - began
    wires = [(wire_bytes(n) - w) / (time.monotonic() - asked) for n, w in zip(nodes, wires)]
    cpu = [(a[0] - b[0]) / took for a, b in zip(after, before)]
    db = [(a[1][1] - (b[1][1] if a[1][0] == b[1][0] else 0)) / took for a, b in zip(after, before)]
    return cpu, db, wires


def report_idle(who, nodes, rss_goal, private_goal):
    cpu, db, wires = idle(nodes)
    memory = [memory_mb(n.proc.pid) for n in nodes]
    row(f"resident memory, {who}", max(m[0] for m in memory), "MB", rss_goal)
    row(f"private memory, {who}", max(m[1] for m in memory), "MB", private_goal)
    row(f"resident memory at its most, {who}", max(peak_mb(n.proc.pid) for n in nodes), "MB")
    row(f"CPU idle, {who}: mean", statistics.mean(cpu), "ms/s", 1)
    row(f"CPU idle, {who}: the busiest", max(cpu), "ms/s")
    row(f"database commits idle, {who}: the busiest", max(db), "/s", 1)
    row(f"bytes on the wire idle, both ways, {who}: mean", statistics.mean(wires), "B/s")


def measure_idle():
    with Cluster(1) as c:
        c.form()
        report_idle("alone", c.nodes, 10, 2.5)
    with Cluster(MEMBERS) as c:
        began = time.monotonic()
        grow(c)
        row(f"{MEMBERS} processes, {WAVE} let in at a time: all online", time.monotonic() - began, "s")
        connected(c.nodes)
        time.sleep(CALM_SECONDS)
        report_idle(f"one of {MEMBERS}", c.nodes, 12, 4)


# ---- detection ----

class Listener:
    """`p2posctl events` of one node; remembers when each member went off or online."""

    def __init__(self, node):
        self.seen = {}
        self.proc = subprocess.Popen([str(P2POSCTL), "--json", "--socket", str(node.socket), "events",
                                      "--filter", "type=member"], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.proc.stdout:
            e = json.loads(line)
            if "error" in e:  # the node is being stopped
                return
            self.seen[e["peer_id"], e["state"]] = time.monotonic()

    def stop(self):
        self.proc.terminate()
        self.proc.wait()


def until_all_say(listeners, peer_id, state, began):
    wait_until(f"all say {state}", lambda: all(
        listener.seen.get((peer_id, state), 0) > began for listener in listeners), pause=0.005)
    return [listener.seen[peer_id, state] - began for listener in listeners]


def rounds(c, strike, revive):
    victim, others, took = c[-1], c.nodes[:-1], []
    listeners = [Listener(n) for n in others]
    for _ in range(DETECT_ROUNDS):
        c.wait_full()
        connected(c.nodes)
        time.sleep(1)  # long enough for the last round to be over everywhere
        began = time.monotonic()
        strike(victim)
        took.append(until_all_say(listeners, victim.peer_id, "offline", began))
        revive(victim)
    for listener in listeners:
        listener.stop()
    return took


def measure_detection():
    with Cluster(DETECT_NODES) as c:
        c.form()
        killed = rounds(c, lambda n: n.kill(), lambda n: n.start())
        frozen = rounds(c, lambda n: n.freeze(), lambda n: n.thaw())
    for what, took, goal in (("killed", killed, 0.3), ("frozen", frozen, 3.5)):
        row(f"{what}, of {DETECT_NODES} nodes: known to each, median", statistics.median(sum(took, [])), "s")
        row(f"  known to all, median of {DETECT_ROUNDS} rounds", statistics.median(map(max, took)), "s", goal)
        row("  known to all, the slowest round", max(map(max, took)), "s")


PARTS = {"start": measure_start, "idle": measure_idle, "detect": measure_detection}


def main():
    print(f"{'FIGURE':<50} {'MEASURED':>10} {'':<10} {'GOAL':<16}")
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
