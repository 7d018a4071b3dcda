# SPDX-License-Identifier: Apache-2.0
"""js-libp2p and p2posd over tcp, noise and yamux: what is granted, and above all what is refused."""
import contextlib
import json
import re
import time

from p2pos import Cluster, Failed, ctl, join_string, strangers, wait_until
from peer import Js, Peer, missing
from rows import Admin, chapter, check, held, metric, row, same, skip

PULL = "/p2pos/membership/1.0.0"
STATUS = "/p2pos/status/1.0.0"
PEERS = "/p2pos/peers/1.0.0"
PING = "/ipfs/ping/1.0.0"
FOUR = [PULL, "/p2pos/membership-push/1.0.0", "/p2pos/heartbeat/1.0.0", "/p2pos/status/1.0.0"]
JS, P2POSD = "js -> p2posd", "p2posd -> js"


@contextlib.contextmanager
def scene(members=True, **config):
    """One p2posd with a fresh cluster and one js node that knows it; as a member of it, or a guest."""
    with Cluster() as c, Js() as js:
        node = c.add()
        node.init("demo")
        if config:
            node.configure(**config)
        node.start()
        node.wait_state("healthy")
        admin = Admin(node, js)
        if members:
            js.do("dial", addr=node.addr)
            answer = js.do("push", peer=node.peer_id, snapshot=admin.sign([node.peer_id, js.peer_id]))
            check(answer["answer"]["applied"] is True, answer)
            wait_until("js is online", lambda: node.members().get(js.peer_id) == "online")
        yield c, node, js, admin


# ---- js knocks at a cluster that it does not belong to

@chapter
def guest():
    with scene(members=False) as (_, node, js, admin):
        with row(JS, "tcp, noise, yamux") as note:
            c = js.do("dial", addr=node.addr)
            check(c["peer_id"] == node.peer_id and c["security"] == "/noise" and c["muxer"] == "/yamux/1.0.0", c)
            note(f"{c['security']} {c['muxer']}")
        with row(JS, "a wrong peer id in the address is refused"):
            js.refused("dial", addr=node.addr.replace(node.peer_id, js.peer_id[:-3] + "abc"))
            with Js() as other:
                other.refused("dial", addr=node.addr.replace(node.peer_id, js.peer_id))
        with row(JS, "identify") as note:
            seen = js.wait("identified", peer=node.peer_id)
            check(set(FOUR) <= set(seen["protocols"]), seen)
            check(seen["agent"].startswith("p2pos") and seen["observed"], seen)
            check(any(f"/tcp/{node.port}" in a for a in seen["listen"]), seen)
            note(seen["agent"])
        with row(JS, "ping") as note:
            rtt = js.do("ping", peer=node.peer_id, count=5)["rtt_ms"]
            note(f"{min(rtt)} ms")
        with row(JS, "a guest is listed as pending"):
            pending = node.json("member", "pending")["pending"]
            check(js.peer_id in [p["peer_id"] for p in pending], pending)
        with row(JS, "a guest may not pull the membership"):
            js.refused("pull", peer=node.peer_id)
        with row(JS, "a guest may not ask for status"):
            js.refused("status", peer=node.peer_id)
        with row(JS, "a guest's heartbeat counts for nothing"):
            with contextlib.suppress(Failed):
                js.do("heartbeat", peer=node.peer_id, cluster_id="demo")
            check(metric(node, 'p2pos_heartbeats_received_total{result="ok"}') == 0)
        with row(JS, "push of another cluster's snapshot is refused"):
            a = js.do("push", peer=node.peer_id, snapshot=admin.sign([js.peer_id], cluster_id="other"))["answer"]
            check(a["applied"] is False and a["error"], a)
        with row(JS, "push of a forged snapshot is refused") as note:
            forged = admin.sign([node.peer_id])
            forged["members"].append(js.peer_id)
            a = js.do("push", peer=node.peer_id, snapshot=forged)["answer"]
            check(a["applied"] is False and a["error"], a)
            note(a["error"])
        with row(JS, "the guest is still a guest, p2posd still healthy"):
            check(node.state == "healthy" and list(node.members()) == [node.peer_id], node.members())
            check(js.do("ping", peer=node.peer_id))
        with row(JS, "whoever pushed a forgery is not believed for a minute"):
            a = js.do("push", peer=node.peer_id, snapshot=admin.sign([node.peer_id, js.peer_id]))["answer"]
            check(a["applied"] is False and "try again later" in a["error"], a)
    with scene(members=False) as (_, node, js, admin):
        with row(JS, "a guest's push of a snapshot signed by js is applied"):
            js.do("dial", addr=node.addr)
            a = js.do("push", peer=node.peer_id, snapshot=admin.sign([js.peer_id, node.peer_id, js.peer_id]))["answer"]
            check(a["applied"] is True, a)
            wait_until("js is a member", lambda: node.members().get(js.peer_id) == "online")


