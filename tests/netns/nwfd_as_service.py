#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nwfd as its unit has it, this test being the service manager: a socket that is there before the daemon, readiness, the
watchdog, a reload, an end, an upgrade that no client notices.

  nwfd_as_service.py NWFCTL NWFD [OPTION OF NWFD…]

Needs root: works in a network namespace and a temporary root of its own."""
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile

NWFCTL, NWFD = sys.argv[1], sys.argv[2:]
if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
    print("0 passed, 0 failed, 1 skipped: needs root for a network namespace")
    sys.exit(77)
failed = passed = 0


def check(name, ok, detail=""):
    global failed, passed
    print("%-70s %s %s" % (name, "ok" if ok else "FAILED", detail if not ok else ""), flush=True)
    passed, failed = passed + bool(ok), failed + (not ok)


class Manager:
    """What systemd does for the unit: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)."""

    def __init__(self, root):
        self.root = root
        os.makedirs(os.path.join(root, "run/nwf"))
        self.path = os.path.join(root, "run/nwf/nwfd.socket")
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listening.bind(self.path)
        self.listening.listen(16)
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.told.bind(os.path.join(root, "notify"))
        self.told.settimeout(30)
        self.daemon = None

    def start(self):
        # Only the process itself knows its id before it runs.
        script = 'export LISTEN_PID=$$ WATCHDOG_PID=$$; exec "$@" 3<&%d' % self.listening.fileno()
        self.daemon = subprocess.Popen(
            ["sh", "-c", script, "sh"] + NWFD + ["--root", self.root], pass_fds=[self.listening.fileno()], stderr=subprocess.DEVNULL,
            env=dict(os.environ, LISTEN_FDS="1", LISTEN_FDNAMES="nwfd.socket", NOTIFY_SOCKET=os.path.join(self.root, "notify"),
                     WATCHDOG_USEC="200000"))

    def next(self, *wanted):
        """The first of the wanted notifications that comes, as a dictionary; None when none does."""
        try:
            while True:
                told = dict(line.split("=", 1) for line in self.told.recv(4096).decode().splitlines())
                if any(key in told for key in wanted):
                    return told
        except socket.timeout:
            return None

    def end(self):
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()


with tempfile.TemporaryDirectory() as root:
    manager = Manager(root)
    try:
        def ask():
            return subprocess.Popen([NWFCTL, "--root", root, "--json", "top", "--interval", "0.01"], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
        early = ask()
        manager.start()
        check("it says that it is ready", (manager.next("READY") or {}).get("READY") == "1")
        out, err = early.communicate(timeout=60)
        check("who asked before it ran is answered", early.returncode == 0 and '"version"' in out, err)
        check("the watchdog is fed", (manager.next("WATCHDOG") or {}).get("WATCHDOG") == "1")
        manager.daemon.send_signal(signal.SIGHUP)
        begun = manager.next("RELOADING")
        check("a reload begins", begun is not None and int(begun.get("MONOTONIC_USEC", 0)) > 0, begun)
        check("and ends", (manager.next("READY") or {}).get("READY") == "1")
        manager.daemon.terminate()
        check("an end is told", (manager.next("STOPPING") or {}).get("STOPPING") == "1")
        check("and is one", manager.daemon.wait(30) == 0)
        check("the socket is the manager's and stays", os.path.exists(manager.path))
        waiting = ask()
        manager.start()
        out, err = waiting.communicate(timeout=60)
        check("who asks during an upgrade is answered by the new one", waiting.returncode == 0 and '"version"' in out, err)
    finally:
        manager.end()
print("%d passed, %d failed, 0 skipped" % (passed, failed))
sys.exit(1 if failed else 0)
