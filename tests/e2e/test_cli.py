# SPDX-License-Identifier: Apache-2.0
"""p2posctl as a script sees it: documents, exit codes, hints, and the same answer when asked again."""
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import unittest

from p2pos import P2POSCTL, P2POSD, Cluster, Formed, Node, ctl, run, strangers, wait_until

# Reasons that `p2posctl` documents, from the table that the daemon itself uses.
ERRORS_H = pathlib.Path(__file__).resolve().parents[2] / "proto" / "rpc" / "errors.h"
EXITS = dict(re.findall(r'X\([A-Z_]+, -?\d+, "(\w+)", (\d+),', ERRORS_H.read_text()))
DOCUMENTED = {0, 1, 2, 64, 65, 66, 69, 70, 73, 74, 75, 76, 77, 78}


def commands():
    """All commands, from the reference that is made from the daemon's own table."""
    headings = re.findall(r"^## (.*)$", ctl("help", "--reference").out, re.M)
    words = [re.match(r"[a-z-]+(?: [a-z-]+)*", h) for h in headings]
    return [w[0].strip() for w in words if w]


class WithNode(Formed):
    SIZE = 2


class EveryCommand(WithNode):
    def test_each_gives_an_object_with_its_api_or_a_documented_error(self):
        n, key, d = self.node, self.cluster.admin_key, self.cluster.dir
        draft = d / "draft.json"
        draft.write_text(n.ctl("member", "plan", "--add", strangers(1)[0]).out)
        signed = d / "signed.json"
        signed.write_text(n.ctl("member", "sign", draft, "--admin-key", key).out)
        members = d / "members.txt"
        members.write_text("\n".join([n.peer_id, self.other.peer_id]))
        admin = f"{n.dir}/admin"
        arguments = {
            "init": ["--cluster", "x", "--data-dir", d / "fresh", "--out", d / "fresh-admin"],
            "join": [self.cluster.join_string, "--data-dir", d / "joined"],
            "events": ["--until", "type=pending"],
            "member show": [self.other.peer_id], "member approve": [strangers(1)[0], "--admin-key", key, "--dry-run"],
            "member add": [strangers(1)[0], "--dry-run"], "member remove": [self.other.peer_id, "--dry-run"],
            "member set": [f"@{members}", "--dry-run"], "member rollback": ["1", "--dry-run"],
            "member plan": ["--add", strangers(1)[0]], "member diff": [draft],
            "member evidence": ["000000"],
            "member sign": [draft, "--admin-key", key], "member verify": [f"@{signed}"],
            "member publish": [f"@{d}/none.json"],
            "peer show": [self.other.peer_id], "peer ping": [self.other.peer_id, "--count", "1"],
            "peer perf": [self.other.peer_id, "--up", "10KiB", "--down", "1"],
            "peer connect": [self.other.addr], "peer disconnect": [strangers(1)[0]],
            "peer identify": [self.other.peer_id], "peer trace": [self.other.addr],
            "bootstrap resolve": ["localhost.invalid"],
            "admin new": ["--cluster", "demo", "--system-key", f"@{admin}/system.key", "--out", d / "new-admin"],
            "admin proof": ["show", f"@{admin}/admin.proof"],
            "admin bundle": ["--admin-key", key, "--bootstrap", "example.org", "--out", d / "bundle"],
            "key show-id": [f"@{n.dir}/node.key"], "config check": [n.dir / "config.json"],
            "rpc call": ["node.id"], "debug bundle": ["--out", d / "bundle.tar.gz"],
        }
        last = ["events", "node stop"]
        listed = commands()
        self.assertGreater(len(listed), 40, listed)
        for words in sorted(set(listed), key=lambda w: (w in last, w)):
            if words == "events":
                continue  # it has no end of its own; test_events has its turn
            with self.subTest(words):
                a = n.ctl("--json", *words.split(), *arguments.get(words, []), check=False)
                self.assertIn(a.code, DOCUMENTED, (words, a.out, a.err))
                if words in ("help",):
                    continue
                # One document, whole, on standard output.
                doc = a.json
                self.assertIsInstance(doc, dict)
                if a.code == 0 and words not in ("member sign",):
                    self.assertEqual(doc.get("api"), 1, (words, a.out[:300]))
                elif a.code not in (0, 1, 2) or "error" in doc:
                    error = doc["error"]
                    self.assertTrue(error["message"] and error["hint"] and error["reason"], (words, a.out))
                    if error["reason"] in EXITS:
                        self.assertEqual(a.code, int(EXITS[error["reason"]]), (words, a.out))

    def test_help_of_each_command_has_usage_and_example(self):
        for words in commands():
            with self.subTest(words):
                a = ctl(*words.split(), "--help")
                self.assertIn(f"p2posctl {words}", a.out)
                self.assertEqual(a.err, "")


