# SPDX-License-Identifier: Apache-2.0
"""Clusters of real processes: nodes that are started, asked, frozen and killed by a test.

A Node is one p2posd with a data directory of its own; p2posctl is the only way it is asked. A
Cluster makes N of them: `init` on the first, `join` and `member approve` for the rest. Every
process that is started is remembered by its pid and ended with the test; waiting is for events
(a line of p2posctl or of the log), never for a time to pass.
"""
import base64
import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("P2POS_BUILD", ROOT / "build"))
P2POSD = BUILD / "p2posd"
P2POSCTL = BUILD / "p2posctl"
# Generous: a slow machine under the sanitizers must not fail a test that is only slow.
PATIENCE = float(os.environ.get("P2POS_PATIENCE", "60"))


class Failed(AssertionError):
    """p2posctl or a node did not do what the test needed."""


def wait_until(what, probe, patience=None, pause=0.02):
    """Calls `probe` until it gives something true, which is returned. `what` names it on failure."""
    deadline = time.monotonic() + (patience or PATIENCE)
    last = None
    while True:
        try:
            last = probe()
        except Failed as e:
            last = e
        if last and not isinstance(last, Exception):
            return last
        if time.monotonic() > deadline:
            raise Failed(f"never came: {what} (last: {last!r})")
        time.sleep(pause)


given_ports = set()


def free_port(host="127.0.0.1"):
    """One that is free over TCP and UDP, given to nobody before, and that the kernel gives nobody of its own accord."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(100):
        port = random.randrange(10000, 32000)
        if port in given_ports:
            continue
        with socket.socket(family) as tcp, socket.socket(family, socket.SOCK_DGRAM) as udp:
            with contextlib.suppress(OSError):
                tcp.bind((host, port))
                udp.bind((host, port))
                given_ports.add(port)
                return port
    raise Failed("no port is free")


def fault_library():
    """The environment under which a node obeys tests/e2e/fault.c; builds it where it is not there."""
    path = BUILD / "libfault.so"
    subprocess.run(["make", "-s", "-C", ROOT, f"BUILD={BUILD}", str(path)], check=True, capture_output=True)
    # A preloaded library comes before the sanitizers' own, which they complain of.
    asan = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": str(path), "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0".lstrip(":")}


class Answer:
    """What one run of a program gave."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as e:
            raise Failed(f"not JSON: {self.out!r} {self.err!r}") from e


def run(argv, netns=None, stdin=None, env=None, check=True, patience=None):
    argv = [str(a) for a in argv]
    if netns:
        argv = ["ip", "netns", "exec", netns, *argv]
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False,
                          env={**os.environ, **(env or {})}, timeout=patience or PATIENCE * 2)
    answer = Answer(done)
    if check and answer.code != 0:
        raise Failed(f"{' '.join(argv)} -> exit {answer.code}\n{answer.out}{answer.err}")
    return answer


def ctl(*args, socket_path=None, netns=None, stdin=None, check=True, env=None):
    argv = [P2POSCTL]
    if socket_path:
        argv += ["--socket", socket_path]
    return run(argv + list(args), netns=netns, stdin=stdin, check=check, env=env)


