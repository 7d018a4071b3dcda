# SPDX-License-Identifier: Apache-2.0
"""Life of a cluster: it forms, loses nodes, gets them back, takes new ones in and puts old ones out."""
import time
import unittest

from p2pos import Cluster, wait_until


def offline(node, gone, patience=None):
    wait_until(f"{node.name} sees {gone.name} offline",
               lambda: node.members().get(gone.peer_id) == "offline", patience)


class Cluster3(unittest.TestCase):
    def test_one_node_is_killed_and_comes_back(self):
        with Cluster(3) as c:
            c.form()
            a, b, gone = c
            before = gone.status()["cluster"]["snapshot"]["hash"]
            gone.kill()
            for n in (a, b):
                offline(n, gone)
                s = n.status()["cluster"]
                self.assertEqual((n.state, s["online"], s["members"], s["quorum"]), ("healthy", 2, 3, 2))
            gone.start()
            c.wait_full()
            c.wait_all("healthy")
            self.assertEqual(gone.status()["cluster"]["snapshot"]["hash"], before)

    def test_two_of_three_dead_is_degraded_with_its_reason(self):
        with Cluster(3) as c:
            c.form()
            left, *gone = c
            for n in gone:
                n.kill()
            left.wait_state("degraded")
            why = left.rpc("node.explain")
            self.assertEqual((why["state"], why["online"], why["members"], why["quorum"]), ("degraded", 1, 3, 2))
            self.assertEqual({m["peer_id"] for m in why["missing"]}, {n.peer_id for n in gone})
            self.assertTrue(why["reason"] and why["lines"] and why["remedies"], why)
            self.assertEqual(left.ctl("health", check=False).code, 1)
            # Nothing is published without a majority.
            draft = left.ctl("member", "plan", "--remove", gone[0].peer_id).out
            signed = left.ctl("member", "sign", "-", "--admin-key", c.admin_key, stdin=draft).out
            a = left.ctl("--json", "member", "publish", "-", stdin=signed, check=False)
            self.assertEqual((a.code, a.json["error"]["reason"]), (1, "no_quorum"))
            self.assertTrue(a.json["error"]["hint"])
            gone[0].start()
            left.wait_state("healthy")
            self.assertEqual(left.ctl("health").code, 0)

    def test_a_frozen_node_leaves_and_returns(self):
        with Cluster(3) as c:
            c.form()
            a, b, cold = c
            cold.freeze()
            for n in (a, b):
                offline(n, cold)
                self.assertEqual(n.state, "healthy")
            cold.thaw()
            c.wait_full()
            c.wait_all("healthy")
            # It slept, the others did not: it may not have accused them for long.
            self.assertEqual(len(cold.status()["cluster"]["snapshot"]["hash"]), 64)

    def test_all_nodes_restart_at_once(self):
        with Cluster(3) as c:
            c.form()
            for n in c:
                n.kill()
            for n in c:
                n.start(wait=False)
            for n in c:
                n.wait_ready()
            c.wait_full()
            c.wait_all("healthy")

    def test_a_removed_member_is_cut_off_within_a_second_and_knows_who_did_it(self):
        with Cluster(3) as c:
            made = c.form()
            a, b, out = made
            began = time.monotonic()
            a.json("member", "remove", out.peer_id, "--admin-key", c.admin_key, "--yes")
            for n in (a, b):
                wait_until("no connection is left", lambda n=n: out.peer_id not in [
                    p["peer_id"] for p in n.json("peer", "list")["peers"] if p.get("member")])
            took = time.monotonic() - began
            print(f"        removed and cut off within {took:.2f} s, asking included")
            self.assertLess(took, 5)
            # It learns of it from those who put it out, and says who.
            out.wait_state("unconfigured")
            reason = out.status()["node"]["state_reason"]
            issuer = a.status()["cluster"]["snapshot"]["issuer_peer_id"]
            self.assertTrue(reason.startswith("removed_by"), reason)
            self.assertIn(issuer, reason)
            for n in (a, b):
                self.assertEqual(sorted(n.members()), sorted([a.peer_id, b.peer_id]))
                n.wait_state("healthy")
            # And may come back when an admin lets it.
            c.approve(out.peer_id)
            c.wait_full()

    def test_a_late_joiner_is_pending_until_it_is_approved(self):
        with Cluster(2) as c:
            c.form()
            late = c.add()
            late.join(c.join_string)
            late.start()
            knocks = wait_until("it knocks", lambda: [p for p in c[0].json("member", "pending")["pending"]
                                                      if p["peer_id"] == late.peer_id])
            self.assertEqual(len(knocks), 1)
            self.assertEqual(late.state, "unconfigured")
            self.assertEqual(c[0].status()["pending"], 1)
            a = c[0].json("member", "approve", late.peer_id[:16], "--admin-key", c.admin_key, "--yes")
            self.assertEqual((a["changed"], a["snapshot"]["members"]), (True, 3))
            c.wait_full()
            self.assertEqual(c[0].json("member", "pending")["pending"], [])

    def test_the_first_admin_node_may_be_down_for_good(self):
        with Cluster(3) as c:
            c.form()
            c[0].kill()
            c[1].kill()
            c[1].start()
            c.wait_full(c.nodes[1:])
            c.wait_all("healthy", c.nodes[1:])


