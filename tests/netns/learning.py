#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nwfd while ports learn: many at once, a guest that floods, and killed at any moment.

  learning.py [--kills N] NWFCTL NWFD [OPTION OF NWFD…]

Works in network namespaces of its own. Figures are printed, not judged."""
import argparse
import ctypes
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000  # linux/sched.h
SKIPPED = 77
PORTS = 1000  # a bridge takes 1,023
LIBC = ctypes.CDLL(None, use_errno=True)
failed = passed = 0


def check(name, ok, detail=""):
    global failed, passed
    print("%-76s %s %s" % (name, "ok" if ok else "FAILED", detail if not ok else ""), flush=True)
    passed, failed = passed + bool(ok), failed + (not ok)


def wait_for(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("never came: " + what)
        time.sleep(0.02)


def run(*words, **more):
    return subprocess.run(words, check=True, text=True, capture_output=True, **more).stdout


def mac(number):
    return "52:54:00:01:%02x:%02x" % (number >> 8, number & 255)


def ip(number):
    return "10.%d.%d.%d" % (50 + (number >> 16), number >> 8 & 255, number & 255)


def announcement(number, address=None):
    """A gratuitous ARP frame (RFC 826) of this guest."""
    hardware, own = bytes.fromhex(mac(number).replace(":", "")), socket.inet_aton(address or ip(number))
    return b"\xff" * 6 + hardware + b"\x08\x06" + b"\x00\x01\x08\x00\x06\x04\x00\x01" + hardware + own + bytes(6) + own


class Wire:
    """Guests in a namespace, each the other end of a port of the bridge."""

    def __init__(self, count):
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        run("ip", "link", "set", "br0", "up")
        self.host = os.open("/proc/self/ns/net", os.O_RDONLY)
        LIBC.unshare(CLONE_NEWNET)
        self.guests = os.open("/proc/self/ns/net", os.O_RDONLY)
        os.set_inheritable(self.guests, True)
        LIBC.setns(self.host, CLONE_NEWNET)
        there = "/proc/%d/fd/%d" % (os.getpid(), self.guests)
        lines = ["link add vnet%d type veth peer name g%d netns %s" % (i, i, there) for i in range(count)]
        lines += ["link set vnet%d master br0 up" % i for i in range(count)]
        run("ip", "-batch", "-", input="\n".join(lines) + "\n")
        LIBC.setns(self.guests, CLONE_NEWNET)
        for switch in ("all", "default"):
            pathlib.Path("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % switch).write_text("1")
        run("ip", "-batch", "-", input="".join("link set g%d up\n" % i for i in range(count)))
        self.sockets = []
        for i in range(count):
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            made.bind(("g%d" % i, 0))
            self.sockets.append(made)
        LIBC.setns(self.host, CLONE_NEWNET)

    def listen(self, number):
        LIBC.setns(self.guests, CLONE_NEWNET)
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        made.bind(("g%d" % number, 0))
        LIBC.setns(self.host, CLONE_NEWNET)
        return made


class Host:
    def __init__(self, nwfctl, nwfd):
        self.root = tempfile.mkdtemp()
        self.nwfctl, self.command, self.nwfd = nwfctl, nwfd + ["--root", self.root], None

    def start(self):
        socket_file = self.root + "/run/nwf/nwfd.socket"
        if os.path.exists(socket_file):
            os.unlink(socket_file)
        self.nwfd = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        wait_for("nwfd", lambda: os.path.exists(socket_file) or self.nwfd.poll() is not None)

    def kill(self):
        self.nwfd.kill()
        self.nwfd.wait()

    def ctl(self, *words, **more):
        return run(self.nwfctl, "--root", self.root, *words, **more)

    def learned(self):
        return {one["port"]: one["address"] for one in json.loads(self.ctl("learned", "list", "--json"))["learned"]}

    def metrics(self):
        with socket.socket(socket.AF_UNIX) as asker:
            asker.connect(self.root + "/run/nwf/metrics.socket")
            asker.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            text = b""
            while True:
                part = asker.recv(65536)
                if not part:
                    break
                text += part
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in text.decode().splitlines() if line and line[0] not in "#H" and " " in line and line[:3] == "nwf"}

    def cpu_seconds(self):
        fields = pathlib.Path("/proc/%d/stat" % self.nwfd.pid).read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self):
        return int(pathlib.Path("/proc/%d/statm" % self.nwfd.pid).read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def binding(number, more=""):
    return ("<filterbinding><portdev name='vnet%d'/><mac address='%s'/><filterref filter='clean-traffic'>"
            "<parameter name='CTRL_IP_LEARNING' value='any'/>%s</filterref></filterbinding>" % (number, mac(number), more))


def quantile(metrics, share):
    """The upper end of the class below which this share of the frames was enforced, in milliseconds."""
    total = metrics["nwf_learn_seconds_count"]
    for name, value in metrics.items():
        if name.startswith("nwf_learn_seconds_bucket") and value >= share * total:
            return name.split('"')[1]
    return "?"


def woken_late(count=1000):
    """(half, 99 %) of how late this machine wakes a process that sleeps a millisecond, in seconds: what it adds to everything."""
    late = []
    for _ in range(count):
        begin = time.monotonic()
        time.sleep(0.001)
        late.append(time.monotonic() - begin - 0.001)
    late.sort()
    return late[count // 2], late[count * 99 // 100]


def many_at_once(host, wire):
    documents = pathlib.Path(host.root, "documents")
    documents.mkdir()
    for i in range(PORTS):
        (documents / ("%d.xml" % i)).write_text(binding(i))
    host.ctl("apply", str(documents))
    check("1,000 ports wait for an address", host.learned() == {})
    before = host.cpu_seconds()
    time.sleep(5)
    print("idle, 1,000 ports learning: %.2f %% of a core, %.1f MiB resident" % ((host.cpu_seconds() - before) * 20, host.resident_mib()))
    start = time.monotonic()
    for i in range(PORTS):
        while time.monotonic() < start + i / 1000:
            pass
        wire.sockets[i].send(announcement(i))
    wait_for("all are learned", lambda: len(host.learned()) == PORTS, 60)
    check("each has learned its own", host.learned() == {"vnet%d" % i: ip(i) for i in range(PORTS)})
    metrics = host.metrics()
    print("1,000 learns in a second: enforced after a frame within %s s (half), %s s (99 %%); resident %.1f MiB" %
          (quantile(metrics, 0.5), quantile(metrics, 0.99), host.resident_mib()))
    print("this machine wakes a sleeper late by %.4f s (half), %.4f s (99 %%)" % woken_late())
    check("the kernel holds it", json.loads(host.ctl("status", "--json"))["in_sync"])


def a_flood(host, wire):
    host.ctl("learned", "forget", "vnet0")
    host.ctl("learned", "forget", "vnet1")
    before, started = host.metrics(), host.cpu_seconds()
    host.ctl("learned", "forget", "vnet2")
    flooding = subprocess.Popen([sys.executable, "-c", FLOOD, "2", mac(2)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True, preexec_fn=lambda: LIBC.setns(wire.guests, CLONE_NEWNET))
    wait_for("the flood is noticed", lambda: host.metrics()["nwf_learner_limited_total"] > before["nwf_learner_limited_total"])
    wire.sockets[0].send(announcement(0))
    wait_for("another port learns meanwhile", lambda: host.learned().get("vnet0") == ip(0))
    host.ctl("binding", "set", "vnet1", "IP=" + ip(1))
    check("and a binding changes", ip(1) in host.ctl("binding", "dumpxml", "vnet1"))
    sent, seconds = map(float, flooding.communicate("\n")[0].split())
    after = host.metrics()
    looked = after["nwf_learner_frames_total"] - before["nwf_learner_frames_total"]
    print("a flood of %.0f frames a second: %.1f %% looked at, %.1f %% of a core, %.1f MiB resident" %
          (sent / seconds, 100 * looked / sent, 100 * (host.cpu_seconds() - started) / seconds, host.resident_mib()))
    check("of a flood little is looked at", looked < sent / 10, (looked, sent))
    check("and one address is learned, the first", host.learned()["vnet2"].startswith("10.99."), host.learned()["vnet2"])


FLOOD = """
import select, socket, sys, time
number, mac = sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", ""))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
s.bind(("g" + number, 0))
def frame(i):
    own = bytes([10, 99, i >> 8 & 255, i & 255])
    if i % 2:  # a question to DHCP servers, which are listened to as long as the port is bound
        question = b"\\1\\1\\6\\0" + i.to_bytes(4, "big") + bytes(20) + mac + bytes(202) + b"\\x63\\x82\\x53\\x63\\x35\\1\\1\\xff"
        udp = b"\\0\\x44\\0\\x43" + (8 + len(question)).to_bytes(2, "big") + bytes(2) + question
        head = b"\\x45\\0" + (20 + len(udp)).to_bytes(2, "big") + bytes(4) + b"\\x40\\x11\\0\\0" + bytes(4) + b"\\xff" * 4
        return b"\\xff" * 6 + mac + b"\\x08\\0" + head + udp
    return b"\\xff" * 6 + mac + b"\\x08\\x06\\x00\\x01\\x08\\x00\\x06\\x04\\x00\\x01" + mac + own + bytes(6) + own
