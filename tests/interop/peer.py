# SPDX-License-Identifier: Apache-2.0
"""A js-libp2p node as a process that is told what to do, one JSON line a deed."""
import json
import os
import pathlib
import queue
import subprocess
import threading
import time

from p2pos import PATIENCE, Failed

HERE = pathlib.Path(__file__).resolve().parent


class Refused(Failed):
    """The js node was asked to do something and could not."""


class Js:
    """`do` asks and waits for the answer; `wait` waits for news; both fail after PATIENCE."""

    def __init__(self, **start):
        self.proc = subprocess.Popen(["node", str(HERE / "js" / "peer.mjs")], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                     env={**os.environ, "NODE_NO_WARNINGS": "1"})
        self.news = []
        self.answers = queue.Queue()
        self.arrived = threading.Condition()
        self.stderr = []
        self.asked = 0
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=lambda: self.stderr.extend(self.proc.stderr), daemon=True).start()
        try:
            self.peer_id, self.addrs = (lambda a: (a["peer_id"], a["addrs"]))(self.do("start", **start))
        except Exception:
            self.close()
            raise
        self.addr = self.addrs[0]

    def _read(self):
        for line in self.proc.stdout:
            what = json.loads(line)
            if "event" in what:
                with self.arrived:
                    self.news.append(what)
                    self.arrived.notify_all()
            else:
                self.answers.put(what)

    def do(self, deed, **params):
        self.asked += 1
        try:
            self.proc.stdin.write(json.dumps({"id": self.asked, "do": deed, **params}) + "\n")
            self.proc.stdin.flush()
            answer = self.answers.get(timeout=PATIENCE * 1.5)
        except (queue.Empty, OSError) as e:
            raise Failed(f"js node does not answer {deed}: {''.join(self.stderr)[-2000:]}") from e
        if not answer["ok"]:
            raise Refused(f"js {deed}: {answer.get('name')}: {answer['error']}")
        return answer

    def refused(self, deed, **params):
        """Does it, expects that it fails, and returns the sentence."""
        try:
            answer = self.do(deed, **params)
        except Refused as e:
            return str(e)
        raise Failed(f"js {deed} was not refused: {str(answer)[:400]}")

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
                    raise Failed(f"js node never told {event} {like}: {str(self.news)[-1500:]}")
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
