# SPDX-License-Identifier: Apache-2.0
"""Configuration, keys and start: what is wrong is named and ends with its exit code; nothing is guessed."""
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest

from p2pos import P2POSD, Cluster, Node, ctl, free_port, run, wait_until


class Dir(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory(prefix="p2pos-e2e-")
        self.addCleanup(self.tmp.cleanup)
        self.dir = pathlib.Path(self.tmp.name) / "n"
        self.node = Node(self.dir)
        self.addCleanup(self.node.stop)

    def starts_not(self, code, *words, args=()):
        """p2posd ends at once with this exit code, and says these words."""
        a = run([P2POSD, "--data-dir", self.dir, *args], check=False)
        self.assertEqual(a.code, code, a.err)
        for w in words:
            self.assertIn(w, a.err)
        self.assertNotIn("Sanitizer", a.err)
        return a.err


class Check(Dir):
    BAD = [
        ('{"listen": 7}', "/listen"),
        ('{"listen": ["127.0.0.1:99999"]}', "/listen/0"),
        ('{"listen": ["example.org:4100"]}', "/listen/0"),
        ('{"cluster_id": "a b"}', "/cluster_id"),
        ('{"system_pubkey": "AAAA"}', "/system_pubkey"),
        ('{"init_connections": [{"type": "multiaddr", "address": "/ip4/1.2.3"}]}', "/init_connections/0/address"),
        ('{"init_connections": {}}', "/init_connections"),
        ('{"announce": ["nowhere"]}', "/announce/0"),
        ('{"node_private_key": "AAAA"}', "/node_private_key"),
        ('{"admin_proof": 1}', "/admin_proof"),
        ('{"admin_peers": ["12D3bad"]}', "/admin_peers/0"),
        ('{"heartbeat": {"interval": "1h"}}', "/heartbeat/interval"),
        ('{"heartbeat": {"interval": "30s", "timeout": "20s"}}', "/heartbeat/timeout"),
        ('{"heartbeat": {"interval": "soon"}}', "/heartbeat/interval"),
        ('{"net": {"dead_after": "10ms"}}', "/net/dead_after"),
        ('{"mesh": {"degree": 1}}', "/mesh/degree"),
        ('{"limits": {"connections": 1}}', "/limits/connections"),
        ('{"limits": {"guests": 2000}}', "/limits/guests"),
        ('{"dns": {"servers": ["localhost"]}}', "/dns/servers/0"),
        ('{"dns": {"doh": "maybe"}}', "/dns/doh"),
        ('{"wss": {"cert": "x.pem"}}', "/wss/key"),
        ('{"auto_tls": {"port": "4101"}}', "/auto_tls/port"),
        ('{"insecure_accept_any_issuer": "yes"}', "/insecure_accept_any_issuer"),
        ('{"metrics": {"listen": "here"}}', "/metrics/listen"),
        ('{"log": {"level": "loud"}}', "/log/level"),
        ('{"log": 3}', "/log"),
        ('{"lisen": []}', "/lisen", "listen"),
        ('{"heartbeat": {"intervall": "3s"}}', "/heartbeat/intervall", "interval"),
        ('{"listen": [],}', "line 1"),
        ('{"cluster_id": "a",\n "cluster_id": "b"}', "cluster_id"),
        ("[]", "object"),
        ("", "p2posd"),
        ("\xff\xfe", "p2posd"),
    ]

    def test_every_fault_has_its_path_and_exit_78(self):
        self.dir.mkdir()
        for text, *words in self.BAD:
            with self.subTest(text):
                (self.dir / "config.json").write_bytes(text.encode("latin-1"))
                self.starts_not(78, *words, args=["--check"])
                self.starts_not(78, *words)
        self.assertEqual([p.name for p in self.dir.iterdir()], ["config.json"])

    def test_several_faults_are_told_at_once(self):
        self.dir.mkdir()
        (self.dir / "config.json").write_text('{"listen": 7, "cluster_id": "a b", "log": {"level": 1}}')
        self.starts_not(78, "/listen", "/cluster_id", "/log/level", args=["--check"])

    def test_what_falls_back_only_warns(self):
        self.dir.mkdir()
        (self.dir / "config.json").write_text(json.dumps({
            "network_mode": "odd", "auto_tls": {"mode": "odd", "port": 70000}, "update_channel": "odd",
            "x-note": "ours", "$schema": "any"}))
        a = run([P2POSD, "--data-dir", self.dir, "--check"])
        for pointer in ("/network_mode", "/auto_tls/mode", "/auto_tls/port", "/update_channel"):
            self.assertIn(pointer, a.err)
        self.assertNotIn("x-note", a.err)

    def test_a_config_of_the_original_alone_works(self):
        self.dir.mkdir()
        port = free_port()
        (self.dir / "config.json").write_text(json.dumps({
            "cluster_id": "default", "system_pubkey": "", "init_connections": [], "listen": f"127.0.0.1:{port}",
            "network_mode": "auto", "node_private_key": "",
            "admin_proof": {"cluster_id": "", "peer_id": "", "role": "", "valid_from": "", "valid_to": "", "sig": ""},
            "auto_tls": {"mode": "off", "port": 4101, "cache_dir": "autotls", "user_email": "", "forge_auth": ""},
            "update_channel": "stable", "update_feed_url": ""}))
        self.node.start()
        self.assertEqual(self.node.state, "unconfigured")
        self.assertIn(f"/ip4/127.0.0.1/tcp/{port}", self.node.status()["node"]["listen"])

    def test_a_missing_file_is_made_private_with_the_defaults(self):
        """Only --check: the defaults listen where another daemon may live."""
        self.starts_not(78, "there is no", args=["--check"])
        (self.dir / "config.json").parent.mkdir(exist_ok=True)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("0.0.0.0", 4100))
                s.listen()
            except OSError:
                pass
            self.starts_not(69, "4100")
        self.assertEqual(os.stat(self.dir / "config.json").st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(self.dir / "node.key").st_mode & 0o777, 0o600)
        self.assertEqual(run([P2POSD, "--data-dir", self.dir, "--check"]).code, 0)

    def test_usage(self):
        for args in (["--nonsense"], ["word"], ["--log-format", "xml"]):
            self.assertEqual(run([P2POSD, *args], check=False).code, 64, args)
        self.assertIn("--data-dir", run([P2POSD, "--help"]).out)


