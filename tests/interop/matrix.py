# SPDX-License-Identifier: Apache-2.0
"""The table: {go, rust, js} x {tcp+noise+yamux, tcp+tls+yamux, quic-v1} x {they dial, we dial}.

One line each, with a column for each of identify, ping, a pull of the membership, a status exchange
and a transfer up and one down on /perf/1.0.0, as the side that dials sees them. A line counts as one
row. What went wrong in a line is printed below it.

P2POS_PERF_BYTES changes the size of a transfer (64 MiB).
"""
import os

from p2pos import PATIENCE, Cluster, wait_until
from peer import NET, QUIC, STACKS, TCP_NOISE, TCP_TLS, Peer, dial_addr, missing
from rows import Admin, chapter, check, counts, held, same

KINDS = ("go", "rust", "js")
PERF_BYTES = int(os.environ.get("P2POS_PERF_BYTES", 64 * 1024 * 1024))
COLUMNS = ("dial", "identify", "ping", "pull", "status", "up", "down")
OURS = {"/p2pos/membership/1.0.0", "/p2pos/membership-push/1.0.0", "/p2pos/heartbeat/1.0.0", "/p2pos/status/1.0.0",
        "/perf/1.0.0", "/ipfs/ping/1.0.0", "/ipfs/id/1.0.0"}
# What p2posd says that it speaks over each.
SPOKEN = {TCP_NOISE: ("tcp", "noise", "yamux"), TCP_TLS: ("tcp", "tls", "yamux"), QUIC: ("quic-v1", "tls", "quic")}


def quick(seconds, count):
    return f"{count / 2**20 / max(seconds, 1e-6):.0f} MiB/s"


class Line:
    """One p2posd that speaks one stack, one peer that speaks it too, and what each column tries."""

    def __init__(self, node, peer, stack):
        self.node, self.peer, self.stack = node, peer, stack
        self.notes = []

    def connections(self):
        found = [p for p in self.node.json("peer", "list")["peers"] if p["peer_id"] == self.peer.peer_id]
        check(len(found) == 1, found)
        return found[0]

    def spoken(self, direction):
        c = self.connections()
        check((c["transport"], c["security"], c["muxer"]) == SPOKEN[self.stack] and c["direction"] == direction, c)

    def perf_note(self, name, seconds):
        self.notes.append(f"{name} {quick(seconds, PERF_BYTES)}")


class TheyDial(Line):
    direction = "{} -> p2posd"

    def ask(self, deed, **params):
        return self.peer.do(deed, peer=self.node.peer_id, **params)

    def dial(self):
        c = self.peer.do("dial", addr=self.node.dial_addr)
        check(c["peer_id"] == self.node.peer_id and c["stack"] == self.stack and c["direction"] == "outbound", c)
        self.spoken("in")

    def identify(self):
        seen = self.peer.wait("identified", peer=self.node.peer_id)
        check(OURS <= set(seen["protocols"]) and seen["agent"].startswith("p2pos") and seen["observed"], seen)
        check(self.node.dial_addr.split("/p2p/")[0] in seen["listen"], seen)
        seen = self.node.json("peer", "identify", self.peer.peer_id)
        check({"/p2pos/status/1.0.0", "/perf/1.0.0"} <= set(seen["protocols"]), seen)

    def ping(self):
        check(len(self.ask("ping", count=3)["rtt_ms"]) == 3)

    def pull(self):
        got = self.ask("pull")["answer"]
        check(same(got["snapshot"], held(self.node)), got)

    def status(self):
        a = self.ask("status", scope="cluster")["answer"]
        check({p["peer_id"]: p["reachability"] for p in a["peers"]} ==
              {self.node.peer_id: "online", self.peer.peer_id: "online"}, a)

    def up(self):
        self.perf_note("up", self.ask("perf", up=PERF_BYTES, down=0)["up_s"])

    def down(self):
        self.perf_note("down", self.ask("perf", up=0, down=PERF_BYTES)["down_s"])


