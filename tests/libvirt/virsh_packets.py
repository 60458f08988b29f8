#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Filters and bindings made by virsh alone, judged by what comes out on the other side of the bridge: what libvirt's test
kit (libvirt-tck) does with libvirt's own nwfilter driver.

  virsh_packets.py SERVER...      runs `SERVER... --root ROOT --sockets ROOT`

Needs root and virsh: works in network namespaces and a temporary root of its own."""
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peer"))
sys.dont_write_bytecode = True
from packets import GUEST_IP, GUEST_MAC, PEER_IP, PEER_MAC, base, frame  # noqa: E402
from wire import Wire  # noqa: E402

VIRSH = os.environ.get("VIRSH", "virsh").split()
BROADCAST = "ff:ff:ff:ff:ff:ff"
FOREIGN_MAC, FOREIGN_IP = "52:54:00:99:99:99", "192.0.2.222"
FREE = {"udp", "wrong mac", "wrong ip", "arp", "wrong arp ip", "wrong arp mac", "to all", "multicast", "answer"}
# The frames of each name, and their direction.
FRAMES = {
    "udp": ("out", {}),
    "wrong mac": ("out", {"smac": FOREIGN_MAC}),
    "wrong ip": ("out", {"sip": FOREIGN_IP}),
    "arp": ("out", {"kind": "arp", "spa": GUEST_IP, "tpa": PEER_IP}),
    "wrong arp ip": ("out", {"kind": "arp", "spa": FOREIGN_IP, "tpa": PEER_IP}),
    "wrong arp mac": ("out", {"kind": "arp", "spa": GUEST_IP, "tpa": PEER_IP, "sha": FOREIGN_MAC}),
    "to all": ("out", {"dmac": BROADCAST, "dip": "255.255.255.255"}),
    "multicast": ("out", {"dmac": "01:00:5e:01:02:03", "dip": "239.1.2.3"}),
    "answer": ("in", {"smac": PEER_MAC, "dmac": GUEST_MAC, "sip": PEER_IP, "dip": GUEST_IP}),
}
# What a port bound to each of the stock filters, and nothing else, keeps from passing.
STOPPED = {
    "no-mac-spoofing": {"wrong mac"},
    "no-ip-spoofing": {"wrong ip"},
    "no-arp-mac-spoofing": {"wrong arp mac"},
    "no-arp-ip-spoofing": {"wrong arp ip"},
    "no-arp-spoofing": {"wrong arp mac", "wrong arp ip"},
    "no-mac-broadcast": {"to all"},
    "no-ip-multicast": {"multicast"},
}
OWN = """<filter name='own' chain='root'>
  <rule action='accept' direction='out' priority='100'><udp dstportstart='%d'/></rule>
  <rule action='drop' direction='out' priority='500'><all/></rule></filter>"""
failed = passed = 0


def check(name, ok, detail=""):
    global failed, passed
    print("%-76s %s %s" % (name, "ok" if ok else "FAILED", detail if not ok else ""), flush=True)
    passed, failed = passed + bool(ok), failed + (not ok)


class Host:
    def __init__(self, server, folder, wire):
        self.folder, self.wire, self.tags = folder, wire, 0
        self.socket = os.path.join(folder, "virtnwfilterd-sock")
        self.server = subprocess.Popen(server + ["--root", folder, "--sockets", folder], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not os.path.exists(self.socket + "-ro") and time.monotonic() < end and self.server.poll() is None:
            time.sleep(0.02)

    def stop(self):
        self.server.terminate()
        self.server.wait()

    def virsh(self, *words, code=0):
        done = subprocess.run(VIRSH + ["-q", "-c", "nwfilter+unix:///system?socket=" + self.socket, *words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        check("virsh " + " ".join(os.path.basename(w) for w in words), done.returncode == code, done.stdout)
        return done.stdout

    def given(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def bind(self, filter_name, port="vnet0"):
        self.virsh("nwfilter-binding-create", self.given("binding.xml", (
            "<filterbinding><owner><name>one</name><uuid>00000000-0000-4000-8000-000000000001</uuid></owner><portdev name='%s'/>"
            "<mac address='%s'/><filterref filter='%s'><parameter name='IP' value='%s'/></filterref></filterbinding>")
            % (port, GUEST_MAC, filter_name, GUEST_IP)))

    def unbind(self, port="vnet0"):
        self.virsh("nwfilter-binding-delete", port)

    def pass_(self, frames, expected):
        """The names of those that pass, waited for where they should."""
        probes = []
        for name, (direction, fields) in frames.items():
            self.tags += 1
            tag = b"virsh-packets-%06d" % self.tags
            probes.append((name, direction, frame(dict(base(fields.get("kind", "ip")), **fields), tag), tag))
        verdicts = self.wire.verdicts(probes, {name: "pass" if name in expected else "drop" for name in frames})
        return {name for name, verdict in verdicts.items() if verdict == "pass"}

    def expect(self, name, expected, frames=None):
        got = self.pass_(frames or FRAMES, expected)
        check(name, got == expected, "pass, and should not: %s; do not, and should: %s" % (got - expected, expected - got))


def stock_filters(host):
    host.expect("an unbound port sends and gets everything", FREE)
    listed = host.virsh("nwfilter-list")
    for name, stopped in STOPPED.items():
        check("%s is listed" % name, name in listed.split())
        host.bind(name)
        check("the binding is listed", host.virsh("nwfilter-binding-list").split() == ["vnet0", name])
        host.expect("%s stops %s and nothing else" % (name, ", ".join(sorted(stopped))), FREE - stopped)
        host.virsh("nwfilter-undefine", name, code=1)
        host.unbind()
        host.expect("without it everything passes again", FREE)


def own_filter(host):
    def ports(*numbers):
        return {"port %d" % number: ("out", {"dport": number}) for number in numbers}
    host.virsh("nwfilter-define", host.given("own.xml", OWN % 1000))
    host.bind("own")
    host.expect("the rules of a filter of one's own", {"port 1000"}, ports(1000, 2000))
    uuid = [line.split()[0] for line in host.virsh("nwfilter-list").splitlines() if line.split()[1] == "own"][0]
    edited = (OWN % 2000).replace("chain='root'>", "chain='root'><uuid>%s</uuid>" % uuid)
    host.virsh("nwfilter-define", host.given("own.xml", edited))
    host.expect("an edit is in force at once on the port that is bound", {"port 2000"}, ports(1000, 2000))
    check("and is what virsh shows", "dstportstart='2000'" in host.virsh("nwfilter-dumpxml", "own"))
    host.virsh("nwfilter-define", host.given("bad.xml", edited.replace("drop", "nothing")), code=1)
    host.expect("a mistake changes nothing", {"port 2000"}, ports(1000, 2000))
    host.unbind()
    host.virsh("nwfilter-undefine", "own")
    host.expect("nothing is left of it", {"port 1000", "port 2000"}, ports(1000, 2000))


def composed(host):
    host.bind("clean-traffic")
    good = {"udp", "arp", "answer", "to all", "multicast"}
    host.expect("clean-traffic: a guest can be nobody but itself", good)
    check("the binding's XML has what was given", GUEST_IP in host.virsh("nwfilter-binding-dumpxml", "vnet0"))
    host.unbind()


def main():
    if shutil.which(VIRSH[0]) is None:
        print("0 passed, 0 failed, 1 skipped: needs virsh (libvirt-clients)")
        return 77
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(0x40000000 | 0x20000) != 0:  # CLONE_NEWNET, CLONE_NEWNS
        print("0 passed, 0 failed, 1 skipped: needs root for a network namespace")
        return 77
    with tempfile.TemporaryDirectory() as folder, Wire(here=True) as wire:
        host = Host(sys.argv[1:], folder, wire)
        try:
            stock_filters(host)
            own_filter(host)
            composed(host)
        finally:
            host.stop()
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed != 0


sys.exit(main())