class Start(Dir):
    def test_a_port_in_use_is_69_with_the_address(self):
        self.node.init()
        with socket.socket() as s:
            s.bind(("127.0.0.1", self.node.port))
            s.listen()
            self.starts_not(69, f"127.0.0.1:{self.node.port}")
        self.node.start()

    def test_a_second_daemon_on_one_directory_is_73(self):
        self.node.init()
        self.node.start()
        self.starts_not(73, str(self.dir), args=["--socket", self.dir / "other.sock"])
        self.assertEqual(self.node.state, "healthy")

    def test_a_stale_socket_file_is_replaced_and_a_live_one_is_not(self):
        self.node.init()
        self.node.start()
        self.node.kill()
        self.assertTrue(self.node.socket.exists())
        self.node.start()
        other = Node(self.dir.parent / "other")
        other.init()
        a = run([P2POSD, "--data-dir", other.dir, "--socket", self.node.socket], check=False)
        self.assertIn(a.code, (69, 73), a.err)
        self.assertEqual(self.node.state, "healthy")
        # What is no socket is nobody's to delete.
        (other.dir / "p2posd.sock").write_text("mine")
        a = run([P2POSD, "--data-dir", other.dir], check=False)
        self.assertIn(a.code, (69, 73, 78), a.err)
        self.assertEqual((other.dir / "p2posd.sock").read_text(), "mine")

    def test_a_newer_schema_is_73_and_stays_untouched(self):
        self.node.init()
        self.node.start()
        self.node.stop()
        db = sqlite3.connect(self.dir / "p2pos.db")
        db.execute("PRAGMA user_version = 999")
        db.commit()
        db.close()
        before = (self.dir / "p2pos.db").read_bytes()
        self.starts_not(73, "999")
        self.assertEqual((self.dir / "p2pos.db").read_bytes(), before)

    def test_a_damaged_database_is_put_aside(self):
        self.node.init()
        self.node.start()
        self.node.stop()
        path = self.dir / "p2pos.db"
        data = bytearray(path.read_bytes())
        data[:4096] = os.urandom(4096)
        path.write_bytes(data)
        for p in self.dir.glob("p2pos.db-*"):
            p.unlink()
        self.node.start()
        self.assertIn("database_damaged", self.node.log())
        self.assertEqual(self.node.state, "unconfigured")
        self.assertTrue([p for p in self.dir.iterdir() if p.name.startswith("p2pos.db.")], list(self.dir.iterdir()))

    @unittest.skipUnless(os.geteuid() == 0, "needs another user")
    def test_a_directory_that_cannot_be_written_is_73(self):
        self.node.init()
        os.chown(self.dir, 65534, 65534)
        for p in self.dir.iterdir():
            os.chown(p, 65534, 65534)
        os.chmod(self.dir, 0o500)
        os.chmod(self.dir.parent, 0o755)
        a = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", P2POSD, "--data-dir", self.dir], check=False)
        self.assertEqual(a.code, 73, a.err)