class Answers(WithNode):
    def test_field_prints_one_value_raw(self):
        n = self.node
        self.assertEqual(n.ctl("status", "--field", "node.peer_id").out, n.peer_id + "\n")
        self.assertEqual(n.ctl("status", "--field", "cluster.members").out, "2\n")
        self.assertEqual(n.ctl("status", "--field", "members.0.peer_id").out.strip(), n.json("status")["members"][0]["peer_id"])
        self.fails(1, "status", "--field", "node.nothing", hint=False)

    def test_health_is_0_1_2_and_69(self):
        self.assertEqual(self.node.ctl("health").code, 0)
        with Cluster(3) as c:
            c.form()
            c[1].kill()
            c[2].kill()
            c[0].wait_state("degraded")
            self.assertEqual(c[0].ctl("health", check=False).code, 1)
            self.assertEqual(c[0].ctl("--json", "health", check=False).json["state"], "degraded")
            new = c.add()
            new.join(c.join_string)
            new.start()
            self.assertEqual(new.ctl("health", check=False).code, 2)
            self.assertEqual(c[1].ctl("health", check=False).code, 69)
            # It waits for the state that it is told to, and gives up with 75.
            a = new.ctl("--timeout", "300ms", "health", "--wait-for", "healthy", check=False)
            self.assertEqual(a.code, 75, a.err)
            waiting = subprocess.Popen([P2POSCTL, "--socket", c[0].socket, "--timeout", "60s", "health",
                                        "--wait-for", "healthy"], stdout=subprocess.PIPE)
            c[1].start()
            self.assertEqual(waiting.wait(timeout=60), 0)
            waiting.stdout.close()

    def test_the_status_of_people_fits_and_names_the_state(self):
        out = self.node.ctl("status").out
        for word in (self.node.peer_id, "healthy", "2 of 2 members online", "demo"):
            self.assertIn(word, out)
        self.assertNotIn("\x1b", out)
        self.assertIn("\x1b", self.node.ctl("--color", "always", "status").out)

    def test_events_one_line_each_until_the_one_asked_for(self):
        with Cluster(2) as c:
            c.form()
            p = subprocess.Popen([P2POSCTL, "--socket", c[0].socket, "--json", "events", "--until", "to=degraded"],
                                 stdout=subprocess.PIPE, text=True)
            wait_until("it is subscribed", lambda: 'p2pos_rpc_requests_total{method="events.subscribe"' in c[0].ctl("metrics").out)
            c[1].kill()
            out, _ = p.communicate(timeout=60)
            lines = [json.loads(x) for x in out.splitlines()]
            self.assertEqual((lines[-1]["type"], lines[-1]["to"]), ("state", "degraded"))
            self.assertEqual([x["seq"] for x in lines], list(range(lines[0]["seq"], lines[0]["seq"] + len(lines))))

    def test_timeline_tells_it_again_in_order(self):
        events = self.node.json("timeline")["events"]
        self.assertGreaterEqual(len(events), 3)
        # As times: as texts, a fraction that was trimmed comes behind a longer one (Z is above all digits).
        times = [e["at"].rstrip("Z") for e in events]
        self.assertEqual(times, sorted(times))


