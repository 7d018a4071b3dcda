# SPDX-License-Identifier: Apache-2.0
"""Who decides: snapshots that must be refused, the floor that never falls, and offline signing."""
import datetime
import json
import sqlite3
import time
import unittest

from p2pos import Cluster, ctl, strangers, wait_until
from signing import Admin, hash_of


def stamp(seconds=0.0):
    t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return t.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"


def held(node):
    return node.json("member", "export")["hash"]


def publish(node, snapshot, *more):
    return node.ctl("--json", "member", "publish", "-", *more, stdin=json.dumps(snapshot), check=False)


class Refusals(unittest.TestCase):
    def refused(self, node, snapshot, reason, detail=None, code=65):
        before = held(node)
        a = publish(node, snapshot, "--force")
        error = a.json["error"]
        self.assertEqual((a.code, error["reason"], error.get("data", {}).get("detail", detail)),
                         (code, reason, detail), a.out)
        self.assertTrue(error["hint"])
        self.assertEqual(held(node), before)
        v = node.ctl("--json", "member", "verify", "-", stdin=json.dumps(snapshot), check=False)
        self.assertTrue(v.code != 0 or not (v.json["valid"] and v.json["newer"]), v.out)

    def test_what_is_not_a_valid_snapshot_is_refused_by_name(self):
        with Cluster(1) as c, Cluster(1) as other:
            n = c.form()[0]
            stranger = Admin(other.form()[0].dir / "admin")
            admin = Admin(n.dir / "admin")
            me = n.peer_id
            good = admin.snapshot([me], stamp())
            rejected = "snapshot_rejected"
            self.refused(n, {**good, "members": [me, strangers(1)[0]]}, rejected, "signature")
            self.refused(n, {**good, "sig": stranger.snapshot([me], good["issued_at"])["sig"]}, rejected, "signature")
            self.refused(n, {**good, "sig": ""}, rejected, "signature_missing")
            self.refused(n, admin.snapshot([me], stamp(), "other"), rejected, "cluster_mismatch")
            self.refused(n, admin.snapshot([], stamp()), rejected, "members_empty")
            self.refused(n, admin.snapshot([me], stamp(600)), rejected, "future")
            self.refused(n, admin.snapshot([me], ""), rejected, "issued_at_missing")
            # Of the same cluster name, but of another system key.
            self.refused(n, stranger.snapshot([me], stamp()), "admin_proof_invalid", "signature")
            # Somebody else's proof, and one that was altered.
            mixed = {**good, "admin_proof": stranger.proof}
            self.refused(n, mixed, "admin_proof_invalid", "peer")
            admin.proof = {**admin.proof, "valid_to": "2099-01-01T00:00:00Z"}
            self.refused(n, admin.snapshot([me], stamp()), "admin_proof_invalid", "signature")
            self.assertEqual(n.state, "healthy")

    def test_a_proof_counts_only_in_its_time_and_role(self):
        with Cluster(1) as c:
            n = c.form()[0]
            admin = Admin(n.dir / "admin")
            invalid = "admin_proof_invalid"
            hour = 3600
            admin.proof = admin.prove(stamp(-2 * hour), stamp(-hour))
            self.refused(n, admin.snapshot([n.peer_id], stamp()), invalid, "window")
            # Back-dated into the proof's time: consistent, but that time is over.
            self.refused(n, admin.snapshot([n.peer_id], stamp(-1.5 * hour)), invalid, "expired")
            (c.dir / "old.proof").write_text(json.dumps(admin.proof))
            draft = n.ctl("member", "plan", "--add", strangers(1)[0]).out
            a = ctl("--json", "member", "sign", "-", "--admin-key", f"@{n.dir}/admin/admin.key",
                    "--admin-proof", f"@{c.dir}/old.proof", stdin=draft, check=False)
            self.assertEqual((a.code, a.json["error"]["reason"]), (65, invalid), a.out)
            admin.proof = admin.prove(stamp(hour), stamp(2 * hour))
            self.refused(n, admin.snapshot([n.peer_id], stamp()), invalid, "window")
            admin.proof = admin.prove(stamp(-hour), stamp(hour), role="owner")
            self.refused(n, admin.snapshot([n.peer_id], stamp()), invalid, "role")
            admin.proof = admin.prove(stamp(-hour), stamp(hour), cluster_id="other")
            self.refused(n, admin.snapshot([n.peer_id], stamp()), invalid, "cluster")

    def test_a_node_without_system_key_takes_nothing_and_says_so(self):
        with Cluster(2) as c:
            a, b = c
            made = a.init()
            b.join(made["join"])
            b.configure(system_pubkey="")
            a.start()
            b.start()
            wait_until("it knocks", lambda: a.json("member", "pending")["pending"])
            c.approve(b.peer_id)
            wait_until("the reason", lambda: b.status()["node"]["state_reason"] == "no_system_pubkey")
            self.assertEqual(b.state, "unconfigured")
            self.assertIn("system_pubkey", b.log())
            # Told to take anybody's, it does, and says so wherever it is asked.
            b.stop()
            b.configure(insecure_accept_any_issuer=True)
            b.start()
            b.wait_state("healthy")
            self.assertIn("insecure_accept_any_issuer", [x["type"] for x in b.status()["alerts"]])
            self.assertIn("ANY issuer", b.log())