class WeDial(Line):
    direction = "p2posd -> {}"

    def dial(self):
        c = self.node.json("peer", "connect", self.peer.addr)["peer"]
        check(c["peer_id"] == self.peer.peer_id, c)
        self.spoken("out")
        c = self.peer.do("connections")["connections"]
        check([(x["direction"], x["stack"]) for x in c] == [("inbound", self.stack)], c)

    def identify(self):
        seen = self.node.json("peer", "identify", self.peer.peer_id)
        check({"/p2pos/status/1.0.0", "/perf/1.0.0"} <= set(seen["protocols"]), seen)
        check(self.peer.addr.split("/p2p/")[0] in seen["listen_addresses"], seen)
        check(OURS <= set(self.peer.wait("identified", peer=self.node.peer_id)["protocols"]))

    def ping(self):
        # One echo each: rust-libp2p answers the second of a stream over QUIC late (README.md).
        for _ in range(3):
            a = self.node.json("peer", "ping", self.peer.peer_id, "--count", "1")
            check(a["received"] == 1, a)

    def pull(self):
        newer = Admin(self.node, self.peer).sign([self.node.peer_id, self.peer.peer_id])
        self.peer.do("serve", snapshot=newer)
        wait_until("what the peer serves is held",
                   lambda: self.node.rpc("member.sync") and same(held(self.node), newer))

    def status(self):
        a = self.node.rpc("status.cluster")
        check(self.peer.wait("status", **{"from": self.node.peer_id})["request"]["scope"] == "local")
        check({p["peer_id"] for p in a["peers"]} == {self.node.peer_id, self.peer.peer_id}, a)

    def perf(self, name):
        wanted = {"up": 0, "down": 0, name: PERF_BYTES}
        a = self.node.json("--timeout", f"{PATIENCE:.0f}s", "peer", "perf", self.peer.peer_id,
                           "--up", str(wanted["up"]), "--down", str(wanted["down"]))
        check(a[f"{name}_bytes"] == PERF_BYTES, a)
        self.perf_note(name, a[f"{name}_s"])

    def up(self):
        self.perf("up")

    def down(self):
        self.perf("down")


def tell(kind, stack, direction, cells, note=""):
    columns = " ".join(f"{cells.get(c, '-'):8}" for c in COLUMNS)
    print(f"{kind:5} {stack:16} {direction:15} {columns} {note}".rstrip(), flush=True)


def try_line(line):
    """Each column by itself; without a connection, none. Returns the cells and what went wrong."""
    cells, wrong = {}, []
    for column in COLUMNS:
        if cells.get("dial") == "FAIL":
            break
        try:
            getattr(line, column)()
        except Exception as e:  # one column says nothing of the next
            cells[column] = "FAIL"
            wrong.append(f"{column}: {type(e).__name__}: {e}")
        else:
            cells[column] = "ok"
    return cells, wrong


def one_line(kind, stack, side):
    # A signed record of rust-libp2p is in its own older form: p2posd must not stumble over it.
    extra = {"signed_record": side is TheyDial} if kind == "rust" else {}
    with Cluster() as c, Peer(kind, stacks=[stack], **extra) as peer:
        node = c.add()
        node.init("demo")
        node.configure(net={**node.config.get("net", {}), **NET[stack]}, perf={"serve": "members"})
        node.start()
        node.wait_state("healthy")
        node.dial_addr = dial_addr(node, stack)
        node.ctl("member", "add", peer.peer_id, "--admin-key", f"@{node.admin_key}", "--yes", "--force")
        peer.do("serve", snapshot=held(node))
        line = side(node, peer, stack)
        cells, wrong = try_line(line)
        if wrong:
            wrong.append("p2posd said last:\n" + "\n".join(node.log().splitlines()[-8:]))
        return cells, wrong, "  ".join(line.notes)


@chapter
def matrix():
    tell("PEER", "STACK", "WHO DIALS", {c: c.upper() for c in COLUMNS})
    for kind in KINDS:
        for stack in STACKS:
            for side in (TheyDial, WeDial):
                direction = side.direction.format(kind)
                why = missing(kind)
                if why:
                    counts["skipped"] += 1
                    tell(kind, stack, direction, {c: "skipped" for c in COLUMNS}, why)
                    continue
                try:
                    cells, wrong, note = one_line(kind, stack, side)
                except Exception as e:  # the scene of one line
                    cells, wrong, note = {"dial": "FAIL"}, [f"scene: {type(e).__name__}: {e}"], ""
                counts["failed" if wrong else "passed"] += 1
                tell(kind, stack, direction, cells, note)
                for w in wrong:
                    print("      " + w[:2500].replace("\n", "\n      "), flush=True)