class Explain(unittest.TestCase):
    def test_people_read_of_each_absent_member_once(self):
        with Cluster(3) as c:
            c.form()
            gone = [n.peer_id for n in c.nodes[1:]]
            for n in c.nodes[1:]:
                n.kill()
            c[0].wait_state("degraded")
            # The address answers at once that nobody is there: the last dial error is known soon.
            wait_until("both were dialled in vain", lambda: all(
                m["dial_error"] for m in c[0].json("explain")["missing"]))
            lines = c[0].ctl("explain").out.splitlines()
            for peer in gone:
                self.assertEqual(len([x for x in lines[1:] if peer in x]), 1, lines)
            self.assertIn("  it becomes healthy when 1 more member is online", lines)
            self.assertEqual(len([x for x in lines if "last dial      connect: refused" in x]), 2, lines)
            self.assertEqual(len([x for x in lines if "offline since" in x]), 2, lines)
            of_one = c[0].ctl("explain", gone[0]).out.splitlines()
            self.assertEqual(len([x for x in of_one if "is offline" in x]), 1, of_one)

    def test_of_a_snapshot_it_says_what_became_of_it(self):
        with Cluster(2) as c:
            c.form()
            n = c[0]
            history = n.json("member", "history")["snapshots"]
            a = n.json("explain", "snapshot", "0")
            self.assertEqual((a["snapshot"], a["replaced_by"], a["has_earlier"]), (history[0], None, True))
            self.assertRegex(n.ctl("explain", "snapshot", history[0]["hash"][:10]).out, rf"^{history[0]['hash'][:12]} is in force since ")
            a = n.json("explain", "snapshot", history[1]["hash"])
            self.assertEqual((a["snapshot"], a["replaced_by"], a["place"]), (history[1], history[0], 1))
            out = n.ctl("explain", "snapshot", "1").out
            self.assertRegex(out, rf"^{history[1]['hash'][:12]} was replaced .* by {history[0]['hash'][:12]}, issued at ")
            self.assertIn("p2posctl member rollback 1 ", out)
            for words, code in ((["snapshot", "99"], 1), (["snapshot", "ffff0000ffff"], 1), (["snapshot", ""], 64), (["x", "y"], 64)):
                self.assertEqual(n.ctl("explain", *words, check=False).code, code, words)


