# SPDX-License-Identifier: Apache-2.0
"""The peers among themselves, without p2posd: each dials each over each stack.

What fails here is a fault of the peers or of their libraries, and no verdict on p2posd.
"""
from peer import STACKS, Peer, missing
from rows import chapter, check, row, skip

KINDS = ("go", "rust", "js")
PERF_BYTES = 4 * 1024 * 1024


def talk(a, b, stack):
    """`a` dials `b` and asks it everything; the figures are for the note."""
    c = a.do("dial", addr=b.addr)
    check(c["peer_id"] == b.peer_id and c["stack"] == stack and c["direction"] == "outbound", c)
    for one, other in ((a, b), (b, a)):
        seen = one.wait("identified", peer=other.peer_id)
        check("/perf/1.0.0" in seen["protocols"] and seen["listen"], seen)
    # One: js takes two streams of ping at once, and rust keeps one open; and rust answers late to more.
    rtt = a.do("ping", peer=b.peer_id)["rtt_ms"][0]
    b.do("serve", snapshot={"sig": b.kind}, status={"peers": [{"peer_id": b.peer_id}]})
    check(a.do("pull", peer=b.peer_id)["answer"] == {"snapshot": {"sig": b.kind}})
    check(a.do("push", peer=b.peer_id, snapshot={"sig": "x"}, close=False)["answer"] == {"applied": True})
    check(a.do("status", peer=b.peer_id, scope="local")["answer"]["peers"] == [{"peer_id": b.peer_id}])
    check(b.wait("status", **{"from": a.peer_id})["request"] == {"scope": "local"})
    sent = a.do("heartbeat", peer=b.peer_id, cluster_id="demo")["heartbeat"]
    got = b.wait("heartbeat", **{"from": a.peer_id})
    check(got["heartbeat"] == sent and got["genuine"], got)
    moved = a.do("perf", peer=b.peer_id, up=PERF_BYTES, down=PERF_BYTES)
    check(moved["up_bytes"] == moved["down_bytes"] == PERF_BYTES, moved)
    a.do("hangup", peer=b.peer_id)
    b.wait("gone", peer=a.peer_id)
    return rtt


@chapter
def among():
    for stack in STACKS:
        for dials in KINDS:
            for listens in KINDS:
                direction = f"{dials} -> {listens}"
                why = missing(dials) or missing(listens)
                if why:
                    skip(direction, stack, why)
                    continue
                with row(direction, stack) as note, \
                        Peer(dials, stacks=[stack]) as a, Peer(listens, stacks=[stack]) as b:
                    note(f"ping {talk(a, b, stack)} ms")
