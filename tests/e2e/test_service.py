# SPDX-License-Identifier: Apache-2.0
"""What a service manager sees: the units, the words that p2posd tells it, and the state as files.

Units that really start and stop are tested by tests/packages, in machines that boot."""
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from p2pos import BUILD, P2POSCTL, P2POSD, PATIENCE, ROOT, Cluster, free_port, run, wait_until

ANALYZE = shutil.which("systemd-analyze")
EXPOSURE_MAX = 1.1  # operator.md, "Files and unit"
STATE = BUILD / "p2pos-state"


class Supervisor:
    """The socket that systemd would give to a service, and what was said to it."""

    def __init__(self, directory):
        self.path = pathlib.Path(directory) / "notify"
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.s.bind(str(self.path))
        self.s.settimeout(PATIENCE)
        self.heard = []

    def until(self, what):
        """Reads until a message satisfies `what`, and returns that one."""
        while True:
            text = self.s.recv(4096).decode()
            self.heard.append(text)
            if what(text):
                return text

    def close(self):
        self.s.close()


class Units(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory(prefix="p2pos-e2e-")
        cls.prefix = pathlib.Path(cls.tmp.name) / "usr"
        # systemd looks whether the programs are there.
        for name, folder in (("p2posd", "bin"), ("p2posctl", "bin"), ("p2pos-state", "libexec/p2pos")):
            (cls.prefix / folder).mkdir(parents=True, exist_ok=True)
            os.symlink(BUILD / name, cls.prefix / folder / name)
        run(["make", "-s", "-C", ROOT, "units", f"BUILD={cls.tmp.name}", f"PREFIX={cls.prefix}"])
        cls.units = pathlib.Path(cls.tmp.name) / "units"

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    def setUp(self):
        if not ANALYZE:
            self.skipTest("no systemd-analyze on this machine")

    def analyze(self, *args):
        return run([ANALYZE, *args], check=False, env={"SYSTEMD_UNIT_PATH": f"{self.units}:"})

    def test_every_unit_is_there(self):
        self.assertEqual({p.name for p in self.units.iterdir()},
                         {p.stem for p in (ROOT / "packaging/systemd").glob("*.in")})
        self.assertIn("p2posd.service", {p.name for p in self.units.iterdir()})

    def test_verify_is_silent(self):
        for unit in sorted(self.units.iterdir()):
            name = unit.name.replace("@.", "@healthy.")
            a = self.analyze("verify", self.units / name)
            self.assertEqual((a.code, a.out + a.err), (0, ""), name)

    def test_exposure_is_small(self):
        for name in ("p2posd.service", "p2pos-state.service", "p2pos-hold@.service"):
            a = self.analyze("security", "--offline=true", "--no-pager", self.units / name)
            found = re.search(r"Overall exposure level.*: ([0-9.]+)", a.out)
            self.assertTrue(found, a.out + a.err)
            self.assertLessEqual(float(found[1]), EXPOSURE_MAX, name)


@unittest.skipUnless(os.geteuid() == 0, "needs other users")
class Readers(unittest.TestCase):
    """control.read_only_group where the daemon cannot see who calls, as under PrivateUsers=yes."""

    GROUP, GID = "daemon", 1  # a group that every machine has

    def prepare(self, node):
        """What the unit does before p2posd starts: its own line, with the paths of this test."""
        unit = (ROOT / "packaging/systemd/p2posd.service.in").read_text()
        line = re.search(r"^ExecStartPre=\+-/bin/sh -c '(.*)'$", unit, re.M)[1].replace("$$", "$")
        for old, new in (("@bindir@", BUILD), ("/etc/p2pos/config.json", node.dir / "config.json"), ("-o p2pos", "-o root"),
                         ("/run/p2pos-readers", f"{node.dir}-readers")):
            self.assertIn(old, line)
            line = line.replace(old, str(new))
        return run(["/bin/sh", "-c", line], check=False)

    def ask(self, node, *args, group=None):
        groups = [f"--groups={group}"] if group else ["--clear-groups"]
        return run(["setpriv", "--reuid=65534", "--regid=65534", *groups, P2POSCTL, "--json", "--socket", node.socket, *args], check=False)

    def test_the_group_may_ask_and_nobody_else(self):
        with Cluster(1) as c:
            n = c[0]
            c.dir.chmod(0o711)
            n.init()
            # A namespace in which there is no user but root, and a daemon of that user.
            n.runner = ["unshare", "--user", "--map-root-user"]
            door = pathlib.Path(f"{n.dir}-readers")
            self.prepare(n)
            self.assertFalse(door.exists())
            n.configure(control={"read_only_group": self.GROUP})
            self.prepare(n)
            self.assertEqual((door.stat().st_mode & 0o777, door.stat().st_gid), (0o750, self.GID))
            n.start()
            a = self.ask(n, "rpc", "call", "rpc.hello", group=self.GID)
            self.assertEqual((a.code, a.json["role"]), (0, "reader"), a.out)
            self.assertEqual(self.ask(n, "status", group=self.GID).json["node"]["state"], "healthy")
            a = self.ask(n, "node", "stop", group=self.GID)
            self.assertEqual((a.code, a.json["error"]["reason"]), (77, "permission_denied"))
            for group in (None, 2):
                a = self.ask(n, "status", group=group)
                self.assertEqual((a.code, a.json["error"]["reason"]), (77, "permission_denied"), a.out)
            self.assertEqual(n.rpc("rpc.hello")["role"], "admin")
            n.stop()
            self.assertEqual(list(door.iterdir()), [])
            # Without the key it is shut.
            n.configure(control={})
            self.prepare(n)
            self.assertEqual((door.stat().st_mode & 0o777, door.stat().st_gid), (0o750, 0))

    def test_without_its_directory_the_group_is_shut_out_and_the_log_says_so(self):
        with Cluster(1) as c:
            n = c[0]
            c.dir.chmod(0o711)
            n.init()
            n.configure(control={"read_only_group": self.GROUP})
            n.runner = ["unshare", "--user", "--map-root-user"]
            n.start()
            self.assertIn("action=readers_shut_out", n.log())
            self.assertEqual(self.ask(n, "status", group=self.GID).code, 77)


class Notify(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster(1))
        self.node = self.cluster[0]
        self.supervisor = Supervisor(self.cluster.dir)
        self.addCleanup(self.supervisor.close)
        self.node.extra_env = {"NOTIFY_SOCKET": str(self.supervisor.path), "WATCHDOG_USEC": "400000"}
        self.node.init()
        self.node.start(wait=False)

    def enterContext(self, cm):  # of the standard library from 3.11 on, which Debian 12 has
        value = cm.__enter__()
        self.addCleanup(cm.__exit__, None, None, None)
        return value

    def test_ready_means_that_sockets_and_database_are_open(self):
        text = self.supervisor.until(lambda t: "READY=1" in t)
        # All of this without waiting.
        socket.create_connection((self.node.host, self.node.port), timeout=PATIENCE).close()
        self.assertTrue((self.node.dir / "p2pos.db").exists())
        self.assertEqual(self.node.ctl("rpc", "call", "rpc.hello").code, 0)
        self.assertRegex(text, r"^READY=1\nSTATUS=\w+, \d+/\d+ members online, \d+ peers")

    def test_the_status_follows_the_state_in_words(self):
        self.supervisor.until(lambda t: "STATUS=healthy, 1/1 members online, 0 peers" in t)
        self.assertEqual(len([t for t in self.supervisor.heard if "STOPPING" in t]), 0)

    def test_a_reload_begins_and_ends(self):
        self.supervisor.until(lambda t: "STATUS=healthy" in t)
        self.node.proc.send_signal(signal.SIGHUP)
        text = self.supervisor.until(lambda t: "RELOADING=1" in t)
        self.assertRegex(text, r"^RELOADING=1\nMONOTONIC_USEC=\d+\n")
        self.supervisor.until(lambda t: "READY=1" in t)

    def test_the_watchdog_is_fed_for_as_long_as_the_node_runs(self):
        for _ in range(4):
            self.supervisor.until(lambda t: t == "WATCHDOG=1")
        self.node.stop()
        self.supervisor.until(lambda t: t.startswith("STOPPING=1\nSTATUS=stopping"))


class State(unittest.TestCase):
    """p2pos-state beside real nodes."""

    def follow(self, node, *args):
        self.marks = node.dir / "state"
        proc = subprocess.Popen([str(STATE), "--socket", str(node.socket), "--dir", str(self.marks), *args],
                                stdout=subprocess.DEVNULL)

        def end():
            if proc.poll() is None:
                proc.terminate()
            self.assertEqual(proc.wait(timeout=PATIENCE), 0)
        self.addCleanup(end)
        return proc

    def there(self):
        return {p.name for p in self.marks.iterdir()} if self.marks.exists() else set()

    def await_marks(self, *names):
        wait_until(f"marks are {names}", lambda: self.there() == set(names))

    def test_the_files_follow_the_node_up_and_down_and_away(self):
        with Cluster(3) as c:
            c.form()
            first = c[0]
            self.follow(first, "--up-after", "0")
            self.await_marks("configured", "healthy")
            text = (self.marks / "healthy").read_text()
            self.assertIn('P2POS_PREVIOUS="', text)
            self.assertRegex(text, r"P2POS_ONLINE=[23]\nP2POS_MEMBERS=3\n")
            for n in c.nodes[1:]:
                n.kill()
            self.await_marks("configured", "degraded")
            self.assertIn('P2POS_PREVIOUS="healthy"', (self.marks / "degraded").read_text())
            for n in c.nodes[1:]:
                n.start()
            self.await_marks("configured", "healthy")
            first.stop()
            self.await_marks()
            first.start()
            self.await_marks("configured", "healthy")

    def test_a_node_that_hangs_is_not_healthy(self):
        with Cluster(1) as c:
            c.form()
            self.follow(c[0], "--up-after", "0")
            self.await_marks("configured", "healthy")
            c[0].freeze()
            self.await_marks()
            c[0].thaw()
            self.await_marks("configured", "healthy")

    def test_with_patience_a_restart_is_not_noticed(self):
        with Cluster(1) as c:
            c.form()
            self.follow(c[0], "--up-after", "0", "--down-after", "3600")
            self.await_marks("configured", "healthy")
            before = (self.marks / "healthy").stat().st_ino
            c[0].stop()
            c[0].start()
            c[0].wait_state("healthy")
            self.assertEqual((self.marks / "healthy").stat().st_ino, before)

    def test_its_end_leaves_no_claim_behind(self):
        with Cluster(1) as c:
            c.form()
            proc = self.follow(c[0], "--up-after", "0")
            self.await_marks("configured", "healthy")
            hold = subprocess.Popen([str(STATE), "--hold", str(self.marks / "healthy")])
            self.addCleanup(hold.kill)
            proc.terminate()
            self.assertEqual(hold.wait(timeout=PATIENCE), 0)
            self.assertEqual(proc.wait(timeout=PATIENCE), 0)
            self.assertEqual(self.there(), set())

    def test_holding_what_is_not_there_ends_at_once(self):
        self.assertEqual(run([STATE, "--hold", "/nonexistent/healthy"]).code, 0)

    def test_bad_arguments_are_one_line_and_64(self):
        for args in (["--up-after", "-1"], ["--up-after", "x"], ["--down-after", "3601"], ["word"],
                     ["--socket", "/" + "x" * 200]):
            a = run([STATE, *args], check=False)
            self.assertEqual((a.code, len(a.err.splitlines())), (64, 1), a.err)
        self.assertEqual(run([STATE, "--dir", "/proc/nope"], check=False).code, 73)


class Kept:
    """A node whose systemd is this test: it keeps the sockets that p2posd gives it, and hands them to the
    next process."""

    def __init__(self, node):
        self.node = node
        self.supervisor = Supervisor(node.dir)
        self.fds = {}

    def close(self):
        self.supervisor.close()
        for fd in self.fds.values():
            os.close(fd)

    def stop(self):
        """Ends the node, and does all that it asked for."""
        code = self.node.stop()
        self.supervisor.s.setblocking(False)
        self.hear(None)
        self.supervisor.s.settimeout(PATIENCE)
        return code

    def hear(self, what):
        """Reads what p2posd says until `what`, or as long as there is something, and keeps what it gives."""
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.supervisor.s, 4096, 4)
            except BlockingIOError:
                return
            lines = data.decode().splitlines()
            name = next((x[7:] for x in lines if x.startswith("FDNAME=")), None)
            if "FDSTORE=1" in lines:
                assert "FDPOLL=0" in lines, lines
                if name in self.fds:
                    os.close(self.fds.pop(name))
                self.fds[name] = fds[0]
            elif "FDSTOREREMOVE=1" in lines:
                os.close(self.fds.pop(name))
            if what in lines:
                return

    def start(self):
        """As Node.start(), with what is kept from descriptor 3 on."""
        names = list(self.fds)
        high = [fcntl.fcntl(self.fds[n], fcntl.F_DUPFD, 100) for n in names]
        moves = " ".join(f"{3 + i}<&{fd}" for i, fd in enumerate(high)) + " ".join(f" {fd}<&-" for fd in high)
        script = f'LISTEN_PID=$$ exec "$0" "$@" {moves}'
        env = {**os.environ, "NOTIFY_SOCKET": str(self.supervisor.path)}
        if names:
            env.update(LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=":".join(names))
        with open(self.node.log_path, "ab") as log:
            self.node.proc = subprocess.Popen(["bash", "-c", script, str(P2POSD), "--data-dir", str(self.node.dir)],
                                              stdout=log, stderr=log, env=env, pass_fds=high)
        for fd in high:
            os.close(fd)
        self.hear("READY=1")


