# SPDX-License-Identifier: Apache-2.0
"""What the records say: log, history and database of a node, and what a reload really takes."""
import contextlib
import json
import pathlib
import sqlite3
import tempfile
import unittest

from p2pos import Cluster, Net, Node, ctl, free_port, run, wait_until
from test_dns import Server


def rows(node, sql, *args):
    with contextlib.closing(sqlite3.connect(f"file:{node.dir}/p2pos.db?mode=ro", uri=True)) as db:
        return db.execute(sql, args).fetchall()


class Records(unittest.TestCase):
    def test_a_state_change_names_cluster_node_and_numbers_in_one_line(self):
        with Cluster(2) as c:
            c.form()
            line = next(x for x in c[1].log().splitlines() if "next=healthy" in x)
            for part in ("[NODE] action=runtime_state", "cluster_id=demo", "members=2", "needed=2", "online=2",
                         f"peer_id={c[1].peer_id}", "prev=unconfigured", "reason=quorum"):
                self.assertIn(part, line)

    def test_a_node_that_stopped_left_nobody_online_and_a_fresh_one_begins_so(self):
        with Cluster(2) as c:
            c.form()
            wait_until("the row", lambda: rows(c[0], "SELECT 1 FROM peers WHERE peer_id=? AND reachability='online'",
                                               c[1].peer_id))
            self.assertEqual(c[0].stop(), 0)
            self.assertEqual(rows(c[0], "SELECT count(*), sum(reachability='offline') FROM peers"), [(2, 2)])
            self.assertTrue(rows(c[0], "SELECT last_seen_at FROM peers WHERE peer_id=?", c[1].peer_id)[0][0])

    def test_the_cluster_is_asked_for_its_status_once_in_five_seconds(self):
        with Cluster(2) as c:
            c.form()
            first = c[0].rpc("status.cluster")
            self.assertEqual([p["peer_id"] for p in first["peers"]], sorted(n.peer_id for n in c))
            self.assertTrue(first["complete"], first)
            # Whoever asks meanwhile gets the same answer, and nobody else is asked for it (R-37, P-100).
            self.assertEqual(c[0].rpc("status.cluster"), first)
            wait_until("it is too old", lambda: c[0].rpc("status.cluster")["generated_at"] != first["generated_at"])

    def test_a_member_that_comes_from_another_address_is_in_the_history(self):
        with Net(2) as net, Cluster(2, hosts=net.hosts, netns=net.names) as c:
            c.form()
            self.assertEqual(rows(c[0], "SELECT * FROM presence_events WHERE kind='addr_change'"), [])
            c[1].stop()
            wait_until("its loss is known", lambda: c[0].members()[c[1].peer_id] == "offline")
            run(["ip", "addr", "add", "10.77.0.12/16", "dev", "eth0"], netns=net.names[1])
            run(["ip", "addr", "del", f"{net.hosts[1]}/16", "dev", "eth0"], netns=net.names[1])
            # The first address was the primary one, and took the others of its kind along.
            run(["ip", "addr", "replace", "10.77.0.12/16", "dev", "eth0"], netns=net.names[1])
            c[1].configure(listen=[f"10.77.0.12:{c[1].port}"])
            c[1].start()
            c.wait_full()
            (moved,) = wait_until("the event", lambda: rows(
                c[0], "SELECT peer_id, addr, reason FROM presence_events WHERE kind='addr_change'"))
            self.assertEqual(moved[0], c[1].peer_id)
            self.assertIn("/ip4/10.77.0.12/", moved[1])
            self.assertIn(f"/ip4/{net.hosts[1]}/", moved[2])
            self.assertIn("action=peer_moved", c[0].log())


class Reload(unittest.TestCase):
    def test_what_is_taken_is_not_said_to_need_a_restart(self):
        with Cluster(1) as c:
            n = c[0]
            n.init()
            n.start()
            port = free_port()
            n.configure(listen=[n.listen, f"127.0.0.1:{port}"], heartbeat={"interval": "20s", "timeout": "60s"},
                        mesh={"full_limit": 64}, net={"dead_after": "5s"}, dns={"servers": ["127.0.0.9"]})
            a = n.json("node", "reload")
            self.assertEqual(sorted(a["applied"]), ["heartbeat.interval", "heartbeat.timeout", "listen",
                                                    "mesh.full_limit", "net.dead_after"])
            self.assertEqual([r if isinstance(r, str) else r["key"] for r in a["needs_restart"]], ["dns.servers"])
            self.assertIn(f"/ip4/127.0.0.1/tcp/{port}", n.status()["node"]["listen"])