class Floor(unittest.TestCase):
    def test_an_older_snapshot_is_stale_whatever_happened_to_the_node(self):
        with Cluster(2) as c:
            c.form()
            a, b = c
            admin = Admin(a.dir / "admin")
            old = admin.snapshot([a.peer_id], stamp(-30))
            now = held(b)

            def is_stale():
                r = publish(b, old, "--force")
                self.assertEqual((r.code, r.json["error"]["reason"]), (1, "snapshot_stale"), r.out)
                self.assertEqual(held(b), now)
            is_stale()
            b.stop()
            b.start()
            is_stale()
            b.kill()
            b.start()
            is_stale()

    def test_the_floor_outlives_the_database(self):
        with Cluster(3) as c:
            c.form()
            a, b, d = c
            admin = Admin(a.dir / "admin")
            old = admin.snapshot([n.peer_id for n in c], stamp(-30))
            now = held(b)
            for n in c:
                n.kill()
            for path in b.dir.glob("p2pos.db*"):
                path.unlink()
            b.start()
            # It knows that there was something, and holds nothing.
            self.assertEqual((b.state, b.status()["node"]["state_reason"]), ("unconfigured", "list_lost"))
            r = publish(b, old, "--force")
            self.assertEqual((r.code, r.json["error"]["reason"]), (1, "snapshot_stale"), r.out)
            a.start()
            d.start()
            c.wait_full()
            c.wait_all("healthy")
            self.assertEqual(held(b), now)

    def test_an_older_backup_of_the_database_does_not_bring_old_members_back(self):
        with Cluster(2) as c:
            c.form()
            a, b = c
            b.stop()
            backup = {p: p.read_bytes() for p in b.dir.glob("p2pos.db*")}
            b.start()
            c.wait_full()
            more = strangers(1)[0]
            a.json("member", "add", more, "--admin-key", c.admin_key, "--yes")
            now = held(a)
            wait_until("b has it", lambda: held(b) == now)
            a.stop()
            b.stop()
            for p in b.dir.glob("p2pos.db*"):
                p.unlink()
            for p, data in backup.items():
                p.write_bytes(data)
            b.start()
            self.assertNotIn(b.state, ("healthy",))
            self.assertIn("database_below_floor", b.log())
            a.start()
            wait_until("b has it again", lambda: held(b) == now)

    def test_what_was_acknowledged_survives_kill_9(self):
        with Cluster(1) as c:
            n = c.form()[0]
            for i in range(3):
                a = n.json("member", "add", strangers(4)[i], "--admin-key", c.admin_key, "--yes", "--force")
                n.kill()
                n.start()
                self.assertEqual(held(n), a["snapshot"]["hash"])
            db = sqlite3.connect(f"file:{n.dir}/p2pos.db?mode=ro", uri=True)
            self.assertEqual({r[0] for r in db.execute("SELECT peer_id FROM peers")}, set(n.members()))
            db.close()