class Restart(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster(1)
        self.addCleanup(self.cluster.__exit__, None, None, None)
        self.node = self.cluster[0]
        self.node.init()
        self.kept = Kept(self.node)
        self.addCleanup(self.kept.close)
        self.start()

    def start(self):
        self.kept.start()
        self.node.wait_state("healthy")

    def door(self):
        return f"tcp-{self.node.host}-{self.node.port}"

    def test_nobody_is_turned_away_while_the_node_restarts(self):
        self.assertTrue({self.door(), "control"} <= set(self.kept.fds), self.kept.fds)
        inode = self.node.socket.stat().st_ino
        over = threading.Event()
        tries, refused = [0], []

        def knock():
            while not over.wait(0.01):  # not faster than the kernel's queue is long while nobody accepts
                tries[0] += 1
                try:
                    socket.create_connection((self.node.host, self.node.port), timeout=PATIENCE).close()
                    with socket.socket(socket.AF_UNIX) as s:
                        s.setblocking(False)
                        s.connect(str(self.node.socket))
                except BlockingIOError:
                    pass  # the queue of the control socket is full, which is no refusal
                except OSError as e:
                    refused.append(e)
        visitor = threading.Thread(target=knock)
        visitor.start()
        try:
            for _ in range(3):
                self.assertEqual(self.kept.stop(), 0)
                before = tries[0]
                wait_until("somebody knocks while no process is there", lambda: tries[0] > before + 10)
                self.start()
        finally:
            over.set()
            visitor.join()
        self.assertEqual(refused, [])
        self.assertGreater(tries[0], 30)
        self.assertEqual(self.node.socket.stat().st_ino, inode)

    def test_a_door_of_an_earlier_configuration_is_let_go(self):
        old = self.door()
        self.assertIn(old, self.kept.fds)
        self.kept.stop()
        self.node.port = free_port()
        self.node.configure(listen=[self.node.listen])
        self.start()
        self.assertIn(self.door(), self.kept.fds)
        self.assertNotIn(old, self.kept.fds)

    def test_a_reload_lets_go_of_the_doors_it_closes(self):
        old = self.door()
        self.node.port = free_port()
        self.node.configure(listen=[self.node.listen])
        self.node.proc.send_signal(signal.SIGHUP)
        self.kept.hear("RELOADING=1")
        self.kept.hear("READY=1")
        self.assertNotIn(old, self.kept.fds)
        self.assertIn(self.door(), self.kept.fds)

    def test_a_control_socket_whose_file_is_gone_is_made_anew(self):
        self.kept.stop()
        self.node.socket.unlink()
        self.start()
        self.assertEqual(self.node.ctl("status").code, 0)

    def test_nobody_needs_to_be_told_where_there_is_nobody(self):
        a = self.node.rpc("node.restarting")
        self.assertEqual((a["members"], a["told"]), (0, 0))


class Rolling(unittest.TestCase):
    """Restarts that are announced, as the unit does it (ExecStop=)."""

    def form(self, size):
        cluster = Cluster(size)
        self.addCleanup(cluster.__exit__, None, None, None)
        cluster.form()
        kept = [Kept(n) for n in cluster]
        for k in kept:
            self.addCleanup(k.close)
            k.node.stop()
            k.start()
        self.acquainted(cluster)
        cluster.wait_all("healthy")
        self.marks = {n.name: len(n.log()) for n in cluster}
        return cluster, kept

    def acquainted(self, cluster):
        """Until everybody has heard what the others understand."""
        cluster.wait_mesh()
        for n in cluster:
            others = {x.peer_id for x in cluster if x is not n}
            wait_until(f"{n.name} has identified all", lambda n=n, others=others: all(
                "/p2pos/restart/1.0.0" in n.rpc("peer.get", peer=p)["peer"]["protocols"] for p in others))

    def since(self, node):
        return node.log()[self.marks[node.name]:]

    def nobody_was_missed(self, cluster):
        for n in cluster:
            self.assertNotIn("next=degraded", self.since(n), n.name)
            self.assertNotIn("action=member_offline", self.since(n), n.name)

    def test_five_nodes_one_after_the_other(self):
        cluster, kept = self.form(5)
        for k in kept:
            self.assertEqual(k.node.rpc("node.restarting")["told"], 4)
            k.stop()
            k.start()
            k.node.wait_state("healthy")
            self.acquainted(cluster)
        self.nobody_was_missed(cluster)

    def test_two_of_three_at_once(self):
        cluster, kept = self.form(3)
        for k in kept[1:]:
            self.assertEqual(k.node.rpc("node.restarting")["told"], 2)
        for k in kept[1:]:
            k.stop()
        self.assertEqual(cluster[0].state, "healthy")
        for k in kept[1:]:
            k.start()
        cluster.wait_mesh()
        self.nobody_was_missed(cluster)
