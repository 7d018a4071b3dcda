# SPDX-License-Identifier: Apache-2.0
"""What goes wrong while a node is set up: one line about it, the exit code that fits, nothing lost, and the
same command finishes the job when it is run again."""
import base64
import json
import os
import pathlib
import tempfile
import unittest

from p2pos import P2POSCTL, P2POSD, Cluster, ctl, join_string, run, strangers

PUBLIC = "CAESIGgxFFNJdREkI2WO7IMfEDb+/FQr1IpnuaV1Nf9T/mZi"  # any Ed25519 key


def content(directory):
    """Every file below, with its mode and what it holds."""
    return {str(p.relative_to(directory)): (p.stat().st_mode & 0o777, p.read_bytes())
            for p in sorted(pathlib.Path(directory).rglob("*")) if p.is_file()}


class Scratch(unittest.TestCase):
    def setUp(self):
        tmp = tempfile.TemporaryDirectory(prefix="p2pos-e2e-")
        self.addCleanup(tmp.cleanup)
        self.dir = pathlib.Path(tmp.name)
        self.place = self.dir / "node"

    def init(self, *args, cluster="demo", **kw):
        return ctl("--json", "init", "--cluster", cluster, "--data-dir", self.place, "--listen", "127.0.0.1:4100", *args, **kw)

    def refused(self, a, code, *words):
        """For programs: an error with a hint. The same for people is one line, and one with the cure."""
        self.assertEqual(a.code, code, a.out + a.err)
        error = a.json["error"]
        self.assertTrue(error["hint"], error)
        self.assertNotIn("\n", error["message"])
        for word in words:
            self.assertIn(word, error["message"] + error["hint"])


class Words(Scratch):
    """Wrong words of the command line are found before anything is made."""

    def test_init_makes_nothing(self):
        for args in (["--admin-valid", "soon"], ["--admin-valid", "1s"], ["--join-valid", "never"], ["--listen", "here"],
                     ["--announce", "there"], ["--dns", "no domain"], ["--colour", "red"]):
            with self.subTest(args):
                self.refused(self.init(*args, check=False), 64, args[-1] if args[0] != "--colour" else "--colour")
                self.assertFalse(self.place.exists())
        self.refused(self.init(cluster="a/b", check=False), 64, "a/b")
        self.assertFalse(self.place.exists())

    def test_join_makes_nothing(self):
        good = join_string("demo", PUBLIC, "example.org")
        for args in ([good, "--wait", "soon"], [good, "--listen", "here"], [good, "--announce", "there"]):
            with self.subTest(args[1:]):
                self.refused(ctl("--json", "join", *args, "--data-dir", self.place, check=False), 64, args[-1])
                self.assertFalse(self.place.exists())

    def test_a_damaged_join_string_makes_nothing(self):
        good = join_string("demo", PUBLIC, "example.org")
        token = json.loads(base64.urlsafe_b64decode(good.split("://")[1] + "=="))

        def of(**change):
            text = json.dumps({**token, **change}).encode()
            return "p2pos-join://" + base64.urlsafe_b64encode(text).decode().rstrip("=")
        damaged = [good[:n] for n in range(len("p2pos-join://"), len(good))]
        damaged += [of(system_pubkey=PUBLIC[:-4]), of(cluster_id="a/b"), of(cluster_id=""), of(v=99), of(bootstrap="x"),
                    of(exp="yesterday"), good.replace("p2pos-join", "p2pos-invite"), good + "%", good * 2]
        for text in damaged:
            with self.subTest(text[-20:]):
                (self.dir / "join").write_text(text + "\n")
                self.refused(ctl("--json", "join", f"@{self.dir}/join", "--data-dir", self.place, check=False), 65)
                self.assertFalse(self.place.exists())
        self.refused(ctl("--json", "join", f"@{self.dir}/none", "--data-dir", self.place, check=False), 66)
        (self.dir / "join").write_text(good + "\n")
        ctl("join", f"@{self.dir}/join", "--data-dir", self.place)


