#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ports that come without a hook, below an nwfd in its sandbox, and nwf-libvirt beside an nwfd that is started anew.

  hotplug.py NWFCTL NWF_LIBVIRT NWFD [OPTION OF NWFD…]

Prints how long the kernel was without the port's rules: from the call that put the port into the bridge, or renamed the
guest's file into place, to nf_tables' notification of what nwfd did about it. Needs root: works in a network namespace and a
temporary root of its own."""
import ctypes
import fcntl
import os
import select
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

NWFCTL, NWF_LIBVIRT, NWFD = sys.argv[1:4]
OPTIONS = sys.argv[4:]
SIOCBRADDIF = 0x89A2  # linux/sockios.h
NETLINK_NETFILTER, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTABLES = 12, 270, 1, 7  # linux/netlink.h, nfnetlink.h
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000  # linux/sched.h
ROUNDS = 20
failed = passed = 0


def check(name, ok, detail=""):
    global failed, passed
    print("%-76s %s %s" % (name, "ok" if ok else "FAILED", detail if not ok else ""), flush=True)
    passed, failed = passed + bool(ok), failed + (not ok)


def end_with_us():
    """However this script ends, what it started does not outlive it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def guest_text(ports):
    interfaces = "".join(
        "<interface type='bridge'><mac address='52:54:00:00:00:0%d'/><source bridge='br0'/><target dev='%s'/>%s</interface>"
        % (number, port, "<filterref filter='%s'><parameter name='IP' value='192.0.2.%d'/></filterref>" % (filter_, number) if filter_ else "")
        for number, (port, filter_) in enumerate(ports, 1))
    return ("<domstatus state='running'><domain type='qemu'><name>d1</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>"
            "<devices>%s</devices></domain></domstatus>" % interfaces)


class Scene:
    def __init__(self, root):
        self.root, self.guests = root, root + "/run/libvirt/qemu"
        self.log = open(root + "/nwfd.log", "w+")
        self.rules = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.rules.bind((0, 0))
        self.rules.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTABLES)
        self.starts = 0

    def start(self):
        self.starts += 1
        self.daemon = subprocess.Popen([NWFD, "--root", self.root, "--hold", "br0", "--default", "br1=no-mac-broadcast", *OPTIONS],
                                       stderr=self.log, stdout=self.log, preexec_fn=end_with_us)
        return wait_for(lambda: open(self.log.name).read().count("ready;") == self.starts)

    def bound(self):
        done = subprocess.run([NWFCTL, "--root", self.root, "binding", "list"], stdout=subprocess.PIPE, text=True, check=True)
        return [tuple(line.split()[:2]) for line in done.stdout.splitlines()[2:] if line.strip()]

    def is_bound(self, *rows):
        return wait_for(lambda: self.bound() == list(rows))

    def write_guest(self, ports):
        with open(self.guests + "/d1.xml.new", "w") as file:
            file.write(guest_text(ports))
        return lambda: os.rename(self.guests + "/d1.xml.new", self.guests + "/d1.xml")

    def ms_until_rules(self, act):
        while select.select([self.rules], [], [], 0)[0]:
            self.rules.recv(65536)
        start = time.monotonic()
        act()
        if not select.select([self.rules], [], [], 20)[0]:
            return float("inf")
        return (time.monotonic() - start) * 1000


