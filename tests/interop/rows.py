# SPDX-License-Identifier: Apache-2.0
"""Rows of the tables: how one is checked, counted and printed, and what several chapters need.

A chapter is a function that sets a scene once and calls `row` for each statement that it checks.
A row that fails does not end its chapter; a scene that cannot be set fails as a row of its own.
"""
import contextlib
import json
import re
import time

from p2pos import Failed

counts = {"passed": 0, "failed": 0, "skipped": 0}
chapters = []


def chapter(f):
    chapters.append(f)
    return f


@contextlib.contextmanager
def row(direction, what):
    began = time.monotonic()
    note = []
    try:
        yield note.append
    except Exception as e:  # a row must not end the table
        counts["failed"] += 1
        print(f"FAILED  {direction:15} {what:58} {time.monotonic() - began:5.1f} s")
        print("        " + f"{type(e).__name__}: {e}"[:3000].replace("\n", "\n        "), flush=True)
    else:
        counts["passed"] += 1
        print(f"ok      {direction:15} {what:58} {time.monotonic() - began:5.1f} s  {' '.join(note)}", flush=True)


def skip(direction, what, why):
    """A row that this machine cannot try; it is counted, and named."""
    counts["skipped"] += 1
    print(f"skipped {direction:15} {what:58}          {why}", flush=True)


def check(claim, *evidence):
    if not claim:
        raise Failed("not so: " + " ".join(str(e)[:1500] for e in evidence))


def metric(node, name):
    m = re.search(rf"^{re.escape(name)} ([0-9.e+]+)$", node.ctl("metrics").out, re.M)
    return float(m[1]) if m else 0


class Admin:
    """The admin's key and proof that `init` made, and snapshots that a peer signs with them."""

    def __init__(self, node, peer):
        out = node.dir / "admin"
        self.peer = peer
        self.key = (out / "admin.key").read_text()
        self.proof = json.loads((out / "admin.proof").read_text())
        self.system_key = (out / "system.key").read_text()

    def sign(self, members, cluster_id="demo", issued_at=None):
        return self.peer.do("sign", admin_key=self.key, admin_proof=self.proof, cluster_id=cluster_id,
                          issued_at=issued_at, members=members)["snapshot"]


def held(node):
    return node.json("member", "export")["snapshot"]


def same(a, b):
    """One statement, whatever the order in which its members are listed."""
    return {**a, "members": sorted(set(a["members"]))} == {**b, "members": sorted(set(b["members"]))}
