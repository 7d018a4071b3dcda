# SPDX-License-Identifier: Apache-2.0
"""The score of `p2posctl explain` over 25 faults (explain_score.py), as a test: 23 or more."""
import os
import unittest

import explain_score
from p2pos import Cluster, wait_until


class Calm(unittest.TestCase):
    def test_where_nothing_is_wrong_nothing_is_found(self):
        with Cluster(3) as c:
            c.form()
            c.wait_mesh()
            for n in c:
                n.ctl("config", "set", "heartbeat.interval", "1s")
            for n in c:
                wait_until("clocks were compared", lambda n=n: n.json("member", "show", c[0 if n is c[1] else 1].peer_id)["member"]["skew_ms"] is not None)
            for n in c:
                e = n.json("explain")
                # A machine that is overloaded looks like one that loses packets, and the sentence says so.
                self.assertIn(e["finding"], (None, "packet_loss"), e["lines"])
                self.assertTrue(e["reason"].startswith("healthy"), e)
                self.assertEqual(e["missing"], [])


class Local(unittest.TestCase):
    def test_a_daemon_that_stands_still_is_told_of(self):
        with Cluster(1) as c:
            n = c.form()[0]
            n.freeze()
            a = n.ctl("--timeout", "500ms", "explain", check=False)
            n.thaw()
            self.assertEqual(a.code, 75)
            self.assertIn("p2posd stands still", a.err.splitlines()[0])


@unittest.skipUnless(os.geteuid() == 0, "network namespaces and file systems need root")
class Score(unittest.TestCase):
    def test_at_least_23_of_25_causes_stand_in_the_first_line(self):
        self.assertEqual(len(explain_score.FAULTS), 25)
        right, _ = explain_score.main([])
        self.assertGreaterEqual(right, explain_score.WANTED)


if __name__ == "__main__":
    unittest.main()
