# SPDX-License-Identifier: Apache-2.0
"""p2posd beside go-libp2p and rust-libp2p: the same work, in turns, in one run.

    peers.py                          everything; each row: p2posd, go, rust, and p2posd / the better of them
    peers.py throughput handshakes    only these parts (throughput, handshakes, first_ping, memory)
    P2POS_STACKS=quic-v1 peers.py     only these stacks, with a comma between them
    P2POS_BENCH_S=1200 peers.py       more rounds: about so many seconds for the whole table, not 240

What the ratio should be is written beside it: more bytes and handshakes are better, less time, memory
and processor time. Absolute figures move with the machine. The peers are those of tests/interop,
made by `tests/interop/run --bench`; those that are not there are named and left out. All traffic is on
loopback.

In "throughput" each program talks to itself, two processes; in the other parts it listens and the same
dialler, the rust peer, does the same to each. p2posd then also asks each new peer for its membership and its status,
as it always does.
"""
import contextlib
import os
import pathlib
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
sys.path.insert(0, str(HERE.parent / "interop"))

from p2pos import PATIENCE, Cluster, Failed, wait_until  # noqa: E402
from peer import NET, STACKS, Peer, dial_addr, missing, use_release  # noqa: E402
from measure import cpu_ms, memory_mb  # noqa: E402

BUDGET_S = float(os.environ.get("P2POS_BENCH_S", 240))
# Each figure gets the same share of the time, and as many rounds as fit into it.
ROUNDS_MAX = 9
BYTES = 256 * 2**20
STREAMS = 8
# p2posd takes 64 connections in a row from one address, and eight that are not yet secured: what is
# dialled is within that, with a new process each round.
WARM_UP = 4
HANDSHAKES = 28
CONCURRENT = 4
PINGS = 50
HELD = 60
SEED = "70" * 28 + "00000000"
DIALLER = "rust"


def row(what, unit, values, more_is_better):
    ours, theirs = values.get("p2posd"), [v for k, v in values.items() if k != "p2posd"]
    best = (max if more_is_better else min)(theirs) if theirs else None
    shown = {k: f"{v:.0f}" if v >= 100 else f"{v:.3g}" for k, v in values.items()}
    figures = " ".join(f"{shown.get(k, '-'):>10}" for k in ("p2posd", "go", "rust"))
    ratio = f"{ours / best:6.2f}" if best and ours else "     -"
    print(f"{what:<44} {figures} {unit:<10} {ratio}  {'more' if more_is_better else 'less'} is better", flush=True)


def table(title):
    print(f"{title:<44} {'p2posd':>10} {'go':>10} {'rust':>10} {'':<10} p2posd / best peer")


# ---- the programs, with one face

class Theirs:
    def __init__(self, kind, stack):
        self.peer = Peer(kind, stacks=[stack])
        self.pid, self.peer_id, self.addr = self.peer.proc.pid, self.peer.peer_id, self.peer.addr

    def let_in(self, *ids):
        pass

    def connect(self, other):
        self.peer.do("dial", addr=other.addr)

    def perf(self, other, up, down, streams):
        """Seconds from the first byte to the last."""
        return self.peer.do("perf", peer=other.peer_id, up=up, down=down, streams=streams)["wall_s"]

    def close(self):
        self.peer.close()


class Ours:
    def __init__(self, stack):
        self.cluster = Cluster()
        self.node = self.cluster.add()
        self.node.init("demo")
        self.node.configure(net=NET[stack], perf={"serve": "members"}, log={"level": "warn"})
        self.node.start()
        self.node.wait_state("healthy")
        self.pid, self.peer_id, self.addr = self.node.proc.pid, self.node.peer_id, dial_addr(self.node, stack)

    def let_in(self, *ids):
        self.node.ctl("member", "add", *ids, "--admin-key", f"@{self.node.admin_key}", "--yes", "--force")

    def close(self):
        self.cluster.__exit__(None, None, None)


