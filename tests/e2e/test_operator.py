# SPDX-License-Identifier: Apache-2.0
"""What an operator does beside the membership: configuration, database, support bundle, checks."""
import io
import json
import os
import pathlib
import sqlite3
import subprocess
import tarfile
import unittest

from p2pos import P2POSCTL, Cluster, Node, ctl, free_port, run, wait_until


class WithOne(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.cluster.form()
        cls.node = cls.cluster[0]

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def fails(self, code, *args, reason=None, **kw):
        a = self.node.ctl("--json", *args, check=False, **kw)
        self.assertEqual(a.code, code, (args, a.out, a.err))
        error = a.json["error"]
        self.assertTrue(error["message"] and error["hint"], error)
        if reason:
            self.assertEqual(error["reason"], reason, error)
        return error


class Config(WithOne):
    def test_one_key_is_changed_and_obeyed_at_once(self):
        n = self.node
        self.assertEqual(n.ctl("config", "get", "log.level").out, "info\n")
        a = n.json("config", "set", "log.level", "debug")
        self.assertEqual((a["changed"], a["reloaded"]), (True, True))
        self.assertEqual(a["changes"], [{"key": "log.level", "before": "info", "after": "debug", "needs_restart": False}])
        self.assertEqual((n.ctl("config", "get", "log.level").out, n.json("log", "level")["level"]), ("debug\n", "debug"))
        again = n.json("config", "set", "log.level", "debug")
        self.assertEqual((again["changed"], again["changes"]), (False, []))
        n.ctl("config", "set", "log.level", "info")
        self.assertEqual(os.stat(n.dir / "config.json").st_mode & 0o777, 0o600)

    def test_a_value_that_does_not_hold_changes_nothing(self):
        n = self.node
        before = (n.dir / "config.json").read_bytes()
        self.fails(78, "config", "set", "heartbeat.interval", "soon", reason="config_invalid")
        error = self.fails(78, "config", "set", "log.levle", "debug")
        self.assertIn("log.level", error["message"])
        self.fails(1, "config", "get", "log.levle", reason="not_found")
        self.fails(66, "config", "set", "log.level", "debug", "--file", "/nonexistent/config.json")
        # A secret is no word of a command line.
        self.fails(64, "config", "set", "auto_tls.forge_auth", "hush")
        self.assertEqual((n.dir / "config.json").read_bytes(), before)

    def test_what_needs_a_restart_shows_until_there_was_one(self):
        n = self.node
        a = n.json("config", "set", "metrics.listen", "127.0.0.1:0", "--dry-run")
        self.assertEqual((a["changed"], n.json("config", "diff")["changes"]), (False, []))
        n.json("config", "set", "control.read_only_group", "root")
        diff = n.json("config", "diff")["changes"]
        self.assertEqual([(x["key"], x["needs_restart"]) for x in diff], [("control.read_only_group", True)])
        n.json("config", "set", "control.read_only_group", "")
        self.assertEqual(n.json("config", "diff")["changes"], [])

    def test_a_whole_file_is_shown_then_written(self):
        n = self.node
        new = self.cluster.dir / "new.json"
        new.write_text(json.dumps({**n.config, "limits": {"guests": 7}}))
        self.fails(64, "config", "apply", new)  # nobody said yes
        self.assertNotIn('"guests": 7', (n.dir / "config.json").read_text())
        a = n.json("config", "apply", new, "--yes")
        self.assertEqual([(x["key"], x["after"]) for x in a["changes"]], [("limits.guests", 7)])
        self.assertEqual(n.ctl("config", "get", "limits.guests").out, "7\n")
        new.write_text('{"listen": 7}')
        self.fails(78, "config", "apply", new, "--yes")
        self.assertEqual(n.ctl("config", "get", "limits.guests").out, "7\n")

    def test_the_socket_alone_can_do_it_too(self):
        n = self.node
        self.assertTrue(n.rpc("config.set", key="limits.guests", value="9")["changed"])
        self.assertEqual(n.ctl("config", "get", "limits.guests").out, "9\n")
        before = (n.dir / "config.json").read_text()
        a = n.ctl("--json", "rpc", "call", "config.apply", json.dumps({"text": "{"}), check=False)
        self.assertEqual(a.code, 78)
        self.assertEqual((n.dir / "config.json").read_text(), before)

    def test_without_a_daemon_the_file_is_named(self):
        path = self.cluster.dir / "alone.json"
        path.write_text("{}")
        a = ctl("--json", "config", "set", "log.level", "warn", "--file", path).json
        self.assertEqual((a["changed"], a["reloaded"], json.loads(path.read_text())["log"]), (True, False, {"level": "warn"}))
        self.assertEqual(ctl("config", "get", "log.level", "--file", path).out, "warn\n")

    def test_the_schema_knows_every_key(self):
        schema = ctl("--json", "config", "schema").json["schema"]
        self.assertEqual(schema["properties"]["log"]["properties"]["level"]["default"], "info")
        self.assertEqual(schema, self.node.rpc("config.schema")["schema"])


class Database(WithOne):
    def test_it_is_checked_copied_and_compacted_while_the_node_goes_on(self):
        n = self.node
        self.assertEqual(n.json("db", "check")["problems"], [])
        copy = self.cluster.dir / "copy.db"
        self.assertEqual(n.json("db", "backup", copy)["path"], str(copy))
        with sqlite3.connect(copy) as db:
            self.assertEqual(db.execute("SELECT count(*) FROM snapshots").fetchone(), (1,))
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        # An earlier copy is never written over; a relative name means this directory, not the daemon's.
        self.fails(74, "db", "backup", copy, reason="storage")
        run(["sh", "-c", f'cd "{self.cluster.dir}" && exec "$0" "$@"', P2POSCTL.resolve(), "--socket", n.socket, "db", "backup", "here.db"])
        self.assertTrue((self.cluster.dir / "here.db").exists())
        a = n.json("db", "compact")
        self.assertGreater(a["bytes_before"], 0)
        self.assertLessEqual(a["bytes_after"], a["bytes_before"])
        self.assertEqual(n.state, "healthy")


class Debug(WithOne):
    def test_bounds_streams_and_timers_read_as_tables(self):
        n = self.node
        out = n.ctl("debug", "memory").out
        for word in ("WHAT", "connections", "store_queue", "resident memory"):
            self.assertIn(word, out)
        self.assertIn("DUE IN", n.ctl("debug", "timers").out)
        self.assertEqual(n.ctl("debug", "streams").out, "no stream is open\n")

    def test_the_bundle_opens_and_holds_no_secret(self):
        n = self.node
        path = self.cluster.dir / "bundle.tar.gz"
        a = n.json("debug", "bundle", "--out", path)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(subprocess.run(["gzip", "-t", path], check=False).returncode, 0)
        with tarfile.open(path) as t:
            files = {m.name.split("/", 1)[1]: t.extractfile(m).read() for m in t.getmembers()}
        self.assertEqual(sorted(files), sorted(a["files"]))
        self.assertEqual(json.loads(files["status.json"])["node"]["peer_id"], n.peer_id)
        self.assertEqual(json.loads(files["timeline.json"])["complete"], True)
        everything = b"".join(files.values())
        for secret in ("node.key", "admin/admin.key", "admin/system.key"):
            self.assertNotIn((n.dir / secret).read_bytes().strip(), everything, secret)
        proof = json.loads((n.dir / "admin" / "admin.proof").read_text())
        self.assertNotIn(proof["sig"].encode(), everything)

    def test_without_a_daemon_there_is_no_bundle(self):
        a = ctl("--socket", "/nonexistent.sock", "debug", "bundle", "--out", self.cluster.dir / "none.tar.gz", check=False)
        self.assertEqual(a.code, 69)
        self.assertFalse((self.cluster.dir / "none.tar.gz").exists())


class Doctor(unittest.TestCase):
    def checks(self, node, *args, code=None):
        a = node.ctl("--json", "doctor", *args, check=False)
        if code is not None:
            self.assertEqual(a.code, code, a.out)
        self.assertEqual(a.code, 1 if a.json["failures"] else 0)
        for x in a.json["checks"]:
            self.assertIn(x["result"], ("ok", "warn", "fail"))
            self.assertTrue(x["result"] != "fail" or x["fix"], x)
        return {x["name"]: x for x in a.json["checks"]}

    def test_a_good_pair_passes_and_names_who_came_in(self):
        with Cluster(2) as c:
            c.form()
            c.wait_mesh()
            for n in c:
                n.ctl("config", "set", "heartbeat.interval", "1s")
            wait_until("the clocks were compared", lambda: all("clock offset" in self.checks(n) for n in c))
            found = [self.checks(n, code=0) for n in c]
            for x in found:
                for name in ("daemon", "config", "config mode", "node key", "state", "descriptors", "disk", "clock offset"):
                    self.assertEqual(x[name]["result"], "ok", x[name])
            # One of the two dialled: the other one has it from a peer that its port is open.
            texts = [x["text"] for f in found for n, x in f.items() if n.startswith("port ")]
            self.assertTrue(any("reachable from" in t for t in texts), texts)
            trace = self.checks(c[0], "--peer", c[1].addr)
            self.assertEqual(trace["peer identify"]["result"], "ok")

    def test_each_fault_has_its_line_and_its_cure(self):
        with Cluster(2) as c:
            c.form()
            n = c[0]
            os.chmod(n.dir / "node.key", 0o644)
            x = self.checks(n, code=1)["node key"]
            self.assertEqual((x["result"], x["fix"]), ("fail", f"chmod 0600 {n.dir}/node.key"))
            os.chmod(n.dir / "node.key", 0o600)
            n.configure(init_connections=[{"type": "dns", "address": "nowhere.invalid"}], dns={"servers": [f"127.0.0.1:{free_port()}"]})
            n.stop()
            x = self.checks(n, code=1)["daemon"]
            self.assertIn("stopped or killed", x["text"])
            n.start()
            n.wait_state("healthy")
            self.assertEqual(self.checks(n, code=1)["dns"]["result"], "fail")
            c[1].kill()
            wait_until("it is missed", lambda: n.state == "degraded")
            self.assertEqual(self.checks(n, code=1)["state"]["result"], "fail")
            out = n.ctl("doctor", check=False).out
            self.assertRegex(out, r"(?m)^FAIL  state +degraded.*\n +fix: ")
            self.assertRegex(out.splitlines()[-1], r"^\d+ failures?, \d+ warnings?$")
            self.assertEqual(self.checks(n, "--peer", f"/ip4/127.0.0.1/tcp/{free_port()}", code=1)["peer connect"]["result"], "fail")

    def test_before_anything_is_there(self):
        a = ctl("--json", "--socket", "/nonexistent/p2posd.sock", "doctor", check=False)
        self.assertEqual(a.code, 1)


if __name__ == "__main__":
    unittest.main()
