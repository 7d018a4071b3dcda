# SPDX-License-Identifier: Apache-2.0
"""Finding the cluster by name: a real name server on a loopback port, with good, odd and bad records."""
import getpass
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

from p2pos import Cluster, Node, free_port, strangers, wait_until

DNSMASQ = shutil.which("dnsmasq") or "/usr/sbin/dnsmasq"
ID = strangers(12)


class Server:
    """dnsmasq with exactly these records; a long text goes as several strings of one record."""

    def __init__(self, txt=(), hosts=(), port=None):
        self.port = port or free_port()
        self.txt, self.hosts = list(txt), list(hosts)
        self.dir = tempfile.TemporaryDirectory(prefix="p2pos-e2e-")
        self.proc = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        lines = [f"port={self.port}", "listen-address=127.0.0.1", "bind-interfaces", "no-resolv", "no-hosts",
                 f"user={getpass.getuser()}", "local=/test/", "log-queries", f"log-facility={self.dir.name}/log"]
        for name, text in self.txt:
            pieces = [text[i:i + 200] for i in range(0, len(text), 200)]
            lines.append("txt-record=" + ",".join([name, *(f'"{p}"' for p in pieces)]))
        lines += [f"host-record={name},{ip}" for name, ip in self.hosts]
        conf = pathlib.Path(self.dir.name) / "dnsmasq.conf"
        conf.write_text("\n".join(lines) + "\n")
        self.proc = subprocess.Popen([DNSMASQ, "--keep-in-foreground", f"--conf-file={conf}", "--pid-file"],
                                     stderr=subprocess.PIPE)

        def up():
            assert self.proc.poll() is None, self.proc.stderr.read()
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        wait_until("dnsmasq", lambda: up_or_not(up))
        return self

    def asked(self):
        return (pathlib.Path(self.dir.name) / "log").read_text()

    def __exit__(self, *exc):
        self.proc.terminate()
        self.proc.wait()
        self.proc.stderr.close()
        self.dir.cleanup()


def up_or_not(f):
    try:
        return f()
    except OSError:
        return False


def maddr(peer, ip="192.0.2.7", port=4100):
    return f"/ip4/{ip}/tcp/{port}/p2p/{peer}"


class Resolve(unittest.TestCase):
    def resolve(self, server, name="c.test"):
        """What a node makes of a name."""
        with Cluster(1) as c:
            n = c[0]
            n.init()
            n.configure(dns={"servers": [server.address]})
            n.start()
            r = n.json("bootstrap", "resolve", name)["names"]
            self.assertEqual(len(r), 1)
            self.log = n.log()
            self.metrics = n.ctl("metrics").out
            return r[0]

    def test_dnsaddr_first_and_the_bare_name_is_not_asked_then(self):
        with Server([("_dnsaddr.c.test", f"dnsaddr={maddr(ID[0])}"), ("c.test", f"dnsaddr={maddr(ID[1])}")]) as s:
            r = self.resolve(s)
            self.assertEqual(r["addresses"], [maddr(ID[0])])
            self.assertIsNone(r["error"])
            self.assertEqual([x["text"] for x in r["records"]], [f"dnsaddr={maddr(ID[0])}"])
            self.assertRegex(self.metrics, r'(?m)^p2pos_dns_lookups_total\{resolver="servers",result="ok"\} 1$')
            self.assertRegex(self.metrics, r"(?m)^p2pos_dns_lookup_duration_seconds_count 1$")

    def test_the_bare_name_second_with_or_without_the_prefix(self):
        with Server([("c.test", f"dnsaddr={maddr(ID[0])}"), ("c.test", maddr(ID[1])), ("c.test", "v=spf1 -all")]) as s:
            self.assertEqual(sorted(self.resolve(s)["addresses"]), sorted([maddr(ID[0]), maddr(ID[1])]))

    def test_nested_names_are_followed_and_loops_are_cut(self):
        with Server([("_dnsaddr.c.test", f"dnsaddr=/dnsaddr/eu.c.test/p2p/{ID[0]}"),
                     ("_dnsaddr.c.test", "dnsaddr=/dnsaddr/loop.c.test"),
                     ("_dnsaddr.eu.c.test", f"dnsaddr={maddr(ID[0])}"), ("_dnsaddr.eu.c.test", f"dnsaddr={maddr(ID[1])}"),
                     ("_dnsaddr.loop.c.test", "dnsaddr=/dnsaddr/loop.c.test"),
                     ("_dnsaddr.loop.c.test", "dnsaddr=/dnsaddr/c.test"),
                     ("_dnsaddr.loop.c.test", f"dnsaddr={maddr(ID[2])}")]) as s:
            r = self.resolve(s)
            # Of the nested name only the peer that was asked for.
            self.assertEqual(sorted(r["addresses"]), sorted([maddr(ID[0]), maddr(ID[2])]))
            self.assertLess(s.asked().count("query[TXT]"), 12)

    def test_addresses_of_one_peer_are_merged_and_each_is_there_once(self):
        two = [maddr(ID[0]), maddr(ID[0], "198.51.100.9")]
        with Server([("_dnsaddr.c.test", f"dnsaddr={a}") for a in [*two, two[0], f"/dns4/h.c.test/tcp/4100/p2p/{ID[0]}"]],
                    hosts=[("h.c.test", "203.0.113.5")]) as s:
            self.assertEqual(sorted(self.resolve(s)["addresses"]), sorted([*two, maddr(ID[0], "203.0.113.5")]))

    def test_a_record_of_more_than_255_bytes_is_put_together(self):
        name = ".".join(["a" * 60, "b" * 60, "c" * 60, "c.test"])
        text = f"dnsaddr=/dns4/{name}/tcp/4100/p2p/{ID[0]}"
        self.assertGreater(len(text), 255)
        with Server([("_dnsaddr.c.test", text)], hosts=[(name, "203.0.113.5")]) as s:
            r = self.resolve(s)
            self.assertEqual(r["addresses"], [maddr(ID[0], "203.0.113.5")])
            self.assertEqual(r["records"][0]["text"], text)

    def test_malformed_records_are_skipped_and_named(self):
        bad = ["dnsaddr=", "dnsaddr=/ip4/1.2.3/tcp/4100", "dnsaddr=/nonsense/7", "dnsaddr=/ip4/192.0.2.1/tcp/99999",
               "dnsaddr=/ip4/192.0.2.1/tcp/4100/p2p/12D3bad", "\x01\x02"]
        with Server([*(("_dnsaddr.c.test", b) for b in bad), ("_dnsaddr.c.test", f"dnsaddr={maddr(ID[0])}")]) as s:
            r = self.resolve(s)
            self.assertEqual(r["addresses"], [maddr(ID[0])])
            self.assertGreaterEqual(len([x for x in r["records"] if x["error"]]), 4)
            self.assertIn("dns_record_skipped", self.log)

    def test_hundreds_of_records_are_cut_and_said_so(self):
        with Server([("_dnsaddr.c.test", maddr(ID[0], f"192.0.2.{i}", 4000 + j)) for i in range(50) for j in range(5)]) as s:
            self.assertLessEqual(len(self.resolve(s)["addresses"]), 100)

    def test_nothing_there_and_nobody_there(self):
        with Server() as s:
            r = self.resolve(s)
            self.assertEqual((r["addresses"], r["records"]), ([], []))
            self.assertTrue(r["error"])
        # The server is gone: an error in time, not a hang.
        r = self.resolve(s)
        self.assertTrue(r["error"])