class OursTwice:
    """Two members of one cluster, connected over the one stack that they speak."""

    def __init__(self, stack):
        self.cluster = Cluster(2)
        for n in self.cluster:
            n.extra = {"net": NET[stack], "perf": {"serve": "members"}, "log": {"level": "warn"}}
        first, second = self.cluster
        self.join = first.init("demo")["join"]
        first.configure(**first.extra)
        first.start()
        first.wait_state("healthy")
        second.join(self.join)
        second.configure(**second.extra, init_connections=[{"type": "multiaddr", "address": dial_addr(first, stack)}])
        second.start()
        self.cluster.approve(second.peer_id)
        self.cluster.wait_mesh()
        self.pids = [n.proc.pid for n in self.cluster]

    def perf(self, up, down, streams):
        first, second = self.cluster
        a = second.json("--timeout", f"{PATIENCE:.0f}s", "peer", "perf", first.peer_id, "--up", str(up),
                        "--down", str(down), "--streams", str(streams))
        return a["up_s"] + a["down_s"]

    def close(self):
        self.cluster.__exit__(None, None, None)


class TheirsTwice:
    def __init__(self, kind, stack):
        self.ends = [Theirs(kind, stack), Theirs(kind, stack)]
        self.ends[1].connect(self.ends[0])
        self.pids = [e.pid for e in self.ends]

    def perf(self, up, down, streams):
        return self.ends[1].perf(self.ends[0], up, down, streams)

    def close(self):
        for e in self.ends:
            e.close()


@contextlib.contextmanager
def pairs_of(stack):
    """Each program with another of its kind; all are ended with the block."""
    with contextlib.ExitStack() as ends:
        pairs = {}
        for name in listeners():
            pairs[name] = OursTwice(stack) if name == "p2posd" else TheirsTwice(name, stack)
            ends.callback(pairs[name].close)
        yield pairs


class Share:
    """The part of the time that each set of figures has."""
    seconds = 0.0
    rounds = []  # that were held


def in_turns(names, once):
    """The medians of what `once(name)` gives: a figure of each name, or several. One round at least."""
    got = {name: [] for name in names}
    end = time.monotonic() + Share.seconds
    for i in range(ROUNDS_MAX + 1):
        for name in names:
            figures = once(name)
            if i:  # the first warms up
                got[name].append(figures)
        if i and time.monotonic() > end:
            break
    Share.rounds.append(i)
    return {name: [statistics.median(f) for f in zip(*r)] for name, r in got.items()}


def figure(got, at):
    return {name: figures[at] for name, figures in got.items()}


# ---- parts

def throughput(stack):
    with pairs_of(stack) as pairs:
        for streams in (1, STREAMS):
            for name, up, down in (("up", BYTES, 0), ("down", 0, BYTES)):
                def once(program, up=up, down=down, streams=streams):
                    p = pairs[program]
                    cpu = sum(map(cpu_ms, p.pids))
                    took = p.perf(up, down, streams)
                    return BYTES / took / 2**20, (sum(map(cpu_ms, p.pids)) - cpu) / 1000 / (BYTES / 1e9)
                got = in_turns(pairs, once)
                what = f"{streams} stream{'s' if streams > 1 else ''} {name}"
                row(what, "MiB/s", figure(got, 0), True)
                row(f"{what}, both ends", "CPU-s/GB", figure(got, 1), False)


def listeners():
    """How to make each program as a listener."""
    made = {"p2posd": Ours}
    for kind in ("go", "rust"):
        if not missing(kind):
            made[kind] = lambda stack, kind=kind: Theirs(kind, stack)
    return made


@contextlib.contextmanager
def listener(name, stack, dialler, crowd):
    """A new process of this program, which knows the dialler and its crowd."""
    p = listeners()[name](stack)
    try:
        p.let_in(dialler.peer_id, *dialler.do("crowd_ids", seed=SEED, count=crowd)["peer_ids"])
        yield p
    finally:
        p.close()