class Keys(Dir):
    def setUp(self):
        super().setUp()
        self.node.init()
        self.key = self.dir / "node.key"
        self.good = self.key.read_bytes()

    def test_a_malformed_key_is_78_and_never_replaced(self):
        for bad in (b"", b"garbage\n", self.good[:-10], b"\x00" * 68, b"CAESQA==", self.good * 2):
            with self.subTest(bad[:12]):
                self.key.write_bytes(bad)
                self.starts_not(78, "node.key")
                self.assertEqual(self.key.read_bytes(), bad)

    def test_a_key_that_others_can_read_is_78_with_the_command_that_helps(self):
        self.key.chmod(0o644)
        self.starts_not(78, f"chmod 600 {self.key}")
        self.key.chmod(0o600)
        self.node.start()

    def test_a_key_behind_a_link_or_a_directory_is_78(self):
        real = self.dir / "real.key"
        self.key.rename(real)
        self.key.symlink_to(real)
        self.starts_not(78, "node.key")
        self.key.unlink()
        self.key.mkdir()
        self.starts_not(78, "node.key")

    def test_another_kind_of_key_is_refused_by_name(self):
        a = ctl("keygen", "--node-priv", "-", stdin="CAISJDAiAgEA", check=False)
        self.assertNotEqual(a.code, 0)
        self.key.write_text("CAESAA==\n")
        self.starts_not(78, "node.key")

    def test_the_key_of_the_configuration_wins_and_the_file_stays(self):
        key = dict(x.split("=", 1) for x in ctl("keygen").out.splitlines())
        self.node.configure(node_private_key=key["NODE_PRIV_B64"])
        self.node.start()
        self.assertEqual(self.node.json("node", "id")["peer_id"], key["NODE_PEER_ID"])
        self.assertEqual(self.key.read_bytes(), self.good)
        # And it is never shown.
        out = self.node.ctl("config", "show").out + self.node.ctl("--json", "config", "show", "--effective").out
        self.assertNotIn(key["NODE_PRIV_B64"][8:40], out + self.node.log())

    def test_a_credential_wins_over_both(self):
        creds = self.dir / "creds"
        creds.mkdir()
        key = dict(x.split("=", 1) for x in ctl("keygen").out.splitlines())
        (creds / "p2pos.node-key").write_text(key["NODE_PRIV_B64"] + "\n")
        (creds / "p2pos.node-key").chmod(0o400)
        self.node.extra_env["CREDENTIALS_DIRECTORY"] = str(creds)
        self.node.start()
        self.assertEqual(self.node.json("node", "id")["peer_id"], key["NODE_PEER_ID"])


class Reload(Dir):
    def setUp(self):
        super().setUp()
        self.node.init()
        self.node.start()
        self.node.wait_state("healthy")

    def test_a_file_with_errors_changes_nothing(self):
        n = self.node
        before = n.json("config", "show", "--effective")
        good = (self.dir / "config.json").read_text()
        for text, *words in Check.BAD:
            with self.subTest(text):
                (self.dir / "config.json").write_bytes(text.encode("latin-1"))
                a = n.ctl("--json", "node", "reload", check=False)
                self.assertEqual((a.code, a.json["error"]["reason"]), (78, "config_invalid"), a.out)
                if words[0].startswith("/"):
                    self.assertIn(words[0], json.dumps(a.json["error"]["data"]))
        self.assertEqual(n.json("config", "show", "--effective"), before)
        self.assertEqual(n.state, "healthy")
        (self.dir / "config.json").write_text(good)
        self.assertFalse(n.json("node", "reload")["changed"])

    def test_sighup_and_the_command_take_what_can_be_taken(self):
        n = self.node
        n.configure(log={"level": "debug"}, limits={"guests": 5}, dns={"doh": "fallback"})
        a = n.json("node", "reload")
        self.assertTrue(a["changed"])
        self.assertIn("limits.guests", a["applied"])
        self.assertIn("dns.doh", [r if isinstance(r, str) else r["key"] for r in a["needs_restart"]])
        self.assertEqual(n.json("log", "level")["level"], "debug")
        n.configure(log={"level": "info"})
        n.proc.send_signal(signal.SIGHUP)
        wait_until("it was read", lambda: n.json("log", "level")["level"] == "info")

    def test_another_port_is_taken_without_dropping_the_node(self):
        n = self.node
        port = free_port()
        n.configure(listen=[f"127.0.0.1:{port}"])
        a = n.ctl("--json", "node", "reload", check=False)
        if a.code == 0 and "listen" in a.json["applied"]:
            self.assertIn(f"/ip4/127.0.0.1/tcp/{port}", n.status()["node"]["listen"])
            socket.create_connection(("127.0.0.1", port)).close()
        self.assertEqual(n.state, "healthy")
        # One in use changes nothing.
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            n.configure(listen=[f"127.0.0.1:{s.getsockname()[1]}"])
            a = n.ctl("--json", "node", "reload", check=False)
            self.assertIn(a.code, (0, 78))
        self.assertEqual(n.state, "healthy")

    def test_what_makes_it_another_node_needs_a_restart(self):
        n = self.node
        other = ctl("keygen", "--new-system", "--cluster-id", "x")
        keys = dict(x.split("=", 1) for x in other.out.splitlines())
        for change in ({"system_pubkey": keys["SYSTEM_PUB_B64"]}, {"node_private_key": keys["NODE_PRIV_B64"]},
                       {"cluster_id": "other"}, {"system_pubkey": ""}):
            with self.subTest(next(iter(change))):
                good = (self.dir / "config.json").read_text()
                n.configure(**change)
                a = n.ctl("--json", "node", "reload", check=False)
                self.assertIn(a.code, (0, 78), a.out)
                if a.code == 0:
                    self.assertTrue(a.json["needs_restart"], a.out)
                self.assertEqual(n.state, "healthy")
                self.assertEqual(n.json("node", "id")["peer_id"], n.peer_id)
                (self.dir / "config.json").write_text(good)

    def test_a_storm_of_sighup_harms_nobody(self):
        n = self.node
        for _ in range(200):
            n.proc.send_signal(signal.SIGHUP)
        self.assertEqual(n.state, "healthy")
        self.assertEqual(n.stop(), 0)


