# SPDX-License-Identifier: Apache-2.0
"""p2posd beside go-libp2p and rust-libp2p: the same work, in turns, in one run.

    peers.py                          everything; each row: p2posd, go, rust, and p2posd / the better of them
    peers.py throughput handshakes    only these parts (throughput, handshakes, first_ping, memory)
    P2POS_STACKS=quic-v1 peers.py     only these stacks, with a comma between them

What the ratio should be is written beside it: more bytes and handshakes are better, less time, memory
and processor time. Absolute figures move with the machine. The peers are those of tests/interop,
made by `tests/interop/run --bench`. All traffic is on loopback.

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

from p2pos import PATIENCE, Cluster, wait_until  # noqa: E402
from peer import NET, STACKS, Peer, dial_addr, missing, use_release  # noqa: E402
from measure import cpu_ms, memory_mb  # noqa: E402

ROUNDS = int(os.environ.get("P2POS_ROUNDS", 3))
BYTES = 256 * 2**20
STREAMS = 8
HANDSHAKES = 600
CONCURRENT = 8
PINGS = 30
HELD = 100
SEED = "70" * 28 + "00000000"
DIALLER = "rust"


def row(what, unit, values, more_is_better):
    ours, theirs = values.get("p2posd"), [v for k, v in values.items() if k != "p2posd"]
    best = (max if more_is_better else min)(theirs) if theirs else None
    figures = " ".join(f"{values[k]:10.3g}" if k in values else f"{'-':>10}" for k in ("p2posd", "go", "rust"))
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
                        "--down", str(down), *([] if streams == 1 else ["--streams", str(streams)]))
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


def programs(ours, theirs, stack):
    """Makes each, and ends all of them."""
    made = {"p2posd": lambda: ours(stack)}
    for kind in ("go", "rust"):
        if not missing(kind):
            made[kind] = lambda kind=kind: theirs(kind, stack)
    stack_of_exits = contextlib.ExitStack()
    out = {}
    for name, make in made.items():
        out[name] = make()
        stack_of_exits.callback(out[name].close)
    return stack_of_exits, out


def in_turns(names, once):
    """The medians of what `once(name)` gives: a figure of each name, or several."""
    rounds = {name: [] for name in names}
    for i in range(ROUNDS + 1):
        for name in names:
            got = once(name)
            if i:  # the first warms up
                rounds[name].append(got)
    return {name: [statistics.median(f) for f in zip(*r)] for name, r in rounds.items()}


# ---- parts

def throughput(stack):
    exits, pairs = programs(OursTwice, TheirsTwice, stack)
    with exits:
        for streams in (1, STREAMS):
            for name, up, down in (("up", BYTES, 0), ("down", 0, BYTES)):
                def once(program, up=up, down=down, streams=streams):
                    p = pairs[program]
                    cpu = sum(map(cpu_ms, p.pids))
                    took = p.perf(up, down, streams)
                    return BYTES / took / 2**20, (sum(map(cpu_ms, p.pids)) - cpu) / 1000 / (BYTES / 1e9)
                got = in_turns(pairs, once)
                what = f"{streams} stream{'s' if streams > 1 else ''} {name}"
                row(what, "MiB/s", {k: v[0] for k, v in got.items()}, True)
                row(f"{what}, both ends", "CPU-s/GB", {k: v[1] for k, v in got.items()}, False)


@contextlib.contextmanager
def listeners(stack, crowd):
    """Each program as a listener, and the one dialler, with `crowd` further identities."""
    exits, all_ = programs(Ours, Theirs, stack)
    with exits, Peer(DIALLER, stacks=[stack], listen=False) as dialler:
        ids = dialler.do("crowd_ids", seed=SEED, count=crowd)["peer_ids"]
        dialler.do("crowd", seed=SEED, count=crowd)
        for p in all_.values():
            p.let_in(dialler.peer_id, *ids)
        yield all_, dialler


def handshakes(stack):
    with listeners(stack, CONCURRENT) as (all_, dialler):
        for concurrent in (1, CONCURRENT):
            def once(name, concurrent=concurrent):
                p = all_[name]
                cpu = cpu_ms(p.pid)
                a = dialler.do("bench", what="handshakes", addr=p.addr, count=HANDSHAKES, concurrent=concurrent)
                return HANDSHAKES / ((cpu_ms(p.pid) - cpu) / 1000), HANDSHAKES / a["wall_s"]
            got = in_turns(all_, once)
            row(f"accepted, {concurrent} at once, by CPU-s of it", "/CPU-s", {k: v[0] for k, v in got.items()}, True)
            row(f"accepted, {concurrent} at once, by the clock", "/s", {k: v[1] for k, v in got.items()}, True)


def first_ping(stack):
    with listeners(stack, 0) as (all_, dialler):
        got = in_turns(all_, lambda name: (
            dialler.do("bench", what="first_ping", addr=all_[name].addr, count=PINGS)["ms_median"],))
        row("dial to the answer of a first ping", "ms", {k: v[0] for k, v in got.items()}, False)


def settled(pid):
    """Its memory once it has nothing more to do for the newcomers."""
    busy = [cpu_ms(pid)]

    def calm():
        busy.append(cpu_ms(pid))
        return busy[-1] - busy[-2] < 2
    wait_until("the process is calm", calm, pause=0.5)
    return memory_mb(pid)


def memory(stack):
    got = {}
    exits, all_ = programs(Ours, Theirs, stack)
    with exits:
        for name, p in all_.items():
            with Peer(DIALLER, stacks=[stack], listen=False) as dialler:
                p.let_in(*dialler.do("crowd_ids", seed=SEED, count=HELD)["peer_ids"])
                dialler.do("crowd", seed=SEED, count=HELD)
                before = settled(p.pid)
                a = dialler.do("crowd_dial", addr=p.addr)
                if a["connected"] != HELD:
                    raise SystemExit(f"{name}: {a}")
                after = settled(p.pid)
            got[name] = [(a - b) * 1024 / HELD for a, b in zip(after, before)] + [before[0]]
    row("alone", "MB", {k: v[2] for k, v in got.items()}, False)
    row(f"each of {HELD} idle connections, resident", "KB", {k: v[0] for k, v in got.items()}, False)
    row(f"each of {HELD} idle connections, private", "KB", {k: v[1] for k, v in got.items()}, False)


PARTS = {f.__name__: f for f in (throughput, handshakes, first_ping, memory)}


def main(wanted):
    use_release()
    stacks = [s for s in os.environ.get("P2POS_STACKS", ",".join(STACKS)).split(",") if s]
    if missing(DIALLER):
        print(f"peers: {missing(DIALLER)}: tests/interop/run --bench", file=sys.stderr)
        return 1
    began = time.monotonic()
    for name, part in PARTS.items():
        if wanted and name not in wanted:
            continue
        for stack in stacks:
            table(f"{name.replace('_', ' ')}, {stack}")
            part(stack)
    print(f"medians of {ROUNDS} rounds, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
