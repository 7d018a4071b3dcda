# SPDX-License-Identifier: Apache-2.0
"""The control socket as `nc -U` speaks to it: lines in, lines out, and nobody can hurt the node."""
import contextlib
import json
import os
import stat
import time
import unittest

from p2pos import Cluster, Formed, Line, strangers, wait_until


class Lines(Formed):
    SIZE = 2

    def test_garbage_gets_its_error_and_the_connection_stays(self):
        with Line(self.node) as c:
            for bad, code in ((b"hello\n", -32700), (b"\n", -32700), (b"{\n", -32700), (b"[]\n", -32600), (b"7\n", -32700),
                              (b'"x"\n', -32700), (b"\xff\xfe\n", -32700), (b"[" * 40 + b"]" * 40 + b"\n", -32700),
                              (b'{"jsonrpc":"2.0","id":1}\n', -32600), (b'{"id":1,"id":2}\n', -32700),
                              (b'{"jsonrpc":"1.0","id":1,"method":"node.id"}\n', -32600)):
                c.send(bad)
                if code is not None:
                    a = c.read()
                    self.assertEqual((a["error"]["code"], a["jsonrpc"]), (code, "2.0"), (bad, a))
                    self.assertTrue(a["error"]["data"]["hint"], a)
            self.assertEqual(c.ask("node.id")["result"]["peer_id"], self.node.peer_id)

    def test_errors_name_what_is_wrong(self):
        with Line(self.node) as c:
            a = c.ask("node.statsu")
            self.assertEqual(a["error"]["code"], -32601)
            self.assertIn("node.status", json.dumps(a))
            a = c.ask("member.get", nonsense=1)
            self.assertEqual((a["error"]["code"], a["error"]["data"]["param"]), (-32602, "nonsense"))
            c.send({"jsonrpc": "2.0", "id": "x", "method": "node.id", "params": ["by", "position"]})
            a = c.read()
            self.assertEqual((a["id"], a["error"]["code"]), ("x", -32602))

    def test_batches_notifications_and_many_lines_in_one_piece(self):
        with Line(self.node) as c:
            call = {"jsonrpc": "2.0", "method": "node.id"}
            c.send([{**call, "id": i} for i in range(32)])
            answers = c.read()
            self.assertEqual(sorted(a["id"] for a in answers), list(range(32)))
            c.send([{**call, "id": i} for i in range(33)])
            self.assertIn("error", json.dumps(c.read()))
            c.send(call)  # a notification: no answer
            c.send(b"".join(json.dumps({**call, "id": i}).encode() + b"\n" for i in range(10)))
            self.assertEqual(sorted(c.read()["id"] for _ in range(10)), list(range(10)))

    def test_a_line_may_come_byte_by_byte(self):
        with Line(self.node) as c:
            for b in b'{"jsonrpc":"2.0","id":1,"method":"node.id"}\n':
                c.send(bytes([b]))
            self.assertEqual(c.read()["result"]["peer_id"], self.node.peer_id)

    def test_an_overlong_line_ends_the_client(self):
        with Line(self.node) as c:
            with contextlib.suppress(OSError):
                c.send(b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * (1100 * 1024))
                c.send(b'"}\n')
            with contextlib.suppress(OSError):
                a = c.read()
                self.assertTrue(a is None or "error" in a, a)
                self.assertIsNone(c.read())
        self.assertEqual(self.node.state, "healthy")

    def test_more_than_sixteen_calls_at_once_are_busy(self):
        with Line(self.node) as c:
            for i in range(40):
                c.send({"jsonrpc": "2.0", "id": i, "method": "peer.ping",
                        "params": {"peer": self.other.peer_id, "count": 2, "interval_ms": 300}})
            answers = {}
            while len(answers) < 40:
                a = c.read()
                if "id" in a:
                    answers[a["id"]] = a
            busy = [a for a in answers.values() if a.get("error", {}).get("code") == 1002]
            self.assertGreaterEqual(len(busy), 20)
            self.assertGreaterEqual(len([a for a in answers.values() if "result" in a]), 1)

    def test_the_65th_client_is_told_that_it_is_one_too_many(self):
        with contextlib.ExitStack() as stack:
            for _ in range(64):
                c = stack.enter_context(Line(self.node))
                self.assertIn("result", c.ask("rpc.hello"))
            with Line(self.node) as last:
                a = last.read()
                self.assertEqual(a["error"]["code"], 1002)
                self.assertIsNone(last.read())
        wait_until("room again", lambda: self.node.ctl("health", check=False).code == 0)

    def test_a_client_that_does_not_read_is_dropped(self):
        with Line(self.node) as c:
            call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "config.schema"}).encode() + b"\n"
            # It stops taking lines from one whose answers pile up, or drops it; the node goes on.
            c.s.settimeout(1)
            with contextlib.suppress(OSError):
                for _ in range(20000):
                    c.send(call)
            self.assertEqual(self.node.state, "healthy")
            self.assertLess(self.node.rpc("debug.memory")["resident_bytes"], 600 * 1024 * 1024)
        self.assertEqual(self.node.state, "healthy")

    def test_clients_that_leave_in_the_middle(self):
        for _ in range(50):
            with Line(self.node) as c:
                c.send({"jsonrpc": "2.0", "id": 1, "method": "peer.ping", "params": {"peer": self.other.peer_id, "count": 3}})
                c.send({"jsonrpc": "2.0", "id": 2, "method": "status.cluster"})
        self.assertEqual(self.node.state, "healthy")

    def test_every_method_is_listed_described_and_answers(self):
        with Line(self.node) as c:
            methods = [m["name"] for m in c.ask("rpc.list")["result"]["methods"]]
            self.assertGreater(len(methods), 40)
            for name in methods:
                d = c.ask("rpc.describe", method=name)["result"]
                self.assertEqual(d["name"], name)
                self.assertTrue(d["about"])
                if name in ("node.stop", "events.subscribe"):
                    continue
                with self.subTest(name):
                    a = c.ask(name)
                    while a.get("method") == "progress":
                        a = c.read()
                    self.assertTrue("result" in a or a["error"]["data"]["hint"], a)
                    if "result" in a:
                        self.assertIsInstance(a["result"], dict)

    def test_results_have_the_fields_that_are_promised(self):
        with Line(self.node) as c:
            for m in c.ask("rpc.list")["result"]["methods"]:
                d = c.ask("rpc.describe", method=m["name"])["result"]
                if m["name"].startswith(("node.stop", "events.", "config.reload", "bootstrap.")) or any(
                        p.get("required") or p.get("must") for p in d["params"]):
                    continue
                a = c.ask(m["name"])
                if "result" not in a:
                    continue
                for word in d["result"].split():
                    if not word.endswith("?"):
                        self.assertIn(word.rstrip("[]{}"), a["result"], m["name"])

    def test_the_socket_is_private(self):
        mode = os.stat(self.node.socket).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(mode & 0o007, 0)