class Shutdown(Dir):
    def test_sigterm_twice_and_odd_signals(self):
        n = self.node
        n.init()
        n.start()
        for sig in (signal.SIGPIPE, signal.SIGCHLD):
            n.proc.send_signal(sig)
        self.assertEqual(n.state, "healthy")
        n.proc.send_signal(signal.SIGTERM)
        n.proc.send_signal(signal.SIGTERM)
        # In order, or at once when the second one comes too soon for that.
        self.assertIn(n.proc.wait(timeout=30), (0, 143))

    def test_systemd_is_told_that_it_is_ready_and_that_it_stops(self):
        n = self.node
        n.init()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(str(self.dir / "notify"))
            s.settimeout(30)
            n.extra_env["NOTIFY_SOCKET"] = str(self.dir / "notify")
            n.start()
            told = []
            while not any("READY=1" in t for t in told):
                told.append(s.recv(4096).decode())
            while not any("STATUS=healthy" in t for t in told):
                told.append(s.recv(4096).decode())
            n.proc.send_signal(signal.SIGHUP)
            while not any("RELOADING=1" in t and "MONOTONIC_USEC=" in t for t in told):
                told.append(s.recv(4096).decode())
            n.proc.send_signal(signal.SIGTERM)
            while not any("STOPPING=1" in t for t in told):
                told.append(s.recv(4096).decode())

    def test_json_lines(self):
        self.node.init()
        p = subprocess.Popen([P2POSD, "--data-dir", self.dir, "--log-format", "json"], stderr=subprocess.PIPE, text=True)
        try:
            first = json.loads(p.stderr.readline())
            self.assertEqual(first["action"], "start")
        finally:
            p.send_signal(signal.SIGTERM)
            rest = p.stderr.read().splitlines()
            p.wait(timeout=30)
            p.stderr.close()
        for line in rest:
            self.assertIn("module", json.loads(line))


class Restarts(unittest.TestCase):
    def test_a_member_keeps_its_place_over_twenty_kills(self):
        with Cluster(2) as c:
            c.form()
            for n in c:
                n.configure(heartbeat={"interval": "1s", "timeout": "30s"})
                n.json("node", "reload")
            for _ in range(20):
                c[1].kill()
                c[1].start()
            c.wait_full()
            c.wait_all("healthy")
            for _ in range(4):
                c[1].kill()
                c[1].start()
                c.wait_mesh()
                time.sleep(1.5)  # rows are written once a second, and nothing tells of it
            # Its own time has not run away meanwhile: its heartbeats are taken.
            heard = 'p2pos_heartbeats_received_total{result="ok"}'
            count = lambda: float((re.search(re.escape(heard) + " ([0-9]+)", c[0].ctl("metrics").out) or [0, 0])[1])  # noqa: E731
            before = count()
            wait_until("a heartbeat is accepted", lambda: count() > before)
            self.assertNotIn("clock_skew", c[0].log() + c[1].log())
            c[1].stop()
            db = sqlite3.connect(c[1].dir / "p2pos.db")
            sent = db.execute("SELECT sec FROM heartbeat_marks WHERE peer_id = ?", (c[1].peer_id,)).fetchone()[0]
            db.close()
            self.assertLess(sent - time.time(), 5)


if __name__ == "__main__":
    unittest.main()