class Output(WithNode):
    def into(self, fd, *args):
        """Exit code and standard error of p2posctl writing to `fd`."""
        p = subprocess.run([P2POSCTL, "--socket", self.node.socket, *args], stdout=fd, stderr=subprocess.PIPE,
                           text=True, check=False, timeout=60)
        return p.returncode, p.stderr

    def test_a_reader_that_has_enough_is_no_error(self):
        read, write = os.pipe()
        os.close(read)
        try:
            for args in (["status"], ["--json", "status"], ["help", "--reference"], ["health"], ["rpc", "list"],
                         ["member", "export"], ["status", "--watch=100ms"], ["metrics"]):
                self.assertEqual(self.into(write, *args), (0, ""), args)
            self.assertEqual(self.into(write, "member", "show", strangers(1)[0])[0], 1)
        finally:
            os.close(write)

    def test_a_stream_ends_with_its_reader(self):
        with Cluster(2) as c:
            c.form()
            p = subprocess.Popen([P2POSCTL, "--socket", c[0].socket, "--json", "events"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            wait_until("it is subscribed", lambda: 'p2pos_rpc_requests_total{method="events.subscribe"' in c[0].ctl("metrics").out)
            p.stdout.close()
            c[1].kill()
            self.assertEqual((p.wait(timeout=60), p.stderr.read()), (0, ""))
            p.stderr.close()

    def test_a_full_disk_is_74_with_a_line(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            for args in (["status"], ["--json", "status"], ["help", "--reference"], ["member", "export"],
                         ["status", "--watch=100ms"], ["rpc", "list"]):
                code, err = self.into(full, *args)
                self.assertEqual(code, 74, args)
                self.assertIn("cannot write to standard output", err, args)


class Errors(WithNode):
    def test_usage_is_64_and_says_what_was_meant(self):
        for args, meant in ((["memeber", "list"], "member"), (["member", "lst"], "member list"), (["statsu"], "status"),
                            (["node", "di"], "node id")):
            a = self.node.ctl(*args, check=False)
            self.assertEqual(a.code, 64, (args, a.err))
            self.assertIn(f"did you mean '{meant}'", a.err, args)
            self.assertEqual(a.out, "")
            # Help for it is no help, either.
            self.assertEqual(self.node.ctl(*args, "--help", check=False).code, 64, args)
        self.assertIn("member approve", self.node.ctl("member", "--help").out)
        for args in (["member", "show"], ["status", "more"], ["--timeout", "soon", "status"], ["member"],
                     ["rpc", "call", "node.id", "{"], ["rpc", "call", "no.method"], ["--nonsense"]):
            self.fails(64, *args)
        self.fails(64, "rpc", "call", "node.id", '{"surplus":1}', reason="invalid_params")

    def test_input_that_is_missing_or_malformed(self):
        d = self.cluster.dir
        (d / "bad.json").write_text('{"cluster_id": 7}')
        self.fails(66, "member", "verify", f"@{d}/none.json")
        self.fails(66, "member", "add", strangers(1)[0], "--admin-key", f"@{d}/none.key", "--yes")
        self.fails(65, "member", "publish", f"@{d}/bad.json")
        self.fails(65, "member", "sign", d / "bad.json", "--admin-key", self.cluster.admin_key)
        self.fails(65, "key", "show-id", f"@{d}/bad.json")
        self.fails(65, "join", "p2pos-join://AAAA", "--data-dir", d / "nowhere")
        self.fails(65, "rpc", "call", "member.publish", json.dumps({"snapshot": {}}))

    def test_a_change_without_key_or_yes(self):
        new = strangers(1)[0]
        self.fails(77, "member", "add", new, "--yes", reason="admin_key_missing")
        error = self.fails(64, "member", "add", new, "--admin-key", self.cluster.admin_key)
        self.assertIn("--yes", error["hint"])
        self.assertEqual(len(self.node.members()), 2)

    def test_no_daemon_is_69_and_says_how_to_start_it(self):
        with tempfile.TemporaryDirectory() as d:
            error = self.fails(69, "--socket", f"{d}/none.sock", "status", node=False)
            self.assertIn(f"{d}/none.sock", error["message"])
            a = ctl("--socket", f"{d}/none.sock", "status", check=False)
            self.assertIn("is not running", a.err)
            # A socket without anybody behind it is the same.
            s = socket.socket(socket.AF_UNIX)
            s.bind(f"{d}/dead.sock")
            s.close()
            self.fails(69, "--socket", f"{d}/dead.sock", "status", node=False)

    def test_a_peer_out_of_reach_is_69(self):
        nobody = strangers(1)[0]
        self.fails(69, "peer", "connect", f"/ip4/127.0.0.1/tcp/1/p2p/{nobody}", reason="dial_failed")
        self.fails(69, "peer", "ping", nobody, reason="not_connected")
        wrong = self.other.addr.replace(self.other.peer_id, nobody)
        self.fails(76, "peer", "connect", wrong, reason="peer_id_mismatch")
        self.fails(1, "member", "show", nobody, reason="not_found")

    def test_a_daemon_that_does_not_answer_is_75(self):
        with tempfile.TemporaryDirectory() as d, socket.socket(socket.AF_UNIX) as s:
            s.bind(f"{d}/mute.sock")
            s.listen(4)
            self.fails(75, "--socket", f"{d}/mute.sock", "--timeout", "300ms", "status", reason="timeout", node=False)

    @unittest.skipUnless(os.geteuid() == 0, "needs another user")
    def test_another_user_is_77(self):
        a = run(["setpriv", "--reuid=65534", "--clear-groups", P2POSCTL, "--socket", self.node.socket, "--json", "status"],
                check=False)
        # The directory is private already; with it open the socket itself refuses.
        self.assertEqual(a.code, 77, a.out + a.err)
        self.assertTrue(a.json["error"]["hint"])

    def test_secrets_as_plain_arguments_are_refused(self):
        secret = (self.node.dir / "admin" / "admin.key").read_text().strip()
        for args in (["member", "add", strangers(1)[0], "--yes", "--admin-key", secret],
                     ["key", "show-id", secret],
                     ["admin", "new", "--cluster", "demo", "--out", self.cluster.dir / "x", "--system-key", secret]):
            a = self.node.ctl("--json", *args, check=False)
            self.assertEqual(a.code, 64, (args[0], a.out))
            self.assertIn("@FILE", a.out)
            self.assertNotIn(secret, a.out + a.err)

    def test_config_errors_are_78(self):
        path = self.cluster.dir / "bad-config.json"
        path.write_text('{"listen": 7}')
        a = ctl("--json", "config", "check", path, check=False)
        self.assertEqual((a.code, a.json["valid"], a.json["errors"][0]["pointer"]), (78, False, "/listen"))
        # Without a file it is that of the node that is asked.
        a = self.node.json("config", "check")
        self.assertEqual((a["file"], a["valid"]), (str(self.node.dir / "config.json"), True))


class Waiting(unittest.TestCase):
    def test_wait_lets_a_command_come_before_the_daemon(self):
        with Cluster(1) as c:
            n = c[0]
            n.init()
            self.assertEqual(n.ctl("status", check=False).code, 69)
            answers = []
            t = threading.Thread(target=lambda: answers.append(n.ctl("--wait=60s", "--json", "status")))
            t.start()
            n.start()
            t.join(60)
            self.assertEqual(answers[0].json["node"]["peer_id"], n.peer_id)

    def test_wait_gives_up_in_its_time(self):
        with tempfile.TemporaryDirectory() as d:
            self.assertIn(ctl("--socket", f"{d}/x", "--wait=200ms", "status", check=False).code, (69, 75))

    def test_join_waits_until_it_is_let_in(self):
        with Cluster(1) as c:
            c.form()
            n = c.add()
            n.join(c.join_string)
            n.start()
            answers = []
            t = threading.Thread(target=lambda: answers.append(n.ctl(
                "--json", "join", c.join_string, "--data-dir", n.dir, "--wait", "60s", check=False)))
            t.start()
            wait_until("it knocks", lambda: c[0].json("member", "pending")["pending"])
            c.approve(n.peer_id)
            t.join(60)
            self.assertEqual(answers[0].code, 0, answers[0].out)
            n.wait_state("healthy")


class Identity(unittest.TestCase):
    def test_init_and_join_may_be_run_again(self):
        with tempfile.TemporaryDirectory(prefix="p2pos-e2e-") as d:
            a, b = Node(f"{d}/a"), Node(f"{d}/b")
            first = a.init()
            self.assertIs(first["changed"], True)
            files = {p: p.read_bytes() for p in pathlib.Path(d).rglob("*") if p.is_file()}
            again = a.init()
            self.assertIs(again["changed"], False)
            self.assertEqual(again["join"], first["join"])
            self.assertEqual(files, {p: p.read_bytes() for p in pathlib.Path(d).rglob("*") if p.is_file()})
            self.assertIs(b.join(first["join"])["changed"], True)
            self.assertIs(b.join(first["join"])["changed"], False)
            # Another cluster into the same place is no accident that is made silently.
            other = ctl("--json", "init", "--cluster", "other", "--data-dir", a.dir, "--out", f"{d}/o", check=False)
            self.assertNotEqual(other.code, 0)
            self.assertTrue(other.json["error"]["hint"])
            for secret in ("admin/admin.key", "admin/system.key", "node.key", "config.json"):
                self.assertEqual(os.stat(a.dir / secret).st_mode & 0o777, 0o600, secret)

    def test_the_example_of_the_help_starts(self):
        """`p2posctl init --cluster demo --data-dir n1 --listen 127.0.0.1:4101`, word for word."""
        with tempfile.TemporaryDirectory(prefix="p2pos-e2e-") as d:
            ctl("init", "--cluster", "demo", "--data-dir", f"{d}/n1", "--listen", "127.0.0.1:4101")
            self.assertEqual(run([P2POSD, "--data-dir", f"{d}/n1", "--check"], check=False).code, 0)

    def test_keygen_lines_are_those_of_the_original(self):
        lines = dict(x.split("=", 1) for x in ctl("keygen", "--new-system", "--cluster-id", "prod").out.splitlines())
        self.assertEqual(set(lines), {
            "NODE_PRIV_B64", "NODE_PEER_ID", "NODE_PEER_CID36", "SYSTEM_PRIV_B64", "SYSTEM_PUB_B64", "ADMIN_PRIV_B64",
            "ADMIN_PEER_ID", "ADMIN_PEER_CID36", "ADMIN_PROOF_CLUSTER_ID", "ADMIN_PROOF_PEER_ID", "ADMIN_PROOF_ROLE",
            "ADMIN_PROOF_VALID_FROM", "ADMIN_PROOF_VALID_TO", "ADMIN_PROOF_SIG"})
        self.assertEqual(ctl("key", "show-id", "-", "--field", "peer_id", stdin=lines["NODE_PRIV_B64"]).out.strip(), lines["NODE_PEER_ID"])

    def test_version_of_both_programs(self):
        version = (pathlib.Path(__file__).resolve().parents[2] / "VERSION").read_text().strip()
        self.assertIn(version, ctl("version").out)
        self.assertIn(version, run([P2POSD, "--version"]).out)


if __name__ == "__main__":
    unittest.main()
