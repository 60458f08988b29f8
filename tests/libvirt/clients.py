#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of libvirt's protocol as they should not be: a thousand at once, slow, truncated, oversize, deaf. Others are
served meanwhile, and what the server keeps for them is bounded.

  clients.py SERVER...      runs `SERVER... --root ROOT --sockets ROOT`

Needs root: works in a network namespace and a temporary root of its own."""
import ctypes
import grp
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time

failed = passed = 0


def check(name, ok, detail=""):
    global failed, passed
    print("%-72s %s %s" % (name, "ok" if ok else "FAILED", detail if not ok else ""))
    passed, failed = passed + ok, failed + (not ok)


def words(*values):
    return struct.pack(">%dI" % len(values), *values)


def text(value):
    value = value.encode()
    return words(len(value)) + value + b"\0" * (-len(value) % 4)


def message(procedure, payload=b"", serial=1):
    return words(28 + len(payload), 0x20008086, 1, procedure, 0, serial, 0) + payload


OPEN = message(1, words(1) + text("nwfilter:///system") + words(0))
LIST = message(286, words(1, 0), 2)


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.settimeout(30)

    def send(self, data):
        self.socket.sendall(data)

    def take(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(min(65536, size - len(data)))
            if not piece:
                raise EOFError
            data += piece
        return data

    def reply(self):
        """Status and payload."""
        length, = struct.unpack(">I", self.take(4))
        body = self.take(length - 4)
        return struct.unpack(">I", body[20:24])[0], body[24:]

    def is_let_go(self):
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def served(path):
    """True when an ordinary client gets its list of filters."""
    client = Client(path)
    client.send(OPEN + LIST)
    return client.reply()[0] == 0 and client.reply()[0] == 0


def kib(pid, what):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith(what + ":"))


def mode_of(path):
    return "%o" % (os.stat(path).st_mode & 0o777)


def reaches(path, user, group):
    """True when somebody with these ids may connect."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)
            socket.socket(socket.AF_UNIX).connect(path)
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def main():
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
        print("0 passed, 0 failed, 1 skipped: needs root for a network namespace")
        return 77
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    with tempfile.TemporaryDirectory() as root:
        path, read_only = os.path.join(root, "virtnwfilterd-sock"), os.path.join(root, "virtnwfilterd-sock-ro")
        os.chmod(root, 0o755)
        server = subprocess.Popen(sys.argv[1:] + ["--root", root, "--sockets", root], stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 20
            while not os.path.exists(read_only):
                if server.poll() is not None or time.monotonic() > until:
                    print("the server does not start")
                    return 1
                time.sleep(0.02)
            check("an ordinary client is served", served(path))
            before = kib(server.pid, "VmRSS")

            crowd = [Client(path) for _ in range(1000)]
            for client in crowd:
                client.send(OPEN)
            check("a thousand clients at once are served", all(c.reply()[0] == 0 for c in crowd))
            for client in crowd:
                client.send(LIST)
            check("each of them", all(c.reply()[0] == 0 for c in crowd))

            half = message(180, text("x" * 40000), 3)[:30000]
            for client in crowd:
                client.send(half)
            check("while a thousand hold half a message, others are served", served(path))
            check("what is kept of them is what they sent", kib(server.pid, "VmRSS") - before < 150 * 1024,
                  "%d KiB" % (kib(server.pid, "VmRSS") - before))
            slow = crowd[0]
            for client in crowd[1:]:
                client.socket.close()
            slow.send(message(180, text("x" * 40000), 3)[30000:])
            status, _ = slow.reply()
            check("who completes the message later gets the answer", status == 1)
            for value in LIST:
                slow.send(bytes([value]))
            check("byte by byte is as good", slow.reply()[0] == 0)

            for name, length in (("zero", 0), ("less than a header", 20), ("16 MiB", 16 << 20), ("4 GiB", 0xffffffff)):
                client = Client(path)
                client.send(words(length))
                check("a length of %s ends the connection" % name, client.is_let_go())
            check("others are served", served(path))

            deaf = Client(path)
            deaf.send(OPEN)
            deaf.socket.settimeout(2)
            sent = 0
            try:
                while sent < 64 << 20:
                    deaf.send(LIST * 100)
                    sent += len(LIST) * 100
            except (socket.timeout, BlockingIOError):
                pass
            check("who does not read is not read from", sent < 8 << 20, "%d bytes taken" % sent)
            check("others are served", served(path))
            deaf.socket.close()

            reader = Client(read_only)
            reader.send(OPEN + message(180, text("<filter name='a'/>"), 2) + message(399, text("<filterbinding/>") + words(0), 3) + LIST)
            check("a client of the read-only socket may open", reader.reply()[0] == 0)
            check("not define", reader.reply()[0] == 1)
            check("not bind", reader.reply()[0] == 1)
            check("but list", reader.reply()[0] == 0)
            check("the server lives", server.poll() is None and served(path))
            check("nobody but root may write to the other", mode_of(path) == "700" and not reaches(path, 65534, 65534))
            check("everybody may read", mode_of(read_only) == "777" and reaches(read_only, 65534, 65534))
        finally:
            server.terminate()
            server.wait()
        server = subprocess.Popen(sys.argv[1:] + ["--root", root, "--sockets", root, "--group", "daemon"], stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 20
            while not reaches(read_only, 0, 0) and time.monotonic() < until:
                time.sleep(0.02)
            group = grp.getgrnam("daemon").gr_gid
            check("a socket left behind is replaced; with a group it is the group's", mode_of(path) == "770" and os.stat(path).st_gid == group)
            check("a member may connect", reaches(path, 65534, group))
            check("who is none may not", not reaches(path, 65534, 65534))
            second = subprocess.run(sys.argv[1:] + ["--root", root, "--sockets", root], stderr=subprocess.PIPE, text=True)
            check("a second server is refused", second.returncode == 1 and "somebody listens" in second.stderr, second.stderr)
        finally:
            server.terminate()
            server.wait()
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