class Equivocation(unittest.TestCase):
    def test_two_lists_of_one_instant_have_the_same_winner_everywhere(self):
        with Cluster(4) as c:
            c.form()
            admin = Admin(c[0].dir / "admin")
            everybody = [n.peer_id for n in c]
            at = stamp()
            one, two = (admin.snapshot([*everybody, x], at) for x in strangers(2))
            winner = min(hash_of(one), hash_of(two))
            # Each half hears another one first.
            for node, snapshot in ((c[0], one), (c[3], two)):
                a = publish(node, snapshot, "--force")
                self.assertIn(a.code, (0, 1), a.out)
            for n in c:
                wait_until(f"{n.name} holds the winner", lambda n=n: held(n) == winner)
            told = [n.name for n in c if any("equivocation" in str(x) for x in n.status()["alerts"])]
            self.assertTrue(told, [n.status()["alerts"] for n in c])
            self.assertTrue(any("membership_conflict" in n.log() for n in c))
            self.assertTrue(any("two valid lists" in x for n in c for x in n.json("explain")["notes"]))
            # And no more of it after a restart.
            c[1].kill()
            c[1].start()
            self.assertEqual(held(c[1]), winner)
            # What happened is a file that convinces whoever knows the system's public key alone.
            proofs = [x.ctl("member", "evidence", check=False) for x in c]
            self.assertTrue(any(p.code == 0 for p in proofs), [p.err for p in proofs])
            proof = next(p.out for p in proofs if p.code == 0)
            key = c[0].config["system_pubkey"]
            away = ["--json", "--socket", c.dir / "no.sock", "member", "verify", "-", "--system-pubkey"]
            r = ctl(*away, key, stdin=proof).json
            self.assertEqual((r["valid"], r["issuers"], r["issued_at"]), (True, [admin.peer_id], at), r)
            self.assertEqual(r["hashes"], sorted([hash_of(one), hash_of(two)]))
            forged = json.loads(proof)
            forged["snapshots"][1]["members"] = everybody
            r = ctl(*away, key, stdin=json.dumps(forged), check=False)
            self.assertEqual((r.code, r.json["valid"], r.json["detail"]), (65, False, "signature"), r.out)
            r = ctl(*away, ctl("keygen", "--new-system").out.split("SYSTEM_PUB_B64=")[1].split()[0], stdin=proof, check=False)
            self.assertEqual((r.code, r.json["valid"]), (65, False), r.out)

    def test_two_admins_at_once_end_with_one_list(self):
        with Cluster(3) as c:
            c.form()
            ctl("admin", "new", "--cluster", "demo", "--system-key", f"@{c[0].dir}/admin/system.key",
                "--out", c.dir / "second")
            first, second = Admin(c[0].dir / "admin"), Admin(c.dir / "second")
            everybody = [n.peer_id for n in c]
            for round_ in range(5):
                x, y = strangers(20)[2 * round_:2 * round_ + 2]
                publish(c[0], first.snapshot([*everybody, x], stamp()), "--force")
                publish(c[1], second.snapshot([*everybody, y], stamp()), "--force")
                last = wait_until("one list", lambda: len({held(n) for n in c}) == 1 and held(c[0]))
                self.assertEqual(len(last), 64)
                time.sleep(1.1)  # one change a second and issuer is taken; nothing announces it


