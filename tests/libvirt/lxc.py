#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/examples/container.xml with a real container of LXC: bound before the container is there, guarded from its first
frame, still bound when it has gone.

  lxc.py NWFCTL EXAMPLE.XML

Needs root and lxc-execute: works in namespaces and a temporary root of its own."""
import ctypes
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peer"))
sys.dont_write_bytecode = True
from packets import base, frame  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
from through_nwfd import through_nwfd  # noqa: E402

NWFCTL, EXAMPLE = sys.argv[1], sys.argv[2]
MAC, IP, FOREIGN_MAC, FOREIGN_IP = "52:54:00:00:00:01", "192.0.2.1", "52:54:00:99:99:99", "192.0.2.9"
CONFIGURATION = """lxc.uts.name = web
lxc.net.0.type = veth
lxc.net.0.veth.pair = veth-web
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.hwaddr = %s
lxc.rootfs.path = dir:/
lxc.apparmor.profile = unconfined
""" % MAC
# In the container, as soon as it runs: all frames of its standard input, one a line.
SENDER = """import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for line in open(sys.argv[1]):
    s.send(bytes.fromhex(line))
"""
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MS_REC, MS_PRIVATE, MS_BIND, MNT_DETACH = 0x4000, 0x40000, 0x1000, 2
failed = passed = 0


def check(name, ok, detail=""):
    global failed, passed
    print("%-72s %s %s" % (name, "ok" if ok else "FAILED", detail if not ok else ""), flush=True)
    passed, failed = passed + bool(ok), failed + (not ok)


def run(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def namespaces(folder):
    """A network of our own, the /sys that belongs to it, and the control groups that are there."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | CLONE_NEWNS) != 0:
        return False
    keep = os.path.join(folder, "cgroup")
    os.mkdir(keep)
    return (libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0
            and libc.mount(b"/sys/fs/cgroup", keep.encode(), None, MS_BIND | MS_REC, None) == 0
            and libc.mount(b"sysfs", b"/sys", b"sysfs", 0, None) == 0
            and libc.mount(keep.encode(), b"/sys/fs/cgroup", None, MS_BIND | MS_REC, None) == 0
            and libc.umount2(keep.encode(), MNT_DETACH) == 0)


def main():
    if shutil.which("lxc-execute") is None:
        print("0 passed, 0 failed, 1 skipped: needs lxc-execute (lxc)")
        return 77
    if os.geteuid() != 0:
        print("0 passed, 0 failed, 1 skipped: needs root for namespaces")
        return 77
    folder = tempfile.mkdtemp()
    if not namespaces(folder):
        sys.exit("cannot make namespaces: " + os.strerror(ctypes.get_errno()))
    for words in ("link set lo up", "link add br0 type bridge", "link set br0 up", "link add lan0 type veth peer name lan1",
                  "link set lan0 master br0 up", "link set lan1 up promisc on"):
        done = run("ip", *words.split())
        if done.returncode != 0:
            sys.exit(done.stdout)
    lan = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    lan.bind(("lan1", 0))
    lan.settimeout(0.3)

    root = os.path.join(folder, "root")
    with through_nwfd(NWFCTL, root):
        guarded(root, folder, lan)
    shutil.rmtree(folder)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed != 0


def guarded(root, folder, lan):
    bound = run(NWFCTL, "--root", root, "binding", "create", EXAMPLE)
    check("the port is bound before it is there", bound.returncode == 0 and os.path.exists(root + "/run/nwf/bindings/veth-web.xml"), bound.stdout)

    own = dict(base("ip"), smac=MAC, sip=IP, dip="192.0.2.2")
    frames = {b"its own address": own, b"foreign MAC address": dict(own, smac=FOREIGN_MAC), b"foreign IP address": dict(own, sip=FOREIGN_IP),
              b"its own at the end": own}
    for name, text in (("web.conf", CONFIGURATION), ("send.py", SENDER),
                       ("frames", "".join(frame(fields, tag).hex() + "\n" for tag, fields in frames.items()))):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    ran = run("lxc-execute", "-P", folder, "-n", "web", "-f", folder + "/web.conf", "--", sys.executable, folder + "/send.py", folder + "/frames")
    check("the container runs", ran.returncode == 0, ran.stdout)
    came, end = set(), time.monotonic() + 3
    while b"its own at the end" not in came and time.monotonic() < end:
        try:
            packet = lan.recv(65535)
        except TimeoutError:
            continue
        came |= {tag for tag in frames if tag in packet}
    check("from its first frame it can be nobody but itself", came == {b"its own address", b"its own at the end"}, came)
    check("its port is gone, its binding waits for the next start", "veth-web" in run(NWFCTL, "--root", root, "binding", "list").stdout)
    status = run(NWFCTL, "--root", root, "status")
    check("the kernel holds what the state says", status.returncode == 0, status.stdout)


sys.exit(main())