frames = [frame(i) for i in range(4096)]
sent, start = 0, time.monotonic()
while time.monotonic() < start + 2 or not select.select([sys.stdin], [], [], 0)[0]:
    for f in frames:
        try:
            s.send(f)
            sent += 1
        except OSError:
            pass
print(sent, time.monotonic() - start)
"""


def killed(host, wire, kills, seed):
    """What was said to be learned or bound before a kill is there after it, and a forged frame never passes."""
    dice = random.Random(seed)
    first = PORTS - 40
    witness = wire.listen(PORTS - 1)
    witness.setblocking(False)
    lost = leaked = 0
    for i in range(first, PORTS):
        host.ctl("learned", "forget", "vnet%d" % i)
    for round_ in range(kills):
        known = dict(host.learned())
        for _ in range(3):
            i = dice.randrange(first, PORTS - 1)
            deed = dice.choice(("announce", "forget", "bind"))
            if deed == "announce":
                wire.sockets[i].send(announcement(i))
            elif deed == "forget":
                subprocess.Popen([host.nwfctl, "--root", host.root, "learned", "forget", "vnet%d" % i],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait()
                known.pop("vnet%d" % i, None)
            else:
                gone = subprocess.run([host.nwfctl, "--root", host.root, "binding", "delete", "vnet%d" % i], capture_output=True)
                back = subprocess.run([host.nwfctl, "--root", host.root, "binding", "create", "-"], input=binding(i).encode(),
                                      capture_output=True)
                assert gone.returncode == 0 and back.returncode == 0, (gone, back)
                known.pop("vnet%d" % i, None)
        forger = dice.choice([n for n in range(first - 5, first)])
        time.sleep(dice.random() * 0.004)
        host.kill()
        tag = b"forged %d" % round_
        wire.sockets[forger].send(b"\xff" * 6 + bytes.fromhex(mac(PORTS + 1).replace(":", "")) + b"\x08\x00" + tag + bytes(50))
        there = host.learned()
        lost += sum(there.get(port) != address for port, address in known.items())
        host.start()
        there = host.learned()
        lost += sum(there.get(port) != address for port, address in known.items())
        try:
            while True:
                leaked += tag in witness.recv(2048)
        except BlockingIOError:
            pass
    host.ctl("reconcile")
    check("nwfd killed %d times (seed %d): nothing that was learned is lost" % (kills, seed), lost == 0, lost)
    check("and no forged frame passed", leaked == 0, leaked)
    check("kernel and state agree", json.loads(host.ctl("status", "--json"))["in_sync"])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--kills", type=int, default=25)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments.add_argument("nwfctl")
    arguments.add_argument("nwfd", nargs="+")
    given, options = arguments.parse_known_args()
    if LIBC.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 or not shutil.which("ip"):
        print("skipped: needs root for a network namespace, and ip")
        return SKIPPED
    # What is learned lies below /run, which is memory on every host.
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    tempfile.tempdir = "/run"
    host, wire = Host(given.nwfctl, given.nwfd + options), Wire(PORTS)
    host.start()
    try:
        many_at_once(host, wire)
        a_flood(host, wire)
        killed(host, wire, given.kills, given.seed)
    finally:
        host.nwfd.send_signal(signal.SIGTERM)
        host.nwfd.wait()
        shutil.rmtree(host.root)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


sys.exit(main())