# ---- js as a member

@chapter
def member():
    with scene(heartbeat={"interval": "1s", "timeout": "30s"}) as (_, node, js, admin):
        with row(JS, "pull gives the snapshot as it was signed"):
            got = js.do("pull", peer=node.peer_id)["answer"]
            check(same(got["snapshot"], held(node)) and "error" not in got, got)
        with row(JS, "pull without closing the stream first"):
            check(same(js.do("pull", peer=node.peer_id, close=False)["answer"]["snapshot"], held(node)))
        with row(JS, "push of the snapshot held is unchanged"):
            a = js.do("push", peer=node.peer_id, snapshot=held(node), close=False)["answer"]
            check(a["applied"] is True and a["result"] == "unchanged", a)
        with row(JS, "push of an older snapshot is stale"):
            old = admin.sign([js.peer_id], issued_at=admin.proof["valid_from"])
            a = js.do("push", peer=node.peer_id, snapshot=old)["answer"]
            check(a["applied"] is False and a["error"] == "stale issued_at", a)
        for scope in (None, "local", "cluster"):
            with row(JS, f"status, scope {scope or 'left out'}"):
                a = js.do("status", peer=node.peer_id, scope=scope)["answer"]
                check({p["peer_id"]: p["reachability"] for p in a["peers"]} ==
                      {node.peer_id: "online", js.peer_id: "online"}, a)
                check(all({"last_remote_addr", "last_seen_at", "observed_by"} <= set(p) for p in a["peers"]), a)
        with row(P2POSD, "status: js was asked for its view of the cluster"):
            asked = js.wait("status", **{"from": node.peer_id})
            check(asked["request"] == {"scope": "local"}, asked)
        with row(JS, "a heartbeat signed by js is accepted"):
            ok = 'p2pos_heartbeats_received_total{result="ok"}'
            before = metric(node, ok)
            beat = js.do("heartbeat", peer=node.peer_id, cluster_id="demo")["heartbeat"]
            wait_until("the heartbeat counts", lambda: metric(node, ok) == before + 1)
        with row(JS, "a heartbeat of the wrong cluster is not"):
            js.do("heartbeat", peer=node.peer_id, cluster_id="other")
            wait_until("it is counted as refused",
                       lambda: metric(node, 'p2pos_heartbeats_received_total{result="cluster_mismatch"}') == 1)
        with row(JS, "a heartbeat outside the window is not"):
            js.do("heartbeat", peer=node.peer_id, cluster_id="demo", ts="2106-02-07T06:28:15Z")
            wait_until("it is counted as refused",
                       lambda: metric(node, 'p2pos_heartbeats_received_total{result="timestamp"}') == 1)
        with row(JS, "a heartbeat that was sent before is not"):
            js.do("heartbeat", peer=node.peer_id, cluster_id="demo", ts=beat["ts"])
            wait_until("it is counted as refused",
                       lambda: metric(node, 'p2pos_heartbeats_received_total{result="replay"}') == 1)
        with row(P2POSD, "heartbeats come to js, signed, and grow"):
            beats = [js.wait("heartbeat", **{"from": node.peer_id})]
            beats.append(js.wait("heartbeat", since=js.news.index(beats[0]) + 1))
            check(all(b["genuine"] and b["heartbeat"]["peer_id"] == node.peer_id
                      and b["heartbeat"]["cluster_id"] == "demo" for b in beats), beats)
            check(beats[0]["heartbeat"]["ts"] < beats[1]["heartbeat"]["ts"], beats)
        with row(P2POSD, "the silence of js is noticed when it hangs up"):
            before = time.monotonic()
            js.do("hangup", peer=node.peer_id)
            wait_until("js is offline", lambda: node.members().get(js.peer_id) == "offline")
            check(time.monotonic() - before < 5)
        with row(P2POSD, "and it is dialled again by itself"):
            js.do("dial", addr=node.addr)
            wait_until("js is online", lambda: node.members().get(js.peer_id) == "online")