class Cluster5(unittest.TestCase):
    def test_one_address_is_enough_to_find_everybody(self):
        with Cluster(5) as c:
            c.form()
            for n in c.nodes[1:]:
                known = [e["address"] for e in n.config["init_connections"]]
                self.assertIn(c[0].addr, known)
                self.assertEqual({x.rsplit("/", 1)[1] for x in known}, {c[0].peer_id})
            for n in c:
                wait_until(f"{n.name} is connected to all", lambda n=n: len(
                    [p for p in n.json("peer", "list")["peers"] if p["member"]]) == 4)
            # The one address they were given is not needed any more, not even to start.
            c[0].kill()
            c[4].kill()
            c[4].start()
            c.wait_full(c.nodes[1:])
            for n in c.nodes[1:]:
                self.assertEqual((n.state, n.status()["cluster"]["online"]), ("healthy", 4))

    def test_two_of_five_may_fail_and_not_three(self):
        with Cluster(5) as c:
            c.form()
            for n in c.nodes[3:]:
                n.kill()
            for n in c.nodes[:3]:
                for gone in c.nodes[3:]:
                    offline(n, gone)
                self.assertEqual(n.state, "healthy")
            c[2].kill()
            for n in c.nodes[:2]:
                n.wait_state("degraded")
            for n in c.nodes[2:]:
                n.start(wait=False)
            c.wait_full()
            c.wait_all("healthy")

    def test_a_change_reaches_everybody_and_each_tells_it_once(self):
        with Cluster(5) as c:
            c.form()
            a = c[3].json("member", "remove", c[4].peer_id, "--admin-key", c.admin_key, "--yes")
            self.assertEqual(sorted(p["peer_id"] for p in a["pushed"] if p["applied"]),
                             sorted(c[i].peer_id for i in (0, 1, 2)))
            self.assertEqual(a["failed"], [])
            stamp = a["snapshot"]["issued_at"]
            for n in c.nodes[:4]:
                self.assertEqual(n.status()["cluster"]["snapshot"]["issued_at"], stamp)
                applied = [x for x in n.log().splitlines() if "apply_snapshot" in x and stamp in x]
                self.assertEqual(len(applied), 1, applied)
                # Scripts of the original look for this word where it came over the wire (P-069, P-192).
                self.assertEqual("apply_snapshot_push" in applied[0], n is not c[3], applied)


class Signals(unittest.TestCase):
    def test_a_clean_stop_is_exit_0_and_others_know_at_once(self):
        with Cluster(3) as c:
            c.form()
            began = time.monotonic()
            self.assertEqual(c[2].stop(), 0)
            offline(c[0], c[2])
            self.assertLess(time.monotonic() - began, 5)
            self.assertFalse(c[2].socket.exists())

    def test_stop_by_the_control_socket(self):
        with Cluster(1) as c:
            c.form()
            a = c[0].json("node", "stop")
            self.assertTrue(a["stopping"])
            self.assertEqual(c[0].proc.wait(timeout=30), 0)


if __name__ == "__main__":
    unittest.main()
