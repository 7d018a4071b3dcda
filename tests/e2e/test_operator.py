# SPDX-License-Identifier: Apache-2.0
"""What an operator does beside the membership: configuration, database, support bundle, checks."""
import base64
import json
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import unittest

import openmetrics
from p2pos import P2POSCTL, Cluster, Formed, ctl, free_port, run, strangers, wait_until
from test_cli import commands


ROOT = pathlib.Path(__file__).resolve().parents[2]


def promtool(*words, text):
    """Its exit code and what it said; where it is not installed, and need not be, it has nothing to say."""
    tool = shutil.which("promtool") or ROOT / "build" / "promtool"  # tests/lib/promtool puts it there
    if not os.environ.get("CI") and not os.access(tool, os.X_OK):
        return 0, ""
    done = subprocess.run([tool, *words], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout


class Config(Formed):
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

    def test_secrets_are_shown_to_whoever_insists(self):
        n, secret = self.node, "hush-hush"
        before = (n.dir / "config.json").read_text()
        self.addCleanup((n.dir / "config.json").write_text, before)
        n.configure(auto_tls={"forge_auth": secret})
        for args in ((), ("--effective",)):
            self.assertNotIn(secret, n.ctl("config", "show", *args).out)
        self.fails(64, "config", "show", "--show-secrets")  # no terminal here
        self.fails(64, "config", "show", "--show-secrets", "--effective", "--force")
        self.assertEqual(n.json("config", "show", "--show-secrets", "--force")["value"]["auto_tls"]["forge_auth"], secret)

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


class Database(Formed):
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


class Debug(Formed):
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


class Log(Formed):
    def test_the_newest_lines_and_what_follows(self):
        n = self.node
        lines = n.json("log", "tail", "--lines", "5")["lines"]
        self.assertLessEqual(len(lines), 5)
        self.assertIn("[NODE] action=ready", n.ctl("log", "tail", "--lines", "200").out)
        self.fails(64, "log", "tail", "--lines", "0", reason="invalid_params")
        p = subprocess.Popen([P2POSCTL, "--socket", n.socket, "log", "tail", "--follow"], stdout=subprocess.PIPE, text=True)
        p.stdout.readline()  # it has begun
        n.ctl("node", "reload")
        for line in p.stdout:
            if "action=config_reloaded" in line:
                break
        p.stdout.close()
        n.ctl("node", "reload")
        self.assertEqual(p.wait(timeout=60), 0)


class Timeline(Formed):
    def test_a_stretch_of_time(self):
        n = self.node
        events = n.json("timeline")["events"]
        self.assertTrue(events)
        self.assertEqual(n.json("timeline", "--until", "1h")["events"], [])
        self.assertEqual(n.json("timeline", "--since", "1h", "--until", "0s")["events"], events)
        self.assertEqual(n.json("timeline", "--since", "2099-01-01T00:00:00Z")["events"], [])
        self.fails(64, "timeline", "--until", "soon")


class Keys(unittest.TestCase):
    def test_a_key_goes_through_every_form_and_comes_back(self):
        with tempfile.TemporaryDirectory() as d:
            ctl("key", "generate", "--out", f"{d}/key")
            first = pathlib.Path(f"{d}/key").read_text()
            peer = ctl("key", "show-id", f"@{d}/key", "--field", "peer_id").out
            for form in ("pem", "hex", "protobuf", "base64"):
                ctl("key", "convert", f"@{d}/key", "--to", form, "--out", f"{d}/{form}")
                self.assertEqual(os.stat(f"{d}/{form}").st_mode & 0o777, 0o600)
                self.assertEqual(ctl("key", "convert", f"@{d}/{form}").out, first, form)
            # Others read it too.
            if shutil.which("openssl"):
                text = run(["openssl", "pkey", "-in", f"{d}/pem", "-noout", "-text"]).out
                seed = pathlib.Path(f"{d}/hex").read_text().strip()
                self.assertIn(seed, re.sub(r"[^0-9a-f]", "", text))
            self.assertTrue(peer.startswith("12D3KooW"))

    def test_what_is_no_key_is_refused(self):
        with tempfile.TemporaryDirectory() as d:
            for i, text in enumerate(("", "hello", "-----BEGIN PRIVATE KEY-----\nMEE=\n-----END PRIVATE KEY-----\n", "ab" * 64)):
                path = pathlib.Path(f"{d}/{i}")
                path.write_text(text)
                self.assertEqual(ctl("key", "convert", f"@{path}", check=False).code, 65, text)
            self.assertEqual(ctl("key", "convert", "@/nonexistent", check=False).code, 66)
            self.assertEqual(ctl("key", "convert", f"@{d}/0", "--to", "jpeg", check=False).code, 64)

    def test_a_bundle_becomes_files_and_an_admin_gives_way_to_another(self):
        with Cluster(1) as c:
            c.form()
            n, admin = c[0], c[0].dir / "admin"
            ctl("admin", "bundle", "--admin-key", f"@{admin}/admin.key", "--bootstrap", "example.org",
                "--system-pubkey", n.config["system_pubkey"], "--out", c.dir / "bundle")
            a = ctl("--json", "admin", "import", f"@{c.dir}/bundle", "--out", c.dir / "back").json
            self.assertEqual((a["bootstrap"], a["system_pubkey"]), ("example.org", n.config["system_pubkey"]))
            for name in ("admin.key", "admin.proof"):
                self.assertEqual((c.dir / "back" / name).read_bytes().strip(), (admin / name).read_bytes().strip(), name)
            self.assertEqual(ctl("admin", "import", f"@{admin}/admin.key", "--out", c.dir / "x", check=False).code, 65)
            a = ctl("--json", "admin", "rotate", f"@{admin}/admin.proof", "--system-key", f"@{admin}/system.key",
                    "--out", c.dir / "next").json
            self.assertNotEqual(a["peer_id"], a["old_peer_id"])
            a = n.json("member", "add", strangers(1)[0], "--admin-key", f"@{c.dir}/next/admin.key", "--yes", "--force")
            self.assertTrue(a["applied"])


class Straight(unittest.TestCase):
    """A change in four steps on four machines; the last one talks libp2p itself."""

    def test_plan_review_sign_and_publish_straight_to_a_node(self):
        with Cluster(2) as c:
            c.form()
            n, admin, new = c[0], c[0].dir / "admin", strangers(1)[0]
            nowhere = ["--socket", c.dir / "none.sock"]
            draft, signed = c.dir / "draft.json", c.dir / "signed.json"
            plan = n.ctl("member", "plan", "--add", new)
            self.assertRegex(plan.err, r"Members 2 -> 3, quorum 2 -> 2")
            self.assertIn(n.status()["cluster"]["snapshot"]["hash"], plan.err)
            draft.write_text(plan.out)
            review = ctl("--json", *nowhere, "member", "diff", draft).json
            self.assertEqual((review["added"], review["removed"], review["quorum"]), ([new], [], {"before": 2, "after": 2}))
            signed.write_text(ctl(*nowhere, "member", "sign", draft, "--admin-key", f"@{admin}/admin.key").out)
            a = ctl("--json", *nowhere, "member", "publish", f"@{signed}", "--to", c[1].addr).json
            self.assertEqual((a["changed"], a["applied"], [x["peer_id"] for x in a["pushed"]]), (True, True, [c[1].peer_id]))
            for x in c:
                wait_until(f"{x.name} has it", lambda x=x: len(x.members()) == 3)
            again = ctl("--json", *nowhere, "member", "publish", f"@{signed}", "--to", c[0].addr, "--to", c[1].addr).json
            self.assertEqual((again["changed"], again["applied"], len(again["pushed"])), (False, True, 2))

    def test_only_from_the_expected_snapshot_on(self):
        with Cluster(1) as c:
            c.form()
            n, key = c[0], f"@{c[0].dir}/admin/admin.key"
            base = n.status()["cluster"]["snapshot"]["hash"]
            signed = c.dir / "signed.json"
            draft = c.dir / "draft.json"
            draft.write_text(n.ctl("member", "plan", "--add", strangers(1)[0]).out)
            signed.write_text(ctl("member", "sign", draft, "--admin-key", key).out)
            publish = ["--json", "member", "publish", f"@{signed}", "--to", n.addr, "--expect-hash"]
            self.assertEqual(ctl(*publish, base, check=False).code, 64)  # who asks?
            a = ctl(*publish, "ab" * 32, "--admin-key", key, check=False)
            self.assertEqual((a.code, len(n.members())), (1, 1), a.out)
            self.assertTrue(ctl(*publish, base, "--admin-key", key).json["changed"])
            self.assertEqual(len(n.members()), 2)

    def test_what_cannot_be_done_is_said_in_one_line(self):
        with Cluster(1) as c:
            c.form()
            n = c[0]
            signed = c.dir / "signed.json"
            draft = c.dir / "draft.json"
            draft.write_text(n.ctl("member", "plan", "--add", strangers(1)[0]).out)
            text = ctl("member", "sign", draft, "--admin-key", f"@{n.dir}/admin/admin.key").out
            signed.write_text(text)
            for code, to in ((64, "/nonsense"), (64, n.addr.rsplit("/p2p/", 1)[0]),
                             (64, n.addr.replace("/tcp/", "/udp/").replace("/p2p/", "/quic-v1/p2p/")),
                             (69, n.addr.replace(str(n.port), str(free_port()))),
                             (76, n.addr.replace(n.peer_id, strangers(1)[0])),
                             (69, f"/dns4/nowhere.invalid/tcp/4100/p2p/{n.peer_id}")):
                a = ctl("--json", "member", "publish", f"@{signed}", "--to", to, check=False)
                self.assertEqual(a.code, code, (to, a.out))
                self.assertTrue(a.json["error"]["hint"])
            broken = json.loads(text)
            broken["members"] = strangers(2)
            signed.write_text(json.dumps(broken))
            a = ctl("--json", "member", "publish", f"@{signed}", "--to", n.addr, check=False)
            self.assertEqual(a.code, 65, a.out)
            self.assertIn("signature", a.json["error"]["message"])
            self.assertEqual(len(n.members()), 1)
            # One who takes the call and says nothing.
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                s.listen(1)
                to = f"/ip4/127.0.0.1/tcp/{s.getsockname()[1]}/p2p/{n.peer_id}"
                signed.write_text(text)
                a = ctl("--json", "--timeout", "500ms", "member", "publish", f"@{signed}", "--to", to, check=False)
                self.assertEqual(a.code, 75, a.out)

    def test_a_signer_elsewhere_gets_the_text_and_gives_the_signature(self):
        with Cluster(1) as c:
            c.form()
            n, admin = c[0], c[0].dir / "admin"
            signer = c.dir / "signer.py"
            signer.write_text(f"import base64, sys\nsys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})\n"
                              f"from signing import Key\nk = Key.load({str(admin / 'admin.key')!r})\n"
                              "text = sys.stdin.buffer.read().decode()\nopen(sys.argv[1], 'w').write(text)\nprint(k.sign(text))\n")
            seen = c.dir / "seen"
            new = strangers(1)[0]
            a = n.json("member", "add", new, "--signer", f"{sys.executable} {signer} {seen}", "--yes", "--force")
            self.assertTrue(a["applied"])
            text = seen.read_text()
            self.assertTrue(text.startswith(f"{c.cluster_id}|"), text)
            self.assertIn(new, text)
            # Another key, no signature, a failure, nobody who answers.
            for code, command in ((65, f"{sys.executable} -c 'import base64; print(base64.b64encode(bytes(64)).decode())'"),
                                  (65, "echo hello"), (1, "exit 3"), (1, "/nonexistent"), (65, "true")):
                a = n.ctl("--json", "member", "remove", new, "--signer", command, "--yes", "--force", check=False)
                self.assertEqual(a.code, code, (command, a.out))
            a = n.ctl("--json", "--timeout", "300ms", "member", "remove", new, "--signer", "exec sleep 60", "--yes", "--force", check=False)
            self.assertEqual(a.code, 75, a.out)
            self.assertEqual(len(n.members()), 2)


class Joining(unittest.TestCase):
    def test_an_expired_or_damaged_join_string_makes_nothing(self):
        with Cluster(1) as c:
            c.form()
            fresh = ctl("--json", "init", "--cluster", c.cluster_id, "--data-dir", c[0].dir, "--listen", c[0].listen, "--out",
                        c[0].dir / "admin", "--join-valid", "1h").json["join"]
            token = json.loads(base64.urlsafe_b64decode(fresh.split("://")[1] + "=="))
            self.assertIn("exp", token)
            self.assertEqual(ctl("join", fresh, "--data-dir", c.dir / "in-time").code, 0)
            late = "p2pos-join://" + base64.urlsafe_b64encode(json.dumps({**token, "exp": "2020-01-01T00:00:00Z"}).encode()).decode().rstrip("=")
            for text, word in ((late, "expired at 2020-01-01T00:00:00Z"), (fresh[:-9], "damaged")):
                a = ctl("--json", "join", text, "--data-dir", c.dir / "late", check=False)
                self.assertEqual(a.code, 65, a.out)
                self.assertIn(word, a.json["error"]["message"])
            self.assertFalse((c.dir / "late" / "config.json").exists())


class Metrics(unittest.TestCase):
    def ask(self, port, raw):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
            s.sendall(raw)
            back = b""
            while data := s.recv(65536):
                back += data
        head, _, body = back.partition(b"\r\n\r\n")
        return head.decode().splitlines(), body.decode()

    def get(self, port, *fields, method="GET", target="/metrics", host=None):
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host or f'127.0.0.1:{port}'}", *fields, "", ""]
        return self.ask(port, "\r\n".join(lines).encode())

    def test_the_port_gives_what_prometheus_takes(self):
        with Cluster(2) as c:
            port = free_port()
            c[0].init(c.cluster_id)
            c[0].configure(metrics={"listen": f"127.0.0.1:{port}", "per_member": True})
            text = c[0].ctl("--json", "init", "--cluster", c.cluster_id, "--data-dir", c[0].dir, "--listen", c[0].listen,
                            "--out", c[0].dir / "admin").json["join"]
            c[0].start()
            c[1].join(text)
            c[1].start()
            c.approve(c[1].peer_id)
            c.wait_full()
            head, body = self.get(port, "Accept: application/openmetrics-text; version=1.0.0, text/plain;q=0.5")
            self.assertEqual(head[0], "HTTP/1.1 200 OK")
            self.assertIn("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8", head)
            self.assertIn(f"Content-Length: {len(body)}", head)
            self.assertEqual(openmetrics.faults(body), [])
            self.assertRegex(body, r"(?m)^p2pos_members_online 2$")
            self.assertRegex(body, rf'(?m)^p2pos_member_last_seen_timestamp_seconds\{{peer_id="{c[1].peer_id}"\}} ')
            # What happens all the time is counted, under names of ours.
            for series in ("p2pos_event_loop_lag_seconds_count", "p2pos_db_write_duration_seconds_count",
                           'p2pos_streams_opened_total{protocol="/p2pos/heartbeat/1.0.0",direction="in",result="ok"}',
                           'p2pos_streams_opened_total{protocol="/ipfs/id/1.0.0",direction="out",result="ok"}'):
                self.assertRegex(body, rf"(?m)^{re.escape(series)} [1-9]")
            self.assertNotRegex(body, 'protocol="other"')
            # The older form is for those that do not ask for the newer one.
            head, old = self.get(port)
            self.assertIn("Content-Type: text/plain; version=0.0.4; charset=utf-8", head)
            self.assertIn("# TYPE p2pos_dials_total counter", old)
            for text in (old, c[0].ctl("metrics").out):
                self.assertEqual(promtool("check", "metrics", text=text), (0, ""))
            alerts = ROOT / "packaging" / "grafana" / "alerts.yml"
            self.assertEqual(promtool("check", "rules", alerts, text="")[0], 0)
            self.assertEqual(self.get(port, method="HEAD")[1], "")
            # Nothing else is served, under no other name, in no other way.
            for code, kw in ((404, {"target": "/"}), (404, {"target": "/metrics?x"}), (405, {"method": "POST"}), (405, {"method": "DELETE"}),
                             (421, {"host": "evil.example:80"}), (421, {"host": f"evil.example:{port}"}), (421, {"host": "127.0.0.1"})):
                self.assertEqual(self.get(port, **kw)[0][0].split()[1], str(code), kw)
            self.assertEqual(self.get(port, host=f"localhost:{port}")[0][0], "HTTP/1.1 200 OK")
            self.assertEqual(self.get(port, "Content-Length: 3")[0][0].split()[1], "400")
            self.assertEqual(self.get(port, "Host: x")[0][0].split()[1], "421")
            for code, raw in ((400, b"GET /metrics HTTP/1.1\nHost: x\n\n"), (400, b"\x16\x03\x01\x00"), (505, b"GET / HTTP/2.0\r\n\r\n"),
                              (431, b"GET /" + b"a" * 9000)):
                self.assertEqual(self.ask(port, raw)[0][0].split()[1], str(code), raw[:20])
            # A crowd of silent ones does not grow.
            crowd = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(40)]
            c[0].json("status")
            for s in crowd:
                s.close()
            wait_until("it answers again", lambda: self.answers(port))
            self.assertEqual(c[0].stop(), 0)

    def answers(self, port):
        try:
            return self.get(port)[0][:1] == ["HTTP/1.1 200 OK"]
        except OSError:
            return False

    def test_an_address_that_others_reach_has_to_be_forced(self):
        with Cluster(1) as c:
            n = c[0]
            n.init()
            n.configure(metrics={"listen": f"0.0.0.0:{free_port()}"})
            n.start(wait=False)
            self.assertEqual(n.proc.wait(timeout=60), 78)
            n.proc = None
            port = free_port()
            n.configure(metrics={"listen": f"0.0.0.0:{port}", "expose": True})
            n.start()
            self.assertEqual(self.get(port, host=f"127.0.0.1:{port}")[0][0], "HTTP/1.1 200 OK")
            self.assertEqual(self.get(port, host=f"evil.example:{port}")[0][0].split()[1], "421")

    def test_a_port_that_is_taken_is_said_by_name(self):
        with Cluster(1) as c, socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen(1)
            n = c[0]
            n.init()
            n.configure(metrics={"listen": "127.0.0.1:%d" % s.getsockname()[1]})
            n.start(wait=False)
            self.assertEqual(n.proc.wait(timeout=60), 69)
            n.proc = None
            self.assertIn("metrics.listen", n.ctl("explain", check=False).err)


