# SPDX-License-Identifier: Apache-2.0
"""QUIC, TCP with Noise and TCP with TLS between real processes: which one is taken, what happens when one is
blocked, and what strangers do to a UDP port."""
import json
import os
import random
import re
import socket
import unittest

from p2pos import Cluster, Net, ctl, free_port, run, strangers, wait_until


def links(node):
    """Who is connected to it, and how: peer id -> transport, security, muxer."""
    return {p["peer_id"]: (p["transport"], p["security"], p["muxer"]) for p in node.json("peer", "list")["peers"]}


def set_net(node, **net):
    node.configure(net=net)


QUIC = ("quic-v1", "tls", "quic")
NOISE = ("tcp", "noise", "yamux")
TLS = ("tcp", "tls", "yamux")


class Choice(unittest.TestCase):
    def form(self, c, *nets):
        """A cluster whose nodes have these `net` sections."""
        first = c[0]
        made = first.init(c.cluster_id)
        c.join_string = made["join"]
        for n in c.nodes[1:]:
            n.join(c.join_string)
        for n, net in zip(c, nets):
            if net:
                set_net(n, **net)
        first.start()
        first.wait_state("healthy")
        for n in c.nodes[1:]:
            n.start()
        c.approve(*[n.peer_id for n in c.nodes[1:]])
        c.wait_full()
        c.wait_mesh()

    def test_members_meet_over_quic_and_say_so(self):
        with Cluster(3) as c:
            c.form()
            c.wait_mesh()
            for n in c:
                self.assertEqual(set(links(n).values()), {QUIC})
                others = [m for m in n.status()["members"] if m["peer_id"] != n.peer_id]
                self.assertEqual({m["transport"] for m in others}, {"quic-v1"})
                self.assertTrue(all("/quic-v1" in m["address"] for m in others), others)
                listens = n.json("node", "addresses")
                self.assertIn(f"/ip4/127.0.0.1/udp/{n.port}/quic-v1", json.dumps(listens))
                self.assertIn(f"/ip4/127.0.0.1/tcp/{n.port}", json.dumps(listens))
            shown = c[0].ctl("status").out
            self.assertRegex(shown, r"online .* quic ")
            metrics = c[0].ctl("metrics").out
            self.assertRegex(metrics, r'p2pos_connections\{direction="(in|out)",transport="quic-v1"\} [1-9]')

    def test_each_security_of_tcp_when_it_is_asked_for(self):
        for net, want in (({"transports": ["tcp"]}, NOISE),
                          ({"transports": ["tcp"], "security": ["tls"]}, TLS),
                          ({"transports": ["tcp"], "security": ["tls", "noise"]}, TLS)):
            with self.subTest(net=net), Cluster(2) as c:
                self.form(c, net, net)
                for n in c:
                    self.assertEqual(set(links(n).values()), {want})

    def test_what_only_one_side_has_is_not_used(self):
        with Cluster(2) as c:
            self.form(c, {"transports": ["tcp"], "security": ["tls"]}, {})
            self.assertEqual(set(links(c[0]).values()), {TLS})  # Noise was proposed first, and refused
        with Cluster(2) as c:
            self.form(c, {"transports": ["quic-v1"]}, {})
            self.assertEqual(set(links(c[0]).values()), {QUIC})

    def test_two_that_have_nothing_in_common_say_what_was_tried(self):
        with Cluster(2) as c:
            a, b = c
            a.init("demo")
            b.join(ctl("--json", "init", "--cluster", "x", "--data-dir", c.dir / "x", "--listen", "127.0.0.1:1")
                   .json["join"])
            set_net(a, transports=["tcp"], security=["tls"])
            set_net(b, transports=["tcp"], security=["noise"])
            a.start()
            b.start()
            answer = a.json("peer", "connect", f"/ip4/127.0.0.1/tcp/{b.port}/p2p/{b.peer_id}", check=False)
            self.assertEqual(answer["error"]["reason"], "dial_failed")
            self.assertIn("select_no_common", json.dumps(answer))

    def test_a_mesh_of_mixed_nodes_becomes_whole(self):
        seed = int(os.environ.get("SEED", "0")) or random.randrange(1, 1 << 31)
        rng = random.Random(seed)
        choices = [{}, {"transports": ["tcp"]}, {"transports": ["quic-v1", "tcp"], "security": ["tls"]},
                   {"transports": ["tcp", "quic-v1"]}, {"security": ["tls", "noise"]}]
        with self.subTest(seed=seed), Cluster(5) as c:
            self.form(c, *[rng.choice(choices) for _ in range(5)])
            for n in c:
                self.assertEqual(len(links(n)), 4)
                self.assertLessEqual(set(links(n).values()), {QUIC, NOISE, TLS})
            # Of two nodes both ends show the same connection.
            for a in c:
                for b in c:
                    if a is not b:
                        wait_until("both keep the same one",
                                   lambda a=a, b=b: links(a).get(b.peer_id) == links(b).get(a.peer_id))


