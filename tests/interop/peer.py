# SPDX-License-Identifier: Apache-2.0
"""A libp2p node of somebody else's as a process that is told what to do, one JSON line a deed."""
import json
import os
import pathlib
import queue
import shutil
import subprocess
import threading
import time

from p2pos import PATIENCE, ROOT, Failed

HERE = pathlib.Path(__file__).resolve().parent
# Where `run` builds those that have to be built.
PEERS = pathlib.Path(os.environ.get("P2POS_PEERS", ROOT / "build" / "peers"))

TCP_NOISE, TCP_TLS, QUIC = STACKS = ["tcp+noise+yamux", "tcp+tls+yamux", "quic-v1"]
COMMANDS = {
    "go": [str(PEERS / "go" / "peer")],
    "rust": [str(PEERS / "rust" / "debug" / "p2pos-interop")],
    "js": ["node", str(HERE / "js" / "peer.mjs")],
}


# What p2posd is configured to, so that it speaks one stack alone.
NET = {
    TCP_NOISE: {"transports": ["tcp"], "security": ["noise"]},
    TCP_TLS: {"transports": ["tcp"], "security": ["tls"]},
    QUIC: {"transports": ["quic-v1"]},
}


def dial_addr(node, stack):
    """Where a p2posd is reached by this stack: one number, a port of TCP and of UDP."""
    part = f"/udp/{node.port}/quic-v1" if stack == QUIC else f"/tcp/{node.port}"
    return f"/ip4/{node.host}{part}/p2p/{node.peer_id}"


def use_release():
    """From now on the rust peer is the optimised one, which a bench needs and a test does not."""
    COMMANDS["rust"] = [str(PEERS / "rust" / "release" / "p2pos-interop")]


def missing(kind):
    """Why there is no such peer on this machine; None where there is one."""
    if kind == "js":
        there = shutil.which("node") and (HERE / "js" / "node_modules").is_dir()
    else:
        there = pathlib.Path(COMMANDS[kind][0]).exists()
    return None if there else f"no {kind} peer: its toolchain is missing"


class Refused(Failed):
    """The peer was asked to do something and could not."""


class Peer:
    """`do` asks and waits for the answer; `wait` waits for news; both fail after PATIENCE."""

    def __init__(self, kind, **start):
        self.kind = kind
        self.proc = subprocess.Popen(COMMANDS[kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True, env={**os.environ, "NODE_NO_WARNINGS": "1"})
        self.news = []
        self.answers = queue.Queue()
        self.arrived = threading.Condition()
        self.stderr = []
        self.asked = 0
        self.errors = threading.Thread(target=lambda: self.stderr.extend(self.proc.stderr), daemon=True)
        self.errors.start()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.peer_id, self.addrs = (lambda a: (a["peer_id"], a["addrs"]))(self.do("start", **start))
        except Exception:
            self.close()
            raise

    @property
    def addr(self):
        return self.addrs[0]

    def _read(self):
        for line in self.proc.stdout:
            what = json.loads(line)
            if "event" in what:
                with self.arrived:
                    self.news.append(what)
                    self.arrived.notify_all()
            else:
                self.answers.put(what)
        self.answers.put(None)

    def _answer(self):
        answer = self.answers.get(timeout=PATIENCE * 1.5)
        if answer is None:
            self.answers.put(None)  # for whoever asks next
            self.errors.join(PATIENCE)
            raise BrokenPipeError("it has ended")
        return answer

    def do(self, deed, **params):
        self.asked += 1
        try:
            self.proc.stdin.write(json.dumps({"id": self.asked, "do": deed, **params}) + "\n")
            self.proc.stdin.flush()
            answer = self._answer()
            while answer["id"] != self.asked:  # of a deed that was given up
                answer = self._answer()
        except (queue.Empty, OSError) as e:
            raise Failed(f"{self.kind} peer does not answer {deed}: {''.join(self.stderr)[-2000:]}") from e
        if not answer["ok"]:
            raise Refused(f"{self.kind} {deed}: {answer.get('name')}: {answer['error']}")
        return answer

    def refused(self, deed, **params):
        """Does it, expects that it fails, and returns the sentence."""
        try:
            answer = self.do(deed, **params)
        except Refused as e:
            return str(e)
        raise Failed(f"{self.kind} {deed} was not refused: {str(answer)[:400]}")

    def wait(self, event, since=0, **like):
        """The first news of this kind and content after the `since` first ones."""
        deadline = time.monotonic() + PATIENCE

        def find():
            return next((n for n in self.news[since:] if n["event"] == event
                         and all(n.get(k) == v for k, v in like.items())), None)
        with self.arrived:
            while not find():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failed(f"{self.kind} peer never told {event} {like}: {str(self.news)[-1500:]}")
                self.arrived.wait(left)
            return find()

    def close(self):
        if self.proc.poll() is None:
            self.proc.stdin.close()
            try:
                self.proc.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Js(Peer):
    """js-libp2p, of which the older chapters speak."""

    def __init__(self, **start):
        super().__init__("js", **start)