class Events(unittest.TestCase):
    def test_numbers_without_gaps_and_only_what_was_asked_for(self):
        with Cluster(2) as c:
            c.form()
            a, b = c
            with Line(a) as all_, Line(a) as state:
                s1 = all_.ask("events.subscribe")["result"]
                s2 = state.ask("events.subscribe", types=["state"])["result"]
                self.assertEqual(s2["types"], ["state"])
                b.kill()
                seen = []
                while not any(e["type"] == "state" for e in seen):
                    seen.append(all_.read()["params"])
                self.assertEqual({e["subscription"] for e in seen}, {s1["subscription"]})
                e = state.read()
                self.assertEqual((e["method"], e["params"]["type"], e["params"]["to"]), ("event", "state", "degraded"))
                b.start()
                e = state.read()["params"]
                self.assertEqual((e["to"], e["type"]), ("healthy", "state"))
                a.json("member", "add", strangers(1)[0], "--admin-key", c.admin_key, "--yes")
                while not any(e["type"] == "membership" for e in seen):
                    seen.append(all_.read()["params"])
                numbers = [e["seq"] for e in seen]
                self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
                # After the end of a subscription there is silence, and other calls still work.
                self.assertTrue(state.ask("events.unsubscribe", subscription=s2["subscription"])["result"]["changed"])

    def test_a_stop_lets_clients_go_and_takes_the_socket_along(self):
        with Cluster(1) as c:
            n = c.form()[0]
            with Line(n) as line:
                line.ask("events.subscribe")
                began = time.monotonic()
                self.assertEqual(n.stop(), 0)
                self.assertLess(time.monotonic() - began, 10)
                while line.read() is not None:
                    pass
            self.assertFalse(n.socket.exists())


if __name__ == "__main__":
    unittest.main()