class Completion(Formed):
    def words(self, *typed):
        return self.node.ctl("completion", "words", "--", *typed, env={"P2POS_SOCKET": str(self.node.socket)}).out.split()

    def test_commands_options_values_and_ids(self):
        self.assertIn("member", self.words(""))
        self.assertEqual(self.words("stat"), ["status"])
        self.assertIn("approve", self.words("member", ""))
        self.assertEqual(self.words("member", "appr"), ["approve"])
        self.assertEqual(self.words("member", "approve", "--admin-k"), ["--admin-key"])
        self.assertEqual(self.words("health", "--wait-for", "h"), ["healthy"])
        self.assertEqual(self.words("--color", "al"), ["always"])
        self.assertEqual(self.words("member", "remove", "12D3"), [self.node.peer_id])
        self.assertEqual(self.words("--timeout", "5s", "db", ""), ["check", "backup", "compact"])
        self.assertEqual(self.words("member", "verify", "@"), [])

    def test_every_command_of_the_table_can_be_typed(self):
        for words in commands():
            first, _, second = words.partition(" ")
            self.assertIn(first, self.words(""))
            if second:
                self.assertIn(second.split()[0], self.words(first, ""), words)

    def test_the_scripts_do_their_work_in_their_shell(self):
        with tempfile.TemporaryDirectory() as d:
            os.symlink(P2POSCTL.resolve(), f"{d}/p2posctl")
            path = {"PATH": f"{d}:{os.environ['PATH']}"}
            script = ctl("completion", "bash").out
            got = run(["bash", "-c", script + 'COMP_WORDS=(p2posctl member ap); COMP_CWORD=2; _p2posctl; echo "${COMPREPLY[*]}"'], env=path)
            self.assertEqual(got.out.strip(), "approve", got.err)
            for shell in ("zsh", "fish"):
                self.assertIn("completion words", ctl("completion", shell).out)
            self.assertEqual(ctl("completion", "tcsh", check=False).code, 64)


if __name__ == "__main__":
    unittest.main()
