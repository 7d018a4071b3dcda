# SPDX-License-Identifier: Apache-2.0
"""What was acknowledged is there again, wherever the process was cut off, and whatever the disk said.

A library that is preloaded (fault.c) ends the node at a chosen call that changes a file, or makes
the call fail. The node goes on from what that left behind, so a sweep is one long life with many
sudden deaths. P2POS_LONG=1 takes more of the calls, and lists of a thousand members.
"""
import json
import mmap
import os
import struct
import subprocess
import unittest

from p2pos import PATIENCE, Cluster, Failed, fault_library, strangers, wait_until
from signing import Admin
from test_membership import held, publish, stamp

LONG = os.environ.get("P2POS_LONG") == "1"
RUNS_MAX = 300 if LONG else 60  # of one sweep; one that has more calls takes every n-th

COUNT, KILL, TEAR, EIO_ONCE, EIO, ENOSPC = range(6)
WRITE, SYNC, TRUNCATE, UNLINK, RENAME = 1, 2, 4, 8, 16
ALL = WRITE | SYNC | TRUNCATE | UNLINK | RENAME


class Faults:
    """The orders for one node; set while it runs, or before it starts."""

    def __init__(self, node):
        self.node = node
        path = node.dir / "faults"
        path.write_bytes(bytes(16))
        with path.open("r+b") as f:
            self.map = mmap.mmap(f.fileno(), 16)
        node.extra_env = {**fault_library(), "P2POS_FAULT_FILE": str(path)}

    def order(self, act, calls=ALL, at=0):
        """From now on: the at-th call of these kinds."""
        struct.pack_into("4I", self.map, 0, COUNT, 0, 0, 0)
        struct.pack_into("4I", self.map, 0, act, calls, at, 0)

    def off(self):
        self.order(COUNT, 0)

    @property
    def seen(self):
        return struct.unpack_from("I", self.map, 12)[0]


def died(node, code=137):
    """Waits for the end that was ordered."""
    try:
        ended = node.proc.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Failed(f"{node.name} lives on:\n{node.log()[-2000:]}") from None
    node.proc = None
    if ended != code:
        raise Failed(f"{node.name} ended with {ended}, not {code}:\n{node.log()[-4000:]}")