def plug_in(scene):
    held, explained = [], []
    for number in range(ROUNDS):
        port = "tap%d" % number
        ip("tuntap", "add", port, "mode", "tap")
        request = struct.pack("16si20x", b"br0", socket.if_nametoindex(port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            held.append(scene.ms_until_rules(lambda: fcntl.ioctl(s.fileno(), SIOCBRADDIF, request)))
        ok = scene.is_bound((port, "nwf-held"))
        explained.append(scene.ms_until_rules(scene.write_guest([(port, "clean-traffic")])))
        ok = ok and scene.is_bound((port, "clean-traffic"))
        os.unlink(scene.guests + "/d1.xml")
        ok = ok and scene.is_bound()
        ip("link", "del", port)
        if not ok:
            check("port %s is held, bound and let go" % port, False, repr(scene.bound()))
            return
    check("%d ports are held when they join, bound when explained, and let go" % ROUNDS, True)
    for what, times in (("joined to held", held), ("file to bound", explained)):
        print("%-16s median %.2f ms, worst of %d %.2f ms" % (what, statistics.median(times), len(times), max(times)))


def follow(scene):
    for port in "tapa", "tapb", "tapc":
        ip("tuntap", "add", port, "mode", "tap")
    ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
    ip("link", "set", "veth0", "master", "br0")
    ip("link", "set", "tapc", "master", "br1")
    check("a bridge's default filter; no other kind of port is touched", scene.is_bound(("tapc", "no-mac-broadcast")))
    ip("link", "set", "tapc", "nomaster")
    check("out of its bridge nothing holds it", scene.is_bound())
    scene.write_guest([("tapa", "clean-traffic"), ("tapb", "")])()
    ip("link", "set", "tapb", "master", "br0")
    check("a guest's port that libvirt does not filter is let go", scene.is_bound(("tapa", "clean-traffic")))
    scene.write_guest([("tapa", "nobody")])()
    told = wait_for(lambda: "no filter 'nobody'" in open(scene.log.name).read())
    check("a filter that there is not is told, and nothing changes", told and scene.bound() == [("tapa", "clean-traffic")])
    scene.write_guest([("tapa", "clean-traffic")])()
    scene.daemon.kill()
    scene.daemon.wait()
    ip("link", "set", "tapc", "master", "br0")
    os.unlink(scene.guests + "/d1.xml")
    scene.write_guest([("tapb", "no-mac-spoofing")])()
    check("it starts again", scene.start())
    check("what came meanwhile is found, and what went", scene.is_bound(("tapb", "no-mac-spoofing"), ("tapc", "nwf-held")), repr(scene.bound()))
    os.unlink(scene.guests + "/d1.xml")
    ip("link", "del", "tapb")
    ip("link", "del", "tapc")
    check("all of it ends", scene.is_bound())


def libvirt_beside_it(scene):
    if not shutil.which("virsh"):
        print("nwf-libvirt beside nwfd skipped: needs virsh")
        return
    path = scene.root + "/virtnwfilterd-sock"
    server = subprocess.Popen([NWF_LIBVIRT, "--root", scene.root, "--sockets", scene.root], preexec_fn=end_with_us)
    try:
        wait_for(lambda: os.path.exists(path + "-ro"))

        def virsh(*words):
            return subprocess.run(["virsh", "-q", "-c", "nwfilter+unix:///system?socket=" + path, *words], stdout=subprocess.PIPE, text=True)

        def create(port):
            with open(scene.root + "/b.xml", "w") as file:
                file.write("<filterbinding><owner><name>x</name><uuid>00000000-0000-4000-8000-000000000001</uuid></owner><portdev name='%s'/>"
                           "<mac address='52:54:00:00:00:01'/><filterref filter='no-mac-spoofing'/></filterbinding>" % port)
            return virsh("nwfilter-binding-create", scene.root + "/b.xml").returncode == 0
        check("virsh binds through nwf-libvirt and nwfd", create("vnet0") and "port vnet0 is guarded" in open(scene.log.name).read())
        scene.daemon.terminate()
        scene.daemon.wait()
        check("nwfd is started anew", scene.start())
        check("nwf-libvirt goes on with it", create("vnet1") and "port vnet1 is guarded" in open(scene.log.name).read())
        check("both are bound", "vnet0" in (text := virsh("nwfilter-binding-list").stdout) and "vnet1" in text)
        scene.daemon.kill()
        scene.daemon.wait()
        check("without an nwfd it does the work itself", create("vnet2") and scene.is_bound(*(("vnet%d" % n, "no-mac-spoofing") for n in range(3))))
        check("nwfd is there again", scene.start())
        check("and asked again", create("vnet3") and "port vnet3 is guarded" in open(scene.log.name).read())
    finally:
        server.terminate()
        server.wait()
    scene.daemon.kill()
    scene.daemon.wait()
    server = subprocess.Popen([NWF_LIBVIRT, "--root", scene.root, "--sockets", scene.root], preexec_fn=end_with_us)
    try:
        wait_for(lambda: virsh("nwfilter-list").returncode == 0)
        check("started without an nwfd it does the work itself", create("vnet4"))
        check("an nwfd that is started later", scene.start())
        check("is asked from then on", create("vnet5") and "port vnet5 is guarded" in open(scene.log.name).read())
    finally:
        server.terminate()
        server.wait()


def main():
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        print("0 passed, 0 failed, 1 skipped: needs root for a network namespace")
        return 77
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    with tempfile.TemporaryDirectory() as root:
        # /run is memory on a host, and a figure with a disk in it would be another.
        os.mkdir(root + "/run")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", root + "/run"], check=True)
        scene = Scene(root)
        ip("link", "add", "br0", "type", "bridge")
        ip("link", "add", "br1", "type", "bridge")
        try:
            check("nwfd starts where libvirt never was", scene.start())
            os.makedirs(scene.guests)
            follow(scene)
            plug_in(scene)
            libvirt_beside_it(scene)
        finally:
            scene.daemon.terminate()
            scene.daemon.wait()
            subprocess.run(["umount", root + "/run"], check=True)
        if failed:
            print(open(scene.log.name).read()[-4000:])
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