def peer_id(public_key):
    """The peer id of an Ed25519 public key: base58btc of the identity multihash."""
    number = int.from_bytes(b"\x00\x24\x08\x01\x12\x20" + public_key, "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit] + text
    return "1" + text


def strangers(count):
    """Peer ids that nobody has the key of."""
    return [peer_id(hashlib.sha256(b"stranger %d" % i).digest()) for i in range(count)]


def join_string(cluster_id, system_pubkey, *bootstrap):
    text = json.dumps({"v": 1, "cluster_id": cluster_id, "system_pubkey": system_pubkey,
                       "bootstrap": list(bootstrap)})
    return "p2pos-join://" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


class Node:
    """One p2posd. `host` and `port` are where it listens; `netns` where it lives."""

    def __init__(self, directory, host="127.0.0.1", port=None, netns=None, name=None):
        self.dir = pathlib.Path(directory)
        self.name = name or self.dir.name
        self.host = host
        self.port = port or (4100 if netns else free_port(host))
        self.netns = netns
        self.proc = None
        self.log_path = self.dir / "p2posd.log"
        self.socket = self.dir / "p2posd.sock"
        self.peer_id = None
        self.extra_env = {}
        self.runner = []  # a command that runs it

    # -- making it
    @property
    def listen(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def addr(self):
        family = "ip6" if ":" in self.host else "ip4"
        return f"/{family}/{self.host}/tcp/{self.port}/p2p/{self.peer_id}"

    def init(self, cluster_id="demo", *more):
        a = ctl("--json", "init", "--cluster", cluster_id, "--data-dir", self.dir, "--listen",
                self.listen, "--out", self.dir / "admin", *more, netns=self.netns).json
        self.peer_id = a["node"]["peer_id"]
        self.admin_key = self.dir / "admin" / "admin.key"
        return a

    def join(self, join_string, *more):
        a = ctl("--json", "join", join_string, "--data-dir", self.dir, "--listen", self.listen,
                *more, netns=self.netns).json
        self.peer_id = a["node"]["peer_id"]
        return a

    @property
    def config(self):
        return json.loads((self.dir / "config.json").read_text())

    def configure(self, **changes):
        """Changes top-level keys of its configuration file."""
        path = self.dir / "config.json"
        config = self.config
        config.update(changes)
        path.write_text(json.dumps(config, indent=2))

    # -- running it
    def start(self, wait=True, args=()):
        assert not self.running
        log = open(self.log_path, "ab")
        argv = [*self.runner, str(P2POSD), "--data-dir", str(self.dir), *args]
        if self.netns:
            argv = ["ip", "netns", "exec", self.netns, *argv]
        self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     env={**os.environ, **self.extra_env})
        log.close()
        if wait:
            self.wait_ready()
        return self

    @property
    def running(self):
        return self.proc is not None and self.proc.poll() is None

    def wait_ready(self):
        def ready():
            if not self.running:
                raise AssertionError(f"{self.name} ended with {self.proc.returncode}:\n{self.log()}")
            return self.ctl("rpc", "call", "rpc.hello", check=False).code == 0
        wait_until(f"{self.name} answers", ready)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def stop(self, sig=signal.SIGTERM):
        """Ends it and returns its exit code."""
        if self.proc is None:
            return None
        if self.running:
            self.proc.send_signal(signal.SIGCONT)
            self.proc.send_signal(sig)
        try:
            code = self.proc.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            raise Failed(f"{self.name} did not stop:\n{self.log()[-4000:]}") from None
        self.proc = None
        return code

    def kill(self):
        self.proc.kill()
        self.proc.wait()
        self.proc = None

    def freeze(self):
        self.proc.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.proc.send_signal(signal.SIGCONT)

    # -- asking it
    def ctl(self, *args, **kw):
        return ctl(*args, socket_path=self.socket, netns=self.netns, **kw)

    def json(self, *args, **kw):
        return self.ctl("--json", *args, **kw).json

    def rpc(self, method, **params):
        return self.json("rpc", "call", method, json.dumps(params))

    @property
    def state(self):
        return self.json("status")["node"]["state"]

    def status(self):
        return self.json("status")

    def members(self):
        return {m["peer_id"]: m["state"] for m in self.json("member", "list")["members"]}

    def wait_state(self, state, patience=None):
        return wait_until(f"{self.name} {state}", lambda: self.state == state, patience)

    def wait_log(self, text, patience=None):
        return wait_until(f"{text!r} in the log of {self.name}", lambda: text in self.log(), patience)


class Line:
    """A client of the control socket that is not p2posctl: one JSON document a line."""

    def __init__(self, node):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(str(node.socket))
        self.s.settimeout(PATIENCE)
        self.rest = b""

    def send(self, what):
        self.s.sendall(what if isinstance(what, bytes) else json.dumps(what).encode() + b"\n")

    @property
    def waiting(self):
        """Is there a whole line that was received together with an earlier one?"""
        return b"\n" in self.rest

    def read(self):
        """The next document; None at the end."""
        while not self.waiting:
            data = self.s.recv(65536)
            if not data:
                return None
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def ask(self, name, /, **params):
        self.send({"jsonrpc": "2.0", "id": 1, "method": name, **({"params": params} if params else {})})
        return self.read()

    def close(self):
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Cluster:
    """N nodes in a temporary directory; nothing of it is left afterwards."""

    def __init__(self, size=0, cluster_id="demo", hosts=None, netns=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="p2pos-e2e-"))
        self.cluster_id = cluster_id
        self.nodes = []
        for i in range(size):
            self.add(host=hosts[i] if hosts else "127.0.0.1", netns=netns[i] if netns else None)

    def add(self, **kw):
        node = Node(self.dir / f"n{len(self.nodes) + 1}", **kw)
        node.dir.mkdir()
        self.nodes.append(node)
        return node

    def __getitem__(self, i):
        return self.nodes[i]

    def __iter__(self):
        return iter(self.nodes)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, tb):
        failed = exc_type is not None
        codes = {}
        for n in self.nodes:
            with contextlib.suppress(Failed):
                codes[n.name] = n.stop()
        reports = [n for n in self.nodes if "Sanitizer" in n.log() or "runtime error:" in n.log()]
        if failed or reports:
            for n in self.nodes:
                print(f"--- log of {n.name}\n{n.log()[-6000:]}")
        shutil.rmtree(self.dir, ignore_errors=True)
        if reports and not failed:
            raise Failed(f"sanitizer report in {[n.name for n in reports]}")

    def form(self):
        """init, join, start, approve all at once, and wait until everybody is healthy."""
        first = self.nodes[0]
        made = first.init(self.cluster_id)
        self.join_string = made["join"]
        first.start()
        first.wait_state("healthy")
        for n in self.nodes[1:]:
            n.join(self.join_string)
            n.start()
        if self.nodes[1:]:
            self.approve(*[n.peer_id for n in self.nodes[1:]])
        self.wait_full()
        return self

    @property
    def admin_key(self):
        return f"@{self.nodes[0].admin_key}"

    def approve(self, *peer_ids):
        """Lets them in. Nodes that run are waited for until they knock: approved before that, they
        would count as absent, and a majority of absent members is a lock-out."""
        first = self.nodes[0]
        running = {n.peer_id for n in self.nodes if n is not first and n.running} & set(peer_ids)

        def there():
            seen = {p["peer_id"] for p in first.json("member", "pending")["pending"]}
            seen |= {p["peer_id"] for p in first.json("peer", "list")["peers"]}
            return running <= seen
        wait_until("all have knocked", there)
        return self.nodes[0].json("member", "add", *peer_ids, "--admin-key", self.admin_key, "--yes")

    def wait_all(self, state, nodes=None, patience=None):
        for n in nodes or self.nodes:
            n.wait_state(state, patience)

    def wait_full(self, nodes=None, patience=None):
        """Until each of the nodes sees all of them online."""
        nodes = nodes or self.nodes
        ids = {n.peer_id for n in nodes}
        for n in nodes:
            wait_until(f"{n.name} sees all", lambda n=n: all(
                n.members().get(i) in ("online", "self") for i in ids), patience)


    def wait_mesh(self, nodes=None, patience=None):
        """Until each of the nodes is connected to all others itself, not only told of them."""
        nodes = nodes or self.nodes
        for n in nodes:
            ids = {x.peer_id for x in nodes if x is not n}
            wait_until(f"{n.name} is connected to all", lambda n=n, ids=ids: ids <= {
                p["peer_id"] for p in n.json("peer", "list")["peers"]}, patience)


