# SPDX-License-Identifier: Apache-2.0
"""/perf/1.0.0 through p2posctl peer perf: who may, how much, by id and by address."""
import unittest

from p2pos import Cluster, wait_until

PERF = "/perf/1.0.0"


class Perf(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.cluster.form()
        cls.a, cls.b = cls.cluster

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def speaks(self, asker, peer):
        return asker.json("peer", "identify", peer.peer_id)["protocols"]

    def refused(self, code, reason, *args, node=None):
        a = (node or self.a).ctl("--json", "peer", "perf", *args, check=False)
        self.assertEqual(a.code, code, (args, a.out, a.err))
        self.assertEqual(a.json["error"]["reason"], reason, a.out)

    def test_members_measure_each_other(self):
        self.assertIn(PERF, self.speaks(self.a, self.b))
        for target in (self.b.peer_id, self.b.addr):
            r = self.a.json("peer", "perf", target, "--up", "3MiB", "--down", "5000000")
            self.assertEqual((r["streams"], r["up_bytes"], r["down_bytes"]), (1, 3 << 20, 5000000))
            self.assertEqual(r["peer_id"], self.b.peer_id)
            self.assertGreater(r["up_s"], 0)
            self.assertGreater(r["down_s"], 0)
            self.assertTrue(r["transport"] and r["security"], r)
        r = self.b.json("peer", "perf", self.a.peer_id, "--up", "1", "--down", "0")
        self.assertEqual((r["up_bytes"], r["down_bytes"], r["down_s"]), (1, 0, 0))

    def test_streams_share_the_bytes(self):
        r = self.a.json("peer", "perf", self.b.peer_id, "--up", "3MiB", "--down", "5000001", "--streams", "8")
        self.assertEqual((r["streams"], r["up_bytes"], r["down_bytes"]), (8, 3 << 20, 5000001))
        self.assertGreater(r["up_s"], 0)
        self.assertGreater(r["down_s"], 0)
        out = self.a.ctl("peer", "perf", self.b.peer_id, "--up", "1MiB", "--down", "0", "--streams", "2").out
        self.assertRegex(out.splitlines()[0], r", 2 streams$")
        for n in ("0", "9", "many"):
            self.refused(64, "invalid_params", self.b.peer_id, "--streams", n)

    def test_people_read_it(self):
        out = self.a.ctl("peer", "perf", self.b.peer_id, "--up", "1MiB", "--down", "2MiB").out.splitlines()
        self.assertRegex(out[1], r"^up +1048576 bytes in \d+\.\d+ s  \d+\.\d Mbit/s$")
        self.assertRegex(out[2], r"^down +2097152 bytes in \d+\.\d+ s  \d+\.\d Mbit/s$")

    def test_amounts_have_bounds_and_units(self):
        self.refused(64, "usage", self.b.peer_id, "--up", "5MB")
        self.refused(64, "invalid_params", self.b.peer_id, "--down", "65GiB")

    def test_a_guest_measures_nobody(self):
        guest = self.cluster.add()
        guest.join(self.cluster.join_string)
        guest.start()
        wait_until("it knocks", lambda: guest.peer_id in
                   [p["peer_id"] for p in self.a.json("member", "pending")["pending"]])
        self.refused(76, "protocol_unsupported", self.a.addr, node=guest)

    def test_a_member_may_keep_out_of_it(self):
        out = self.cluster.add()
        out.join(self.cluster.join_string)
        out.configure(perf={"serve": "off"})
        out.start()
        self.cluster.approve(out.peer_id)
        members = [self.a, self.b, out]
        self.cluster.wait_full(members)
        self.cluster.wait_mesh(members)
        self.assertNotIn(PERF, self.speaks(self.a, out))
        self.refused(76, "protocol_unsupported", out.peer_id)
        # It may still ask.
        r = out.json("peer", "perf", self.a.peer_id, "--up", "1KiB", "--down", "1KiB")
        self.assertEqual(r["up_bytes"], 1024)


if __name__ == "__main__":
    unittest.main()