# ---- many streams of one connection

@chapter
def streams():
    with scene() as (_, node, js, _admin):
        with row(JS, "64 streams at once, of four protocols: what fits is answered") as note:
            a = js.do("many", peer=node.peer_id, count=64, protocols=[PULL, STATUS, PING, PEERS])
            check(a["answered"] >= 32, a)
            note(f"{a['answered']} answered, the others reset: 32 may negotiate at once")
    with scene() as (_, node, js, _admin):
        with row(JS, "64 streams at once, of one protocol: what fits is answered") as note:
            a = js.do("many", peer=node.peer_id, count=64, protocols=[PULL])
            check(a["answered"] >= 16, a)
            note(f"{a['answered']} answered, the others reset: 16 of one protocol at once")
        with row(JS, "the connection goes on after that"):
            check(len(js.do("connections")["connections"]) == 1)
            js.do("ping", peer=node.peer_id, count=3)
            check(js.do("many", peer=node.peer_id, count=16, protocols=[PULL])["answered"] == 16)


# ---- p2posd dials

@chapter
def dialled():
    with scene(members=False) as (_, node, js, admin):
        with row(P2POSD, "a stranger is not kept, and the operator is told why") as note:
            a = node.ctl("--json", "peer", "connect", js.addr, check=False)
            check(a.code == 69 and a.json["error"]["message"] == "not_a_member", a.code, a.out)
        node.ctl("member", "add", js.peer_id, "--admin-key", f"@{node.admin_key}", "--yes", "--force")
        js.do("serve", snapshot=held(node))
        with row(P2POSD, "tcp, noise, yamux") as note:
            peer = node.json("peer", "connect", js.addr)["peer"]
            check(peer["peer_id"] == js.peer_id and peer["direction"] == "out", peer)
            check((peer["transport"], peer["security"], peer["muxer"]) == ("tcp", "noise", "yamux"), peer)
            c = js.do("connections")["connections"]
            check(len(c) == 1 and c[0]["direction"] == "inbound", c)
        with row(P2POSD, "a wrong peer id in the address is refused") as note:
            wrong = js.addr.replace(js.peer_id, "12D3KooWAk3EiGyYZFb5sbmyJ4Tp2hFSSAyutCLB8m87axnK2ptx")
            a = node.ctl("--json", "peer", "connect", wrong, check=False)
            check(a.code == 76 and a.json["error"]["reason"] == "peer_id_mismatch", a.code, a.out)
        with row(P2POSD, "identify") as note:
            seen = node.json("peer", "identify", js.peer_id)
            check(set(FOUR) <= set(seen["protocols"]), seen)
            check(any(js.addrs[0].split("/p2p/")[0] == a for a in seen["listen_addresses"]), seen)
            note(seen["agent_version"])
        with row(JS, "identify on a connection that p2posd dialled"):
            check(set(FOUR) <= set(js.wait("identified", peer=node.peer_id)["protocols"]))
        with row(P2POSD, "ping") as note:
            a = node.json("rpc", "call", "peer.ping", json.dumps({"peer": js.peer_id, "count": 3, "interval_ms": 10}))
            check(a["received"] == 3, a)
            note(str(a["rtt_ms"]))
        with row(JS, "ping on a connection that p2posd dialled"):
            js.do("ping", peer=node.peer_id)
        with row(P2POSD, "trace shows each step"):
            steps = node.json("peer", "trace", js.addr)
            check(steps["ok"], steps)
        with row(P2POSD, "push of a snapshot that the operator published"):
            other = strangers(1)[0]
            node.ctl("member", "add", other, "--admin-key", f"@{node.admin_key}", "--yes", "--force")
            wait_until("js has it", lambda: any(
                n["event"] == "push" and same(n["snapshot"], held(node)) for n in js.news))
        with row(P2POSD, "a push that js refuses is told to the operator"):
            js.do("serve", applied={"applied": False, "error": "js says no"})
            a = node.json("member", "remove", other, "--admin-key", f"@{node.admin_key}", "--yes", "--force")
            check({"peer_id": js.peer_id, "applied": False} in a["pushed"], a)
            js.do("serve", applied={"applied": True})
        with row(P2POSD, "pull: js has a newer snapshot, and it is taken"):
            newer = admin.sign([node.peer_id, js.peer_id])
            js.do("serve", snapshot=newer)
            node.rpc("member.sync")
            check(same(held(node), newer), held(node))
        with row(P2POSD, "pull: nothing, and snapshots that are not valid, change nothing"):
            forged = {**admin.sign([js.peer_id]), "members": [node.peer_id]}
            for bad in (None, forged, {"members": 7}, {**newer, "sig": ""}):
                js.do("serve", snapshot=bad)
                node.ctl("rpc", "call", "member.sync", check=False)
                check(same(held(node), newer) and node.state == "healthy", bad)
        with row(P2POSD, "status of the cluster is asked of js, and merged"):
            a = node.rpc("status.cluster")
            check(js.wait("status", **{"from": node.peer_id})["request"]["scope"] == "local")
            check({p["peer_id"] for p in a["peers"]} == {node.peer_id, js.peer_id}, a)
        with row(P2POSD, "disconnect, and js knows") as note:
            node.ctl("peer", "disconnect", js.peer_id)
            js.wait("gone", peer=node.peer_id)
        with row(P2POSD, "a member is dialled again where it was reached") as note:
            wait_until("js is online", lambda: node.members().get(js.peer_id) == "online")


