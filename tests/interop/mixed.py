# SPDX-License-Identifier: Apache-2.0
"""A mixed cluster: three p2posd, QUIC and TCP drawn at random, and one go-libp2p node that is a member
as the original is (go/member.go): snapshots from either side reach all, heartbeats count both ways,
the views of status merge, and nobody refuses anything.

P2POS_SEED repeats a draw.
"""
import datetime
import os
import random

from p2pos import Cluster, strangers, wait_until
from peer import QUIC, TCP_NOISE, Peer, dial_addr, missing
from rows import Admin, chapter, check, held, row, same, skip

WHAT = "three p2posd and a member as the original is one"
GO = "go <-> p2posd"
BEATS = "p2pos_heartbeats_received_total"


def orders(draw):
    """What each p2posd speaks, the preferred first: one of them has no QUIC, so that both are spoken."""
    out = [["tcp"]] + [draw.choice((["quic-v1", "tcp"], ["tcp", "quic-v1"])) for _ in range(2)]
    draw.shuffle(out)
    return out


def go_dials(draw, nodes):
    """By which stack the go peer dials each: both occur."""
    while True:
        out = [draw.choice((QUIC, TCP_NOISE)) if "quic-v1" in n.order else TCP_NOISE for n in nodes]
        if len(set(out)) == 2:
            return out


@chapter
def mixed():
    why = missing("go")
    if why:
        skip(GO, WHAT, why)
        return
    seed = os.environ.get("P2POS_SEED") or str(random.SystemRandom().randrange(2**32))
    draw = random.Random(seed)
    print(f"        seed {seed}")
    with Cluster() as c, Peer("go", stacks=[QUIC, TCP_NOISE]) as go:
        scene(c, draw, go)
        rows_of(c, draw, go)


def scene(c, draw, go):
    """Three nodes, one cluster; the go peer is a member of it that knows no snapshot yet."""
    for order in orders(draw):
        node = c.add()
        node.order = order
    first = c[0]
    join = first.init("demo")["join"]
    for node in c.nodes[1:]:
        node.join(join)
    for node in c:
        node.configure(net={"transports": node.order}, heartbeat={"interval": "1s", "timeout": "30s"})
        node.start()
    first.wait_state("healthy")
    c.approve(*[n.peer_id for n in c.nodes[1:]])
    c.wait_mesh()
    first.ctl("member", "add", go.peer_id, "--admin-key", f"@{first.admin_key}", "--yes")
    go.do("member", cluster_id="demo", system_pubkey=first.config["system_pubkey"], sync_ms=500, heartbeat_ms=1000,
          timeout_ms=30000)


def everywhere(c, go, snapshot):
    """All four hold it."""
    for n in c:
        wait_until(f"{n.name} holds it", lambda n=n: same(held(n), snapshot))
    wait_until("go holds it", lambda: same(go.do("held")["snapshot"], snapshot))


def refused_beats(node):
    """What it counts of heartbeats beyond those that were taken, first or behind a digest that overtook them,
    and those that came twice (see `crossed`)."""
    fine = ('"ok"', '"overtaken"', '"replay"')
    return [x for x in node.ctl("metrics").out.splitlines() if x.startswith(BEATS)
            and not x.endswith(" 0") and not any(result in x for result in fine)]


def signed_at(beat):
    return datetime.datetime.fromisoformat(beat["ts"]).timestamp()


def crossed(e, news):
    """Refused for a newer one that was signed at most a second after it, or for itself: two streams may
    overtake each other, and until two connections of a pair are settled the same one comes by both."""
    return e.get("refused") == "replay" and any(
        x["event"] == "heartbeat" and x["from"] == e["from"] and x.get("refused") == ""
        and 0 <= signed_at(x["heartbeat"]) - signed_at(e["heartbeat"]) <= 1 for x in news)