class Trace(unittest.TestCase):
    def steps(self, node, addr):
        return node.json("peer", "trace", addr, check=False)

    def test_every_step_has_its_time_or_its_error(self):
        with Cluster(2) as c:
            c.form()
            a, b = c
            for addr in (f"/ip4/127.0.0.1/udp/{b.port}/quic-v1/p2p/{b.peer_id}",
                         f"/ip4/127.0.0.1/tcp/{b.port}/p2p/{b.peer_id}"):
                t = self.steps(a, addr)
                self.assertTrue(t["ok"], t)
                self.assertIn("security", {s["step"] for s in t["steps"]})
                self.assertTrue(all(s["ok"] and s["ms"] > 0 for s in t["steps"]), t)

    def test_what_fails_is_named(self):
        with Cluster(2) as c:
            c.form()
            a, b = c
            t = self.steps(a, f"/ip4/127.0.0.1/udp/{b.port}/quic-v1/p2p/{strangers(1)[0]}")
            self.assertFalse(t["ok"])
            self.assertIn("peer_id_mismatch", json.dumps(t))
            t = self.steps(a, f"/ip4/127.0.0.1/udp/{free_port()}/quic-v1/p2p/{strangers(1)[0]}")
            self.assertFalse(t["ok"])
            self.assertEqual(t["steps"][-1]["step"], "connect")
            self.assertIn("refused", json.dumps(t))


@unittest.skipUnless(os.geteuid() == 0, "network namespaces need root")
class Blocked(unittest.TestCase):
    def test_without_udp_the_cluster_lives_over_tcp(self):
        with Net(3) as net, Cluster(3, hosts=net.hosts, netns=net.names) as c:
            for name in net.names:
                net.rules(name, 'iifname "eth0" meta l4proto udp drop')
            c.form()
            c.wait_mesh()
            for n in c:
                self.assertEqual(set(links(n).values()), {NOISE})
                self.assertEqual(n.state, "healthy")

    def test_udp_that_dies_later_is_replaced(self):
        with Net(3) as net, Cluster(3, hosts=net.hosts, netns=net.names) as c:
            c.form()
            c.wait_mesh()
            self.assertEqual(set(links(c[0]).values()), {QUIC})
            for name in net.names:
                net.rules(name, 'iifname "eth0" meta l4proto udp drop')

            def over_tcp():
                return all(set(links(n).values()) == {NOISE} and len(links(n)) == 2 for n in c)
            wait_until("all are connected over TCP", over_tcp)
            for n in c:
                n.wait_state("healthy")

    def test_a_path_that_drops_large_datagrams_still_carries_everything(self):
        with Net(2) as net, Cluster(2, hosts=net.hosts, netns=net.names) as c:
            for name in net.names:
                # A wire knows no trains; a veth carries them whole, and would have them dropped whole.
                run(["ip", "link", "set", "dev", "eth0", "gso_max_segs", "1"], netns=name)
                net.rules(name, 'iifname "eth0" meta l4proto udp meta length > 1280 drop')
            set_net_all(c, transports=["quic-v1"])
            self.assertEqual(set(links(c[0]).values()), {QUIC})
            a = c[0].json("peer", "perf", c[1].peer_id, "--up", "2MiB", "--down", "2MiB")
            self.assertEqual((a["up_bytes"], a["down_bytes"]), (2 << 20, 2 << 20))


def set_net_all(c, **net):
    Choice.form(unittest.TestCase(), c, *[net for _ in c.nodes])


class Strangers(unittest.TestCase):
    def test_garbage_on_the_udp_port_is_counted_and_forgotten(self):
        with Cluster(2) as c:
            c.form()
            c.wait_mesh()
            rng = random.Random(7)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                for i in range(2000):
                    data = rng.randbytes(rng.choice([0, 1, 20, 21, 43, 600, 1199, 1200, 1472]))
                    if i % 3 == 0 and len(data) > 20:  # a long header of QUIC v1, an Initial
                        data = b"\xc3\x00\x00\x00\x01\x08" + data[6:]
                    s.sendto(data, ("127.0.0.1", c[0].port))
            for n in c:
                self.assertEqual(n.state, "healthy")
            self.assertEqual(set(links(c[0]).values()), {QUIC})
            half_open = re.search(r"p2pos_half_open\S* (\d+)", c[0].ctl("metrics").out)
            if half_open:
                self.assertLessEqual(int(half_open.group(1)), 64)

    def test_the_udp_port_of_another_program_is_a_start_error(self):
        with Cluster(1) as c, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            n = c[0]
            n.init("demo")
            s.bind(("127.0.0.1", n.port))
            n.start(wait=False)
            self.assertEqual(n.proc.wait(timeout=60), 69)
            n.proc = None
            self.assertIn(f"127.0.0.1:{n.port}", n.log())
            self.assertIn("in use", n.log())


class Configuration(unittest.TestCase):
    def test_bad_words_name_their_place(self):
        with Cluster(1) as c:
            n = c[0]
            n.init("demo")
            for net, place in (({"transports": ["quic"]}, "/net/transports"), ({"transports": []}, "/net/transports"),
                               ({"security": ["tls", "tls"]}, "/net/security"), ({"security": "tls"}, "/net/security")):
                set_net(n, **net)
                a = ctl("--json", "config", "check", n.dir / "config.json", check=False)
                self.assertEqual(a.code, 78, a.out)
                self.assertIn(place, a.out)


if __name__ == "__main__":
    unittest.main()