class Formed(unittest.TestCase):
    """Tests that share one cluster of SIZE nodes."""

    SIZE = 1

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(cls.SIZE)
        cls.cluster.form()
        cls.node, cls.other = cls.cluster[0], cls.cluster[-1]

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def fails(self, code, *args, reason=None, node=True, hint=True, **kw):
        """The error of a command that ends so, which says what to do."""
        a = (self.node.ctl if node else ctl)("--json", *args, check=False, **kw)
        self.assertEqual(a.code, code, (args, a.out, a.err))
        error = a.json["error"]
        self.assertTrue(error["message"], error)
        if hint:
            self.assertTrue(error["hint"], error)
        if reason:
            self.assertEqual(error["reason"], reason, error)
        return error


class Net:
    """Hosts in network namespaces, joined by one bridge; nothing leaves the machine."""

    def __init__(self, size, prefix="10.77.0.", hosts=None):
        self.tag = f"p{os.getpid() % 100000}"
        self.names = [f"{self.tag}n{i + 1}" for i in range(size)]
        self.hosts = hosts or [f"{prefix}{i + 1}" for i in range(size)]
        self.hub = f"{self.tag}hub"

    def __enter__(self):
        run(["ip", "netns", "add", self.hub])
        run(["ip", "link", "add", "br0", "type", "bridge"], netns=self.hub)
        run(["ip", "link", "set", "br0", "up"], netns=self.hub)
        for i, (name, host) in enumerate(zip(self.names, self.hosts)):
            run(["ip", "netns", "add", name])
            run(["ip", "link", "set", "lo", "up"], netns=name)
            run(["ip", "link", "add", "eth0", "netns", name, "type", "veth", "peer", "name",
                 f"v{i}", "netns", self.hub])
            run(["ip", "addr", "add", f"{host}/16", "dev", "eth0"], netns=name)
            run(["ip", "link", "set", "eth0", "up"], netns=name)
            run(["ip", "link", "set", f"v{i}", "master", "br0", "up"], netns=self.hub)
        return self

    def __exit__(self, *exc):
        for name in [*self.names, self.hub]:
            run(["ip", "netns", "del", name], check=False)

    def rules(self, name, *rules):
        """What this host does with packets that come in."""
        run(["nft", "-f", "-"], netns=name, stdin="\n".join([
            "table inet fault {", "chain input {", "type filter hook input priority 0;", *rules, "}", "}", ""]))

    def loss(self, percent, names=None):
        """Drops this share of the packets that come in at each of the hosts."""
        for name in names or self.names:
            self.rules(name, f'iifname "eth0" numgen random mod 100 < {percent} counter drop')

    def dropped(self):
        """How many packets were lost so far."""
        lists = [run(["nft", "list", "table", "inet", "fault"], netns=n).out for n in self.names]
        return sum(int(x) for text in lists for x in re.findall(r"counter packets (\d+)", text))

    def cut(self, name, hosts):
        """Host `name` no longer hears `hosts` (one way: what it sends still arrives there)."""
        self.rules(name, *(f"ip saddr {h} drop" for h in hosts))

    def heal(self, names=None):
        for name in names or self.names:
            run(["nft", "delete", "table", "inet", "fault"], netns=name, check=False)

    def split(self, left, right):
        """Indexes of hosts on either side of a clean partition."""
        for i in left:
            self.cut(self.names[i], [self.hosts[j] for j in right])
        for i in right:
            self.cut(self.names[i], [self.hosts[j] for j in left])