class Again(Scratch):
    """A run that was cut short, and a place that is taken."""

    def test_a_founding_that_was_cut_short_is_finished_with_the_same_keys(self):
        first = self.init().json
        whole = content(self.place)
        order = ["admin/system.key", "admin/admin.key", "node.key", "admin/admin.proof", "first-snapshot.json", "config.json"]
        for done in range(1, len(order)):
            with self.subTest(cut_before=order[done]):
                for name in [*order[done:], "admin/admin.bundle"]:
                    (self.place / name).unlink(missing_ok=True)
                kept = {n: f for n, f in content(self.place).items() if n.endswith(".key")}
                a = self.init().json
                self.assertTrue(a["changed"])
                now = content(self.place)
                self.assertEqual({n: now[n] for n in kept}, kept)
                self.assertEqual(set(now), set(whole))
                self.assertEqual(run([P2POSD, "--data-dir", self.place, "--check"], check=False).code, 0)
                for name, value in whole.items():  # as it was, for the next cut
                    (self.place / name).write_bytes(value[1])
        self.assertEqual(self.init().json["join"], first["join"])

    def test_a_join_that_was_cut_short_keeps_its_identity(self):
        text = join_string("demo", PUBLIC, "example.org")
        first = ctl("--json", "join", text, "--data-dir", self.place).json
        (self.place / "config.json").unlink()
        again = ctl("--json", "join", text, "--data-dir", self.place).json
        self.assertEqual((again["changed"], again["node"]), (True, first["node"]))

    def test_a_system_key_that_was_moved_away_is_not_made_again(self):
        first = self.init().json
        (self.place / "admin" / "system.key").rename(self.dir / "system.key")
        before = content(self.place)
        again = self.init().json
        self.assertEqual((again["changed"], again["join"], again["files"]["system_key"]), (False, first["join"], None))
        self.assertEqual(content(self.place), before)

    def test_no_cluster_is_founded_where_a_node_of_another_is(self):
        ctl("join", join_string("demo", PUBLIC, "example.org"), "--data-dir", self.place)
        before = content(self.place)
        for cluster in ("demo", "other"):  # of the same name, too: its keys are elsewhere
            self.refused(self.init(cluster=cluster, check=False), 73, "config.json")
            self.refused(self.init("--out", self.dir / "keys", cluster=cluster, check=False), 73)
            self.assertEqual(content(self.place), before)
            self.assertEqual([p.name for p in (*self.place.iterdir(), *self.dir.iterdir())],
                             [p.name for p in (*self.place.iterdir(), self.place)])
        self.refused(ctl("--json", "join", join_string("other", PUBLIC, "example.org"), "--data-dir", self.place, check=False), 73)
        self.assertEqual(content(self.place), before)

    def test_a_configuration_that_is_no_json_stays(self):
        self.place.mkdir()
        (self.place / "config.json").write_text("{")
        self.refused(self.init(check=False), 78, "config.json")
        self.refused(ctl("--json", "join", join_string("demo", PUBLIC), "--data-dir", self.place, check=False), 78)
        self.assertEqual(content(self.place), {"config.json": ((self.place / "config.json").stat().st_mode & 0o777, b"{")})


