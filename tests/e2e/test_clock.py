# SPDX-License-Identifier: Apache-2.0
"""A node whose clock is wrong: it is noticed, costs nobody its place, and signs nothing (N-15)."""
import datetime
import unittest

from p2pos import Cluster, fault_library, strangers, wait_until


def at(text):
    """Seconds; texts do not compare, because trailing zeros are left out."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.datetime.fromisoformat(whole).timestamp() + float(f"0.{fraction or 0}")


def skewed(node):
    return [a["text"] for a in node.status()["alerts"] if a["type"] == "clock_skew"]


class Clock(unittest.TestCase):
    def begin(self, c, seconds):
        """Four nodes, the last one with another clock; returns that one."""
        c.form()
        odd = c[3]
        odd.stop()
        odd.extra_env = {**fault_library(), "P2POS_CLOCK_OFFSET_S": str(seconds)}
        odd.start()
        c.wait_full()
        return odd

    def signs_nothing(self, c, odd):
        a = odd.ctl("--json", "member", "add", strangers(1)[0], "--admin-key", c.admin_key, "--yes", check=False)
        self.assertEqual((a.code, a.json["error"]["reason"]), (1, "clock_skew"), a.out)
        self.assertTrue(a.json["error"]["hint"])
        self.assertEqual(len(c[0].members()), 4)

    def test_ten_minutes_ahead_everybody_knows(self):
        with Cluster(4) as c:
            odd = self.begin(c, 600)
            for n in c:
                wait_until(f"{n.name} knows", lambda n=n: skewed(n))
            self.assertIn("ahead of", skewed(odd)[0])
            c.wait_all("healthy")
            shown = c[0].json("member", "show", odd.peer_id)["member"]["skew_ms"]
            self.assertAlmostEqual(shown, 600_000, delta=5000)
            # What it says of times is not believed: nobody was seen in the future.
            for record in c[0].rpc("status.cluster")["peers"]:
                self.assertLessEqual(at(record["last_seen_at"]), at(c[0].rpc("status.local")["generated_at"]), record)
            self.signs_nothing(c, odd)
            # Where the clock is right, everything goes on.
            c[0].json("member", "add", strangers(1)[0], "--admin-key", c.admin_key, "--yes")
            wait_until("it has it too", lambda: len(odd.members()) == 5)

    def test_a_day_behind_it_knows_and_keeps_its_place(self):
        # What it sends is never dated earlier than before, so the others do not see it at once (FM-12).
        with Cluster(4) as c:
            odd = self.begin(c, -86400)
            wait_until("it knows", lambda: skewed(odd))
            self.assertIn("behind", skewed(odd)[0])
            c.wait_all("healthy")
            self.signs_nothing(c, odd)


if __name__ == "__main__":
    unittest.main()