def rows_of(c, draw, go):
    nodes = list(c)
    first = nodes[0]
    admin = Admin(first, go)
    ids = [n.peer_id for n in nodes] + [go.peer_id]
    crowd = strangers(8)
    with row("p2posd", "each pair speaks what one of the two prefers of what both can") as note:
        for n in nodes:
            for p in n.json("peer", "list")["peers"]:
                both = [[t for t in x.order if t in n.order and t in m.order] for m in nodes
                        if m.peer_id == p["peer_id"] for x in (n, m)]
                check(p["transport"] in {order[0] for order in both}, n.order, both, p)
        note("; ".join(" ".join(n.order) for n in nodes))
    with row(GO, "it dials each by a transport that was drawn") as note:
        drawn = go_dials(draw, nodes)
        for n, stack in zip(nodes, drawn):
            got = go.do("dial", addr=dial_addr(n, stack))
            check(got["stack"] == stack, got)
        note(", ".join(drawn))
    with row(GO, "it pulls the snapshot that names it"):
        check(go.wait("applied")["how"] == "pull")
        everywhere(c, go, held(first))
    with row(GO, "all see it online"):
        for n in nodes:
            wait_until(f"{n.name} sees go", lambda n=n: n.members().get(go.peer_id) == "online")
            n.wait_state("healthy")
    with row(GO, "its heartbeats count with each of them") as note:
        for n in nodes:
            # The clock of a member is learned from heartbeats that came from itself, and from nothing else.
            wait_until(f"{n.name} knows its clock",
                       lambda n=n: n.json("member", "show", go.peer_id)["member"]["skew_ms"] is not None)
            check(not refused_beats(n), n.name, refused_beats(n))
        note("skew " + ", ".join(f"{n.json('member', 'show', go.peer_id)['member']['skew_ms']} ms" for n in nodes))
    with row(GO, "theirs count with it") as note:
        def counted():
            beats = go.do("held")["heartbeats"]
            return [beats.get(n.peer_id, 0) for n in nodes]
        wait_until("two of each", lambda: min(counted()) >= 2)
        note(str(counted()))
    with row("p2posd -> all", "a snapshot that a p2posd publishes reaches all"):
        nodes[0].ctl("member", "add", crowd[0], "--admin-key", f"@{first.admin_key}", "--yes")
        everywhere(c, go, held(nodes[0]))
        check(crowd[0] in go.do("held")["snapshot"]["members"])
    with row("go -> all", "a snapshot that the go member publishes reaches all"):
        made = admin.sign([*ids, crowd[1]])
        go.do("publish", snapshot=made)
        everywhere(c, go, made)
    for who, target in (("go", None), ("p2posd", draw.choice(nodes))):
        with row(f"admin -> {who}", "what an admin pushes to it reaches all"), \
                Peer("go", admin_key=admin.key, listen=False) as issuer:
            made = admin.sign([*ids, crowd[2 if target else 3]])
            addr = dial_addr(target, TCP_NOISE) if target else next(a for a in go.addrs if "/tcp/" in a)
            to = issuer.do("dial", addr=addr)["peer_id"]
            a = issuer.do("push", peer=to, snapshot=made)["answer"]
            check(a["applied"] is True, a)
            everywhere(c, go, made)
    with row(GO, "status of the cluster, asked of it"):
        with Peer("go", listen=False) as asker:
            asker.do("dial", addr=next(a for a in go.addrs if "/tcp/" in a))
            a = asker.do("status", peer=go.peer_id, scope="cluster")["answer"]
        online = {p["peer_id"] for p in a["peers"] if p["reachability"] == "online"}
        check(set(ids) == online, a)
    with row(GO, "status of the cluster, asked of each p2posd"):
        for n in nodes:
            a = n.rpc("status.cluster")
            check(set(ids) <= {p["peer_id"] for p in a["peers"] if p["reachability"] == "online"}, a)
    with row(GO, "nobody has refused anything"):
        # Before it held a snapshot it knew no members, and said so.
        since = go.news.index(go.wait("applied"))
        refused = [e for e in go.news[since:] if e["event"] in ("beat_failed", "stream_error")
                   or e.get("refused") and not crossed(e, go.news)
                   or e["event"] == "push" and not e["answer"]["applied"]]
        check(not refused, refused[:5])
        for n in nodes:
            check(not refused_beats(n), n.name, refused_beats(n))