def handshakes(stack):
    """The same peers come back; newcomers are in memory()."""
    with Peer(DIALLER, stacks=[stack], listen=False) as dialler:
        dialler.do("crowd", seed=SEED, count=CONCURRENT)

        def measured(p, concurrent):
            cpu = cpu_ms(p.pid)
            a = dialler.do("bench", what="handshakes", addr=p.addr, count=HANDSHAKES, concurrent=concurrent)
            return HANDSHAKES / ((cpu_ms(p.pid) - cpu) / 1000), HANDSHAKES / a["wall_s"]

        def once(name):
            with listener(name, stack, dialler, CONCURRENT) as p:
                dialler.do("bench", what="handshakes", addr=p.addr, count=WARM_UP)
                return *measured(p, 1), *measured(p, CONCURRENT)
        got = in_turns(listeners(), once)
    for at, concurrent in ((0, 1), (2, CONCURRENT)):
        row(f"accepted, {concurrent} at once, by CPU-s of it", "/CPU-s", figure(got, at), True)
        row(f"accepted, {concurrent} at once, by the clock", "/s", figure(got, at + 1), True)


def first_ping(stack):
    with Peer(DIALLER, stacks=[stack], listen=False) as dialler:
        def once(name):
            with listener(name, stack, dialler, 0) as p:
                return dialler.do("bench", what="first_ping", addr=p.addr, count=PINGS)["ms_median"],
        row("dial to the answer of a first ping", "ms", figure(in_turns(listeners(), once), 0), False)


def settled(pid):
    """Its memory once it has nothing more to do for the newcomers."""
    busy = [cpu_ms(pid)]

    def calm():
        busy.append(cpu_ms(pid))
        return busy[-1] - busy[-2] < 2
    wait_until("the process is calm", calm, pause=0.5)
    return memory_mb(pid)


def memory(stack):
    def once(name):
        with Peer(DIALLER, stacks=[stack], listen=False) as dialler:
            dialler.do("crowd", seed=SEED, count=HELD)
            with listener(name, stack, dialler, HELD) as p:
                before, cpu = settled(p.pid), cpu_ms(p.pid)
                a = dialler.do("crowd_dial", addr=p.addr, concurrent=CONCURRENT)
                cpu = cpu_ms(p.pid) - cpu
                if a["connected"] != HELD:
                    raise Failed(f"{name}: {a}")
                after = settled(p.pid)
        return before[0], *((a - b) * 1024 / HELD for a, b in zip(after, before)), HELD / (cpu / 1000)
    got = in_turns(listeners(), once)
    row("alone", "MB", figure(got, 0), False)
    row(f"each of {HELD} idle connections, resident", "KB", figure(got, 1), False)
    row(f"each of {HELD} idle connections, private", "KB", figure(got, 2), False)
    row(f"accepted, {HELD} newcomers, by CPU-s of it", "/CPU-s", figure(got, 3), True)


# With how often each takes turns for a stack.
PARTS = {throughput: 4, handshakes: 1, first_ping: 1, memory: 1}


def main(wanted):
    use_release()
    stacks = [s for s in os.environ.get("P2POS_STACKS", ",".join(STACKS)).split(",") if s]
    parts = [p for p in PARTS if not wanted or p.__name__ in wanted]
    for kind in ("go", "rust"):
        if missing(kind):
            print(f"left out: {missing(kind)}, or tests/interop/run --bench was not run")
    if missing(DIALLER):
        dialled = [p for p in parts if p != throughput]
        print(f"left out, as nobody dials: {', '.join(p.__name__ for p in dialled)}")
        parts = [p for p in parts if p not in dialled]
    began = time.monotonic()
    Share.seconds = BUDGET_S / (len(stacks) * sum(PARTS[p] for p in parts) or 1)
    for part in parts:
        for stack in stacks:
            table(f"{part.__name__.replace('_', ' ')}, {stack}")
            part(stack)
    if Share.rounds:
        print(f"medians of {min(Share.rounds)} to {max(Share.rounds)} rounds, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