class Keys(Scratch):
    def test_a_key_that_is_damaged_or_open_to_others_stays_and_stops_the_run(self):
        self.init()
        (self.place / "config.json").unlink()
        for name in ("admin/system.key", "admin/admin.key", "node.key"):
            path = self.place / name
            good = path.read_bytes()
            for bad in (b"", b"garbage\n", good[:-8]):
                with self.subTest(name, bad=bad[:8]):
                    path.write_bytes(bad)
                    self.refused(self.init(check=False), 78, name)
                    self.assertEqual(path.read_bytes(), bad)
            path.write_bytes(good)
            path.chmod(0o644)
            self.refused(self.init(check=False), 78, f"chmod 600 {path}")
            path.chmod(0o600)
        self.init()

    def test_a_file_that_gets_a_secret_is_closed_to_others(self):
        self.init()
        bundle = self.place / "admin" / "admin.bundle"
        bundle.chmod(0o644)
        self.init()
        self.assertEqual(bundle.stat().st_mode & 0o777, 0o600)
        bundle.write_text("something else\n")
        bundle.chmod(0o666)
        self.init()
        self.assertEqual(bundle.stat().st_mode & 0o777, 0o600)

    @unittest.skipUnless(os.geteuid() == 0, "gives files to another user")
    def test_a_key_of_another_user_is_78_with_the_command_that_helps(self):
        self.init()
        os.chown(self.place / "node.key", 65534, 65534)
        a = run([P2POSD, "--data-dir", self.place], check=False)
        self.assertEqual(a.code, 78, a.err)
        self.assertIn("chown", a.err)
        self.assertEqual(os.stat(self.place / "node.key").st_uid, 65534)

    def test_no_command_writes_over_a_key(self):
        self.init()
        admin = self.place / "admin"
        system = f"@{admin}/system.key"
        other = self.dir / "other"
        ctl("keygen", "--new-system", "--cluster-id", "demo", "--out-dir", other)
        before = content(self.dir)
        for args in (["admin", "new", "--cluster", "demo", "--system-key", system, "--out", admin],
                     ["admin", "rotate", f"@{admin}/admin.proof", "--system-key", system, "--out", admin],
                     ["key", "generate", "--out", self.place / "node.key"],
                     ["key", "convert", system, "--to", "pem", "--out", self.place / "node.key"],
                     ["keygen", "--new-system", "--out-dir", other]):
            with self.subTest(args[:2]):
                self.refused(ctl("--json", *args, check=False), 73, "is there already")
                self.assertEqual(content(self.dir), before)

    def test_a_damaged_bundle_is_65_and_makes_nothing(self):
        self.init()
        bundle = self.place / "admin" / "admin.bundle"
        good = bundle.read_text().strip()
        for text in ("", good[:-6], good[: len(good) // 2], good[:40] + ("A" if good[40] != "A" else "B") + good[41:], "x" + good):
            with self.subTest(len(text)):
                bundle.write_text(text + "\n")
                self.refused(ctl("--json", "admin", "import", f"@{bundle}", "--out", self.dir / "in", check=False), 65)
                self.refused(ctl("--json", "admin", "bundle", "--admin-key", f"@{bundle}", "--bootstrap", "example.org",
                                 "--out", self.dir / "out", check=False), 65)
                self.assertFalse((self.dir / "in").exists() or (self.dir / "out").exists())


@unittest.skipUnless(os.geteuid() == 0, "mounts")
class ReadOnly(Scratch):
    """A file system that takes nothing; where it is written to again, the same command goes on."""

    def read_only(self, *command):
        line = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        return run(["unshare", "--mount", "sh", "-c", line, self.dir, *command], check=False)

    def test_init_join_and_keys(self):
        text = join_string("demo", PUBLIC, "example.org")
        begun = self.dir / "begun"
        begun.mkdir()
        for args in (["init", "--cluster", "demo", "--data-dir", self.place], ["init", "--cluster", "demo", "--data-dir", begun],
                     ["join", text, "--data-dir", self.place], ["join", text, "--data-dir", begun],
                     ["key", "generate", "--out", self.dir / "k"], ["keygen", "--out-dir", self.dir / "k"]):
            with self.subTest(args[:2]):
                self.refused(self.read_only(P2POSCTL, "--json", *args), 73, "Read-only file system")
        self.assertEqual(content(self.dir), {})
        for args in (["init", "--cluster", "demo", "--data-dir", begun], ["join", text, "--data-dir", self.place]):
            self.assertTrue(ctl("--json", *args).json["changed"])

    def test_what_is_done_stays_done(self):
        first = self.init().json
        before = content(self.dir)
        again = self.read_only(P2POSCTL, "--json", "init", "--cluster", "demo", "--data-dir", self.place, "--listen", "127.0.0.1:4100")
        self.assertEqual((again.code, again.json["changed"], again.json["join"]), (0, False, first["join"]))
        a = self.read_only(P2POSD, "--data-dir", self.place)
        self.assertEqual(a.code, 73, a.err)
        self.assertEqual(content(self.dir), before)


class NoTerminal(unittest.TestCase):
    def test_what_would_be_asked_names_the_option_that_answers(self):
        with Cluster(2) as c:
            c.form()
            n, new = c[0], c.dir / "new.json"
            new.write_text(json.dumps({**n.config, "limits": {"guests": 7}}))
            for args in (["member", "add", strangers(1)[0], "--admin-key", c.admin_key], ["config", "apply", new]):
                # A session of its own has no terminal, and what stands on standard input is no answer.
                a = run(["setsid", "--wait", P2POSCTL, "--socket", n.socket, *args], stdin="y\n" * 3, check=False)
                self.assertEqual(a.code, 64, (args, a.out, a.err))
                self.assertIn("--yes", a.err)
            self.assertEqual((len(n.members()), n.ctl("config", "get", "limits.guests").out), (2, "16\n"))