class Join(unittest.TestCase):
    def test_a_cluster_that_knows_itself_by_its_name_only(self):
        port = free_port()
        with Cluster(1) as c:
            first = c[0]
            first.init("demo", "--dns", "c.test")
            records = [("_dnsaddr.c.test", "dnsaddr=" + maddr(ID[5], "127.0.0.1", 1)),
                       ("_dnsaddr.c.test", f"dnsaddr=/dns4/n1.c.test/tcp/{first.port}/p2p/{first.peer_id}"),
                       ("_dnsaddr.c.test", "dnsaddr=/ip4/not an address")]
            with Server(records, hosts=[("n1.c.test", "127.0.0.1")], port=port):
                first.configure(dns={"servers": [f"127.0.0.1:{port}"]})
                first.start()
                second = Node(c.dir / "n2")
                c.nodes.append(second)
                join = first.ctl("--json", "init", "--cluster", "demo", "--dns", "c.test", "--data-dir", first.dir,
                                 "--out", first.dir / "admin", "--listen", first.listen).json["join"]
                second.join(join)
                self.assertEqual([e["type"] for e in second.config["init_connections"]][:1], ["dns"])
                second.configure(dns={"servers": [f"127.0.0.1:{port}"]}, init_connections=[
                    {"type": "dns", "address": "c.test"}])
                second.start()
                wait_until("it knocks", lambda: first.json("member", "pending")["pending"])
                c.approve(second.peer_id)
                c.wait_full()
                entry = second.json("bootstrap", "list")["entries"][0]
                self.assertIn(f"/ip4/127.0.0.1/tcp/{first.port}/p2p/{first.peer_id}", entry["resolved"])
            # Without the name server they still know each other.
            second.kill()
            second.start()
            c.wait_full()

    def test_a_name_in_a_multiaddr_entry_and_a_first_server_that_is_dead(self):
        with Cluster(2) as c, Server(hosts=[("n1.c.test", "127.0.0.1")]) as s:
            a, b = c
            made = a.init()
            a.start()
            b.join(made["join"])
            b.configure(dns={"servers": [f"127.0.0.1:{free_port()}", s.address]}, init_connections=[
                {"type": "multiaddr", "address": f"/dns4/n1.c.test/tcp/{a.port}/p2p/{a.peer_id}"}])
            b.start()
            wait_until("it knocks", lambda: a.json("member", "pending")["pending"])

    def test_a_poisoned_name_leads_nowhere(self):
        with Cluster(2) as c, Cluster(1) as foreign:
            a, b = c
            evil = foreign.form()[0]
            made = a.init()
            b.join(made["join"])
            # The right peer id with the attacker's address, and the attacker under its own name.
            with Server([("_dnsaddr.c.test", f"dnsaddr=/ip4/127.0.0.1/tcp/{evil.port}/p2p/{a.peer_id}"),
                         ("_dnsaddr.c.test", f"dnsaddr={evil.addr}")]) as s:
                b.configure(dns={"servers": [s.address]}, init_connections=[{"type": "dns", "address": "c.test"}])
                b.start()
                wait_until("it was led there", lambda: "127.0.0.1" in str(b.json("bootstrap", "list")["entries"]))
                wait_until("the attacker was asked", lambda: evil.json("member", "pending")["pending"])
                self.assertEqual(b.state, "unconfigured")
                self.assertNotIn("apply_snapshot", b.log())


if __name__ == "__main__":
    unittest.main()