class Offline(unittest.TestCase):
    def test_plan_diff_sign_publish_on_four_machines(self):
        with Cluster(2) as c:
            c.form()
            a, b = c
            new = strangers(1)[0]
            draft = a.ctl("member", "plan", "--add", new).out
            path = c.dir / "draft.json"
            path.write_text(draft)
            nowhere = c.dir / "no.sock"
            d = ctl("--json", "--socket", nowhere, "member", "diff", path).json
            self.assertEqual((d["added"], d["removed"], d["members"]), ([new], [], {"before": 2, "after": 3}))
            signed = ctl("--socket", nowhere, "member", "sign", path, "--admin-key", c.admin_key).out
            (c.dir / "signed.json").write_text(signed)
            key = a.config["system_pubkey"]
            v = ctl("--json", "--socket", nowhere, "member", "verify", f"@{c.dir}/signed.json",
                    "--system-pubkey", key, "--cluster", "demo").json
            self.assertTrue(v["valid"], v)
            wrong = "0" * 64
            r = b.ctl("--json", "member", "publish", f"@{c.dir}/signed.json", "--expect-hash", wrong, check=False)
            self.assertEqual((r.code, r.json["error"]["reason"]), (1, "snapshot_stale"), r.out)
            base = json.loads(draft)["base_hash"]
            self.assertEqual(base, held(b))
            r = b.json("member", "publish", f"@{c.dir}/signed.json", "--expect-hash", base)
            self.assertTrue(r["changed"] and r["applied"])
            wait_until("both have it", lambda: held(a) == held(b) == r["snapshot"]["hash"])
            again = b.json("member", "publish", f"@{c.dir}/signed.json")
            self.assertFalse(again["changed"])
            # A draft that is out of date meanwhile is told apart by its base.
            late = ctl("--socket", nowhere, "member", "sign", path, "--admin-key", c.admin_key).out
            r = b.ctl("--json", "member", "publish", "-", "--expect-hash", base, stdin=late, check=False)
            self.assertEqual(r.code, 1, r.out)

    def test_rollback_republishes_the_earlier_members(self):
        with Cluster(1) as c:
            n = c.form()[0]
            before = held(n)
            new = strangers(1)[0]
            n.json("member", "add", new, "--admin-key", c.admin_key, "--yes", "--force")
            self.assertEqual(sorted(n.members()), sorted([n.peer_id, new]))
            a = n.json("member", "rollback", "1", "--admin-key", c.admin_key, "--yes", "--force")
            self.assertTrue(a["changed"])
            self.assertEqual(list(n.members()), [n.peer_id])
            history = n.json("member", "history")["snapshots"]
            self.assertEqual(len(history), 3)
            self.assertEqual(history[0]["hash"], held(n))
            self.assertEqual(history[2]["hash"], before)
            self.assertGreater(history[0]["issued_at"], history[1]["issued_at"])

    def test_a_change_that_locks_out_needs_force(self):
        with Cluster(2) as c:
            c.form()
            a, b = c
            for remove, detail in ((a.peer_id, "self"), (b.peer_id, None)):
                r = a.ctl("--json", "member", "remove", remove, "--admin-key", c.admin_key, "--yes", check=False)
                if detail:
                    error = r.json["error"]
                    self.assertEqual((r.code, error["reason"]), (1, "would_lock_out"), r.out)
                    self.assertEqual(error["data"]["detail"], detail)
                else:
                    self.assertEqual(r.code, 0, r.out + r.err)
            r = a.ctl("--json", "member", "add", *strangers(3), "--admin-key", c.admin_key, "--yes", check=False)
            self.assertEqual((r.code, r.json["error"]["reason"], r.json["error"]["data"]["detail"]),
                             (1, "would_lock_out", "quorum"), r.out)
            dry = a.json("member", "add", *strangers(3), "--dry-run")
            self.assertEqual(dry["quorum"], {"before": 1, "after": 3})
            self.assertEqual(list(a.members()), [a.peer_id])

    def test_set_and_errors_of_members(self):
        with Cluster(1) as c:
            n = c.form()[0]
            path = c.dir / "members.txt"
            path.write_text("# ours\n" + "\n".join([n.peer_id, *strangers(2)]) + "\n")
            a = n.json("member", "set", f"@{path}", "--admin-key", c.admin_key, "--yes", "--force")
            self.assertEqual(a["snapshot"]["members"], 3)
            a = n.json("member", "set", f"@{path}", "--admin-key", c.admin_key, "--yes", "--force")
            self.assertFalse(a["changed"])
            for bad, code in (("12D3bad", 65), ("", 65)):
                r = n.ctl("--json", "member", "add", bad, "--admin-key", c.admin_key, "--yes", check=False)
                self.assertIn(r.code, (code, 64), r.out)
                self.assertTrue(r.json["error"]["hint"])


if __name__ == "__main__":
    unittest.main()