# ---- admins that are no members

@chapter
def admin():
    with scene(members=False) as (c, node, js, owner):
        with row(JS, "the issuer of the snapshot is an admin session by its key"):
            with Js(admin_key=owner.key) as issuer:
                issuer.do("dial", addr=node.addr)
                check(same(issuer.do("pull", peer=node.peer_id)["answer"]["snapshot"], held(node)))
                check(issuer.do("status", peer=node.peer_id, scope="cluster")["answer"]["peers"])
        ctl("admin", "new", "--cluster", "demo", "--system-key", f"@{node.dir}/admin/system.key",
            "--out", c.dir / "alice")
        key = (c.dir / "alice" / "admin.key").read_text()
        proof = json.loads((c.dir / "alice" / "admin.proof").read_text())
        with Js(admin_key=key) as alice:
            alice.do("dial", addr=node.addr)
            with row(JS, "another admin is a guest until it shows its proof"):
                alice.refused("pull", peer=node.peer_id)
            with row(JS, "the proof of somebody else opens nothing"):
                a = alice.do("admin", peer=node.peer_id, proof=owner.proof)["answer"]
                check(a["ok"] is False and a["error"], a)
                alice.refused("pull", peer=node.peer_id)
            with row(JS, "a proof made by js with the system key opens the session"):
                made = alice.do("prove", system_key=owner.system_key, cluster_id="demo", peer_id=alice.peer_id,
                                valid_from=proof["valid_from"], valid_to=proof["valid_to"])["admin_proof"]
                check(made == proof, made, proof)
                a = alice.do("admin", peer=node.peer_id, proof=made)["answer"]
                check(a["ok"] is True, a)
            with row(JS, "then it may pull and ask for status"):
                check(same(alice.do("pull", peer=node.peer_id)["answer"]["snapshot"], held(node)))
                check(alice.do("status", peer=node.peer_id)["answer"]["peers"])
            with row(JS, "and it is neither member nor counted"):
                s = node.status()
                check(s["cluster"]["members"] == 1 and s["cluster"]["online"] == 1, s)
                check(not any(n["event"] == "heartbeat" for n in alice.news), alice.news)


# ---- keys that p2pos does not speak