class Life:
    """A node with its admin; what it acknowledged last, and what it was given since."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.node = cluster.form()[0]
        self.faults = Faults(self.node)
        self.admin = Admin(self.node.dir / "admin")
        self.node.stop()
        self.restart()
        self.acknowledged = held(self.node)
        # Any list before this one is old.
        self.old = self.admin.snapshot([self.node.peer_id], stamp(-60))
        self.taken = [self.old]  # what it acknowledged, in its order
        self.others = strangers(1_000 if LONG else 2)
        self.count = 0

    def restart(self):
        self.faults.off()
        self.node.start()

    def next_list(self):
        """Signed as of now, and of another content than the last."""
        self.count += 1
        others = self.others[self.count % 2:]
        return self.admin.snapshot([self.node.peer_id, *others], stamp())

    def offer(self):
        """Gives it a new list; true when it says that it has taken it."""
        new = self.next_list()
        a = publish(self.node, new, "--force")
        if a.code == 0:
            self.acknowledged = a.json["snapshot"]["hash"]
            self.taken.append(new)
        return a.code == 0

    def check(self, test, where):
        """It holds what it acknowledged, or the newer list that was on its way; nothing older."""
        now = held(self.node)
        history = [s["hash"] for s in self.node.json("member", "history")["snapshots"]]
        test.assertIn(self.acknowledged, history, where)
        newer = history[:history.index(self.acknowledged) + 1]
        test.assertEqual(now, history[0], where)
        test.assertLessEqual(len(newer), 2, (where, newer))
        self.is_stale(test, self.old, where)
        self.acknowledged = now  # it is in force, and was told to whoever asked

    def is_stale(self, test, snapshot, where):
        a = publish(self.node, snapshot, "--force")
        test.assertEqual((a.code, a.json["error"]["reason"]), (1, "snapshot_stale"), (where, a.out))

    def check_floor(self, test, where):
        """Without its database it still refuses what is older than the last list that it took."""
        self.node.kill()
        for path in self.node.dir.glob("p2pos.db*"):
            path.unlink()
        self.node.start()
        test.assertEqual(self.node.status()["node"]["state_reason"], "list_lost", where)
        self.is_stale(test, self.taken[-2], where)
        test.assertTrue(self.offer(), where)


def sweep(count):
    """Numbers of the calls to be cut off at, from the first one to one behind the last."""
    step = -(-(count + 1) // RUNS_MAX)
    return sorted({*range(1, count + 2, step), count, count + 1} - {0})


class KillSweep(unittest.TestCase):
    def test_while_a_list_is_taken(self):
        for act, calls in ((KILL, ALL), (TEAR, WRITE)):
            with self.subTest(act=act), Cluster(1) as c:
                life = Life(c)
                life.faults.order(COUNT, calls)
                self.assertTrue(life.offer())
                total = life.faults.seen
                self.assertGreater(total, 3)
                cut = acknowledged = 0
                for at in sweep(total):
                    life.faults.order(act, calls, at)
                    said = life.offer()
                    acknowledged += said
                    # What comes after the answer is cut off too, if the calls go that far.
                    if life.faults.seen >= at or not said:
                        died(life.node)
                        cut += 1
                    else:
                        life.node.kill()
                    life.restart()
                    life.check(self, f"call {at} of {total}")
                    if said:
                        life.check_floor(self, f"call {at} of {total}, database gone")
                # What follows the answer (rows, history) may or may not be reached before it is over.
                self.assertGreater(cut, 3)
                self.assertGreater(acknowledged, 0)

    def test_while_it_starts_and_while_it_stops(self):
        with Cluster(1) as c:
            life = Life(c)
            for what in ("start", "stop"):
                life.node.kill()
                if what == "stop":
                    life.restart()
                life.faults.order(COUNT)
                if what == "start":
                    life.node.start()
                else:
                    self.assertEqual(life.node.stop(), 0)
                total = life.faults.seen
                self.assertGreater(total, 0, what)
                if what == "stop":
                    life.restart()
                for at in sweep(total)[:: 1 if LONG else 2]:
                    self.assertTrue(life.offer())
                    if what == "start":
                        life.node.kill()
                        life.faults.order(KILL, ALL, at)
                        life.node.start(wait=False)
                        wait_until("it is cut off, or up", lambda at=at: life.faults.seen >= at or life.node.ctl(
                            "rpc", "call", "rpc.hello", check=False).code == 0)
                        if life.faults.seen >= at:
                            died(life.node)
                        else:
                            life.node.kill()
                    else:
                        life.faults.order(KILL, ALL, at)
                        code = life.node.stop()
                        self.assertEqual(code, 137 if life.faults.seen >= at else 0, at)
                    life.restart()
                    life.check(self, f"{what}, call {at} of {total}")

    def test_while_it_is_pushed_by_another_node(self):
        """The same over the wire: what B answered to A is what counts."""
        with Cluster(2) as c:
            c.form()
            a, b = c
            faults = Faults(b)
            admin = Admin(a.dir / "admin")
            b.stop()
            b.start()
            c.wait_mesh()
            for at in range(1, 40, 1 if LONG else 4):
                faults.order(KILL, WRITE | SYNC, at)
                done = publish(a, admin.snapshot([a.peer_id, b.peer_id], stamp()), "--force").json
                sent = done["snapshot"]["hash"]
                said = any(p["peer_id"] == b.peer_id and p["applied"] for p in done["pushed"])
                is_over = said and faults.seen < at
                if is_over:
                    b.kill()
                else:
                    died(b)
                faults.off()
                # Alone, so that it cannot fetch what it lost.
                a.freeze()
                b.start()
                if said:
                    self.assertEqual(held(b), sent, at)
                a.thaw()
                wait_until("b has it", lambda sent=sent: held(b) == sent)
                c.wait_mesh()
                if is_over:
                    break
            self.assertTrue(is_over and at > 10, at)


class FailedSync(unittest.TestCase):
    def test_one_failure_is_mended_and_nothing_acknowledged_is_lost(self):
        with Cluster(1) as c:
            life = Life(c)
            life.faults.order(COUNT, SYNC)
            self.assertTrue(life.offer())
            total = life.faults.seen
            self.assertGreater(total, 1)
            for at in range(1, total + 1):
                life.faults.order(EIO_ONCE, SYNC, at)
                said = life.offer()
                life.faults.off()
                self.assertTrue(life.node.running, at)
                # Whatever it said, it goes on by itself.
                self.assertTrue(said or life.offer(), at)
                life.node.kill()
                life.restart()
                life.check(self, f"sync {at} of {total}")

    def test_one_that_lasts_ends_the_node_with_73_and_no_acknowledgement(self):
        with Cluster(1) as c:
            life = Life(c)
            life.faults.order(EIO, SYNC, 1)
            self.assertFalse(life.offer())
            died(life.node, 73)
            self.assertIn("storage failed 3 times", life.node.log())
            life.restart()
            life.check(self, "after the disk came back")
            self.assertTrue(life.offer())


class FullDisk(unittest.TestCase):
    def test_no_acknowledgement_while_nothing_can_be_written_and_all_is_well_after(self):
        with Cluster(1) as c:
            life = Life(c)
            life.faults.order(ENOSPC, WRITE, 1)
            self.assertFalse(life.offer())
            self.assertTrue(life.node.running)
            self.assertEqual(life.node.ctl("status").code, 0)
            life.faults.off()
            wait_until("it takes one again", life.offer)
            life.node.kill()
            life.restart()
            life.check(self, "after there was room again")


if __name__ == "__main__":
    unittest.main()