class Names(unittest.TestCase):
    def test_an_answer_counts_for_its_time_unless_whom_it_names_is_not_reached(self):
        port = free_port()
        with Cluster(1) as c, Server(hosts=[("n1.c.test", "127.0.0.1,3600")], port=port) as server:
            first = c[0]
            made = first.init()
            first.start()
            n = Node(c.dir / "n2")
            c.nodes.append(n)
            n.join(made["join"])
            n.configure(dns={"servers": [server.address]}, init_connections=[
                {"type": "multiaddr", "address": f"/dns4/n1.c.test/tcp/{first.port}/p2p/{first.peer_id}"}])
            n.start()

            def asked():
                # Behind this answer everything asked before it is in the server's log.
                n.json("bootstrap", "resolve", "other.test")
                return server.asked().count("query[A] n1.c.test")

            wait_until("the first is reached", lambda: n.json("peer", "list")["peers"])
            self.assertEqual(asked(), 1)
            n.json("node", "reload")
            self.assertEqual(asked(), 1)
            first.kill()
            wait_until("the first is gone", lambda: not n.json("peer", "list")["peers"])
            n.json("node", "reload")
            wait_until("it was asked again", lambda: asked() == 2)


class ConfigCheck(unittest.TestCase):
    def check(self, config, *args):
        with tempfile.TemporaryDirectory(prefix="p2pos-e2e-") as d:
            path = pathlib.Path(d) / "config.json"
            path.write_text(json.dumps(config))
            path.chmod(0o600)
            return ctl("--json", "config", "check", path, *args, check=False)

    def setUp(self):
        words = ctl("keygen", "--new-system", "--cluster-id", "demo").out.split()
        self.keys = dict(w.split("=", 1) for w in words)
        self.proof = {k[12:].lower(): v for k, v in self.keys.items() if k.startswith("ADMIN_PROOF_")}
        self.port = free_port()
        self.good = {"cluster_id": "demo", "listen": f"127.0.0.1:{self.port}",
                     "system_pubkey": self.keys["SYSTEM_PUB_B64"], "admin_proof": self.proof}

    def warnings(self, answer):
        return {w["pointer"]: w["message"] for w in answer.json["warnings"]}

    def test_a_proof_is_held_against_cluster_key_and_system_key(self):
        a = self.check(self.good, "--strict")
        self.assertEqual((a.code, a.json["warnings"]), (0, []), a.out)
        other = ctl("keygen", "--new-system", "--cluster-id", "demo").out.split()
        other = dict(w.split("=", 1) for w in other)
        for change in ({"cluster_id": "other"}, {"system_pubkey": other["SYSTEM_PUB_B64"]},
                       {"node_private_key": other["NODE_PRIV_B64"]}, {"admin_proof": {**self.proof, "sig": "AAAA"}}):
            with self.subTest(next(iter(change))):
                a = self.check({**self.good, **change})
                self.assertEqual(a.code, 0)
                self.assertIn("/admin_proof", self.warnings(a), a.out)
                self.assertEqual(self.check({**self.good, **change}, "--strict").code, 78)

    def test_a_key_in_the_file_is_told(self):
        a = self.check({"node_private_key": self.keys["NODE_PRIV_B64"], "listen": f"127.0.0.1:{self.port}"})
        self.assertEqual(a.code, 0)
        self.assertIn("/node_private_key", self.warnings(a))
        self.assertNotIn(self.keys["NODE_PRIV_B64"], a.out)

    def test_a_port_in_use_is_told_and_spoils_nothing(self):
        with Cluster(1) as c:
            c[0].init()
            c[0].start()
            a = ctl("--json", "config", "check", c[0].dir / "config.json", "--strict", check=False)
            self.assertEqual(a.code, 0, a.out)
            self.assertIn("in use", self.warnings(a)["/listen/0"])


if __name__ == "__main__":
    unittest.main()