@chapter
def keys():
    # js-libp2p has no peers with ECDSA keys; those of go stand in.
    with scene(members=False) as (_, node, js, _admin):
        for kind, by in (("rsa", "js"), ("secp256k1", "js"), ("ecdsa", "go")):
            if missing(by):
                skip(f"{by} -> p2posd", f"a peer with a key of type {kind}", missing(by))
                continue
            with Peer(by, key=kind) as odd:
                with row(f"{by} -> p2posd", f"a peer with a key of type {kind} is refused, and logged") as note:
                    seen = len(node.log())
                    # A dialler has finished its part of Noise before the other side reads its key.
                    with contextlib.suppress(Failed):
                        odd.do("dial", addr=node.addr)
                        odd.wait("gone", peer=node.peer_id)
                        odd.do("ping", peer=node.peer_id)
                        raise AssertionError("it was not refused")
                    line = wait_until("a line about it", lambda s=seen: next((
                        x for x in node.log()[s:].splitlines() if "handshake_failed" in x), None))
                    note(re.sub(r"address=\S+ ", "", line))
                with row(f"p2posd -> {by}", f"dialling a peer with a key of type {kind} fails cleanly") as note:
                    a = node.ctl("--json", "peer", "connect", odd.addr.split("/p2p/")[0], check=False)
                    check(a.code in (69, 76) and a.json["error"]["hint"], a.code, a.out)
                    note(a.json["error"]["message"][:60])
        with row(JS, "p2posd lives on and talks to Ed25519 peers"):
            js.do("dial", addr=node.addr)
            js.do("ping", peer=node.peer_id)
            check(node.state == "healthy")


# ---- five thousand members

@chapter
def large():
    with scene() as (_, node, js, admin):
        crowd = strangers(5000)
        first = admin.sign([node.peer_id, js.peer_id, *crowd])
        with row(JS, "a snapshot of 5,002 members is pushed") as note:
            a = js.do("push", peer=node.peer_id, snapshot=first)["answer"]
            check(a["applied"] is True, a)
            check(node.rpc("node.health")["members"] == 5002)
            note(f"{len(json.dumps(first, separators=(',', ':')))} bytes")
        with row(JS, "and pulled"):
            got = js.do("pull", peer=node.peer_id)["answer"]
            check(same(got["snapshot"], first))
        with row(JS, "16 pulls of it at once, interleaved"):
            check(js.do("many", peer=node.peer_id, count=16, protocols=[PULL])["answered"] == 16)
        with row(P2POSD, "two of 5,002 online is degraded, and said so") as note:
            h = node.rpc("node.health")
            check(h["state"] == "degraded" and h["online"] == 2 and h["quorum"] == 2502, h)
        with row(P2POSD, "another one is pulled from js"):
            second = admin.sign([node.peer_id, js.peer_id, *crowd[1:]])
            js.do("serve", snapshot=second)
            wait_until("the newer one is held", lambda: node.rpc("member.sync") and same(held(node), second), pause=1)
        with row(P2POSD, "and one more is pushed to js"):
            third = admin.sign([node.peer_id, js.peer_id, *crowd[2:]])
            path = node.dir / "third.json"
            path.write_text(json.dumps(third))
            node.ctl("member", "publish", f"@{path}", "--force")
            check(js.wait("push", **{"from": node.peer_id})["snapshot"]["sig"] == third["sig"])
        with row(JS, "status of 5,001 members is answered whole") as note:
            a = js.do("status", peer=node.peer_id)["answer"]
            check(len(a["peers"]) == len(set(third["members"])), len(a["peers"]))
            note(f"{len(json.dumps(a))} bytes")


# ---- js is all that a new node knows

@chapter
def bootstrap():
    with Cluster() as c, Js() as js:
        first = c.add()
        first.init("demo")
        admin = Admin(first, js)
        pubkey = first.config["system_pubkey"]
        nodes = [c.add() for _ in range(2)]
        join = join_string("demo", pubkey, js.addr)
        with row(P2POSD, "a join string that names js alone is taken"):
            for n in nodes:
                n.join(join)
        snapshot = admin.sign([js.peer_id, *[n.peer_id for n in nodes]])
        js.do("serve", snapshot=snapshot)
        for n in nodes:
            n.start()
        with row(P2POSD, "new nodes find js, pull the snapshot, and are healthy"):
            for n in nodes:
                wait_until(f"{n.name} healthy", lambda n=n: n.state == "healthy")
                check(same(held(n), snapshot))
        with row(P2POSD, "js was asked, and counts as online"):
            for n in nodes:
                js.wait("pull", **{"from": n.peer_id})
                check(n.members()[js.peer_id] == "online", n.members())
