#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What networks are for, row by row: each row in namespaces of its own, with the real program, dnsmasq and packets.

  rows.py NWFCTL [ROW…]       without a row, all of them, some at a time
  rows.py --list"""
import atexit
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys

from scene import NS, SKIPPED, Echo, Guest, Namespace, Report, Scene, ask, network, run, wait_for

ROWS = {}
AT_A_TIME = 3
RANGE = "<dhcp><range start='192.168.122.2' end='192.168.122.99'/></dhcp>"


def row(name):
    def add(function):
        ROWS[name] = function
        return function
    return add


def nat(extra="", forward="", name="lab", bridge="virbr0", address="192.168.122.1", **more):
    return network(name, bridge, address, "nat", extra=extra, forward=forward, **more)


def nat_guest(scene, **more):
    scene.start(nat(**more))
    return scene.guest("g", "virbr0", "192.168.122.10/24", "192.168.122.1")


@row("nat-out")
def _(scene, check):
    guest = nat_guest(scene)
    check("udp keeps its port", ask(guest, "203.0.113.1", source_port=40000), ("out", "203.0.113.2", 40000))
    Echo(scene.out, tcp=True)
    check("tcp", ask(guest, "203.0.113.1", source_port=40001, tcp=True), ("out", "203.0.113.2", 40001))


@row("nat-lowport")
def _(scene, check):
    guest = nat_guest(scene)
    for protocol, tcp in (("udp", False), ("tcp", True)):
        if tcp:
            Echo(scene.out, tcp=True)
        who, source, port = ask(guest, "203.0.113.1", source_port=500, tcp=tcp)
        check("%s from port 500 leaves with one that is not privileged" % protocol, (source, port >= 1024), ("203.0.113.2", True))


@row("nat-icmp")
def _(scene, check):
    guest = nat_guest(scene)
    check("an echo is answered", guest.run("busybox", "ping", "-c", "1", "-W", "3", "203.0.113.1", check=False).returncode, 0)


@row("nat-in")
def _(scene, check):
    guest = nat_guest(scene)
    check("from outside: refused by ICMP", ask(scene.out, "192.168.122.10"), "refused")
    check("the guest saw nothing", [e.seen for e in Echo.all if e.namespace is guest], [0])


@row("nat-related")
def _(scene, check):
    guest = nat_guest(scene)
    check("an ICMP error for a guest's own flow comes to it", ask(guest, "203.0.113.1", port=9001), "refused")


@row("nat-mcast")
def _(scene, check):
    nat_guest(scene)
    listener = scene.out.socket()
    listener.bind(("", 9100))
    listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("224.0.0.5") + socket.inet_aton("203.0.113.1"))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    listener.settimeout(3)
    sender = scene.host.socket()
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("203.0.113.2"))
    sender.setsockopt(socket.SOL_SOCKET, 25, b"W\0")  # SO_BINDTODEVICE
    sender.bind(("192.168.122.1", 9100))
    scene.out.sysctl("net/ipv4/conf/all/rp_filter", 0)
    for name, to in (("224.0.0.5", "224.0.0.5"), ("255.255.255.255", "255.255.255.255")):
        sender.sendto(b"x", (to, 9100))
        check("to %s: the source stays" % name, listener.recvfrom(100)[1], ("192.168.122.1", 9100))


@row("nat-snat-range")
def _(scene, check):
    for last in (10, 11, 12):
        run("ip", "addr", "add", "203.0.113.%d/24" % last, "dev", "W")
    guest = nat_guest(scene, forward="<nat><address start='203.0.113.10' end='203.0.113.12'/><port start='2000' end='3000'/></nat>")
    seen = [ask(guest, "203.0.113.1") for _ in range(30)]
    check("every flow is answered", all(isinstance(s, tuple) for s in seen))
    check("addresses of the range", {s[1] for s in seen} <= {"203.0.113.10", "203.0.113.11", "203.0.113.12"})
    check("ports of the range", all(2000 <= s[2] <= 3000 for s in seen))
    check("an echo, which has no ports", guest.run("busybox", "ping", "-c", "1", "-W", "3", "203.0.113.1", check=False).returncode, 0)


def second_uplink(scene):
    other = Namespace("other")
    run("ip", "link", "add", "X", "type", "veth", "peer", "name", "eth0", "netns", other.path)
    run("ip", "addr", "add", "198.51.100.2/24", "dev", "X")
    run("ip", "link", "set", "X", "up")
    other.ip("addr", "add", "198.51.100.1/24", "dev", "eth0")
    other.ip("link", "set", "eth0", "up")
    other.ip("route", "add", "192.168.0.0/16", "via", "198.51.100.2")
    Echo(other)
    return other


@row("nat-dev")
def _(scene, check):
    second_uplink(scene)
    guest = nat_guest(scene, forward="<interface dev='W'/>")
    check("by W", ask(guest, "203.0.113.1")[:2], ("out", "203.0.113.2"))
    check("by X: refused", ask(guest, "198.51.100.1"), "refused")


@row("several-uplinks")
def _(scene, check):
    second_uplink(scene)
    guest = nat_guest(scene, forward="<interface dev='W'/><interface dev='X'/>")
    check("by W", ask(guest, "203.0.113.1")[:2], ("out", "203.0.113.2"))
    check("by X", ask(guest, "198.51.100.1")[:2], ("other", "198.51.100.2"))


@row("nat-two-subnets")
def _(scene, check):
    scene.start(nat(address=["192.168.122.1", "192.168.123.1"]))
    one = scene.guest("a", "virbr0", "192.168.122.10/24", "192.168.122.1")
    scene.guest("b", "virbr0", "192.168.123.10/24", "192.168.123.1")
    check("one network, two subnets: the source stays", ask(one, "192.168.123.10", source_port=40000), ("b", "192.168.122.10", 40000))


@row("nat-spoof")
def _(scene, check):
    guest = nat_guest(scene)
    scene.host.sysctl("net/ipv4/conf/all/rp_filter", 0)
    scene.host.sysctl("net/ipv4/conf/virbr0/rp_filter", 0)
    before = Echo.all[0].seen
    ask(guest, "203.0.113.1", source="10.9.8.7")
    check("a forged source leaves by no way", Echo.all[0].seen, before)


@row("nat6-routed")
def _(scene, check):
    scene.start(nat(address=["192.168.122.1", "2001:db8:1::1"]))
    guest = scene.guest("g", "virbr0", "2001:db8:1::10/64", "2001:db8:1::1")
    check("without nat@ipv6 guests are reached from outside", ask(scene.out, "2001:db8:1::10")[:2], ("g", "2001:db8:ffff::1"))
    check("and leave with their own address", ask(guest, "2001:db8:ffff::1")[:2], ("out", "2001:db8:1::10"))


@row("nat6-masq")
def _(scene, check):
    scene.start(nat(address=["192.168.122.1", "2001:db8:1::1"], forward="<nat ipv6='yes'/>"))
    guest = scene.guest("g", "virbr0", "2001:db8:1::10/64", "2001:db8:1::1")
    check("leaves with the host's address", ask(guest, "2001:db8:ffff::1")[:2], ("out", "2001:db8:ffff::2"))
    check("from outside: refused", ask(scene.out, "2001:db8:1::10"), "refused")


@row("nat6-prefix")
def _(scene, check):
    scene.start(nat(address=["192.168.122.1", "2001:db8:1::1"],
                    forward="<nat ipv6='yes'><nwf:prefix address='2001:db8:5::' prefix='64'/></nat>"))
    guest = scene.guest("g", "virbr0", "2001:db8:1::10/64", "2001:db8:1::1")
    check("one prefix for the other, the rest stays", ask(guest, "2001:db8:ffff::1", source_port=40000), ("out", "2001:db8:5::10", 40000))


@row("route-out")
def _(scene, check):
    scene.start(network("lab", "virbr0", "192.168.122.1", "route"))
    guest = scene.guest("g", "virbr0", "192.168.122.10/24", "192.168.122.1")
    check("address and port stay", ask(guest, "203.0.113.1", source_port=500), ("out", "192.168.122.10", 500))
    check("route-in", ask(scene.out, "192.168.122.10", source_port=500), ("g", "203.0.113.1", 500))
    scene.host.sysctl("net/ipv4/conf/all/rp_filter", 0)
    scene.host.sysctl("net/ipv4/conf/virbr0/rp_filter", 0)
    before = Echo.all[0].seen
    ask(guest, "203.0.113.1", source="10.9.8.7")
    check("a forged source leaves by no way", Echo.all[0].seen, before)


@row("route-dev")
def _(scene, check):
    other = second_uplink(scene)
    scene.start(network("lab", "virbr0", "192.168.122.1", "route", forward="<interface dev='W'/>"))
    guest = scene.guest("g", "virbr0", "192.168.122.10/24", "192.168.122.1")
    check("by W, out and in", (ask(guest, "203.0.113.1")[0], ask(scene.out, "192.168.122.10")[0]), ("out", "g"))
    check("by X, neither", (ask(guest, "198.51.100.1"), ask(other, "192.168.122.10")), ("refused", "refused"))


@row("isolated-out")
def _(scene, check):
    scene.start(network("lab", "virbr0", "192.168.122.1"))
    scene.host.sysctl("net/ipv4/ip_forward", 1)
    one = scene.guest("a", "virbr0", "192.168.122.10/24", "192.168.122.1")
    scene.guest("b", "virbr0", "192.168.122.11/24", "192.168.122.1")
    check("isolated-out: refused", ask(one, "203.0.113.1"), "refused")
    check("isolated-in: refused", ask(scene.out, "192.168.122.10"), "refused")
    check("isolated-cross", ask(one, "192.168.122.11")[0], "b")


@row("isolated-to-host")
def _(scene, check):
    scene.start(network("lab", "virbr0", "192.168.122.1", dhcp=RANGE))
    guest = scene.guest("a", "virbr0", "192.168.122.100/24", "192.168.122.1")
    check("without a word on it, as with libvirt, the host is reached", [ask(guest, a)[0] for a in ("192.168.122.1", "203.0.113.2")], ["host", "host"])
    scene.define(network("lab", "virbr0", "192.168.122.1", dhcp=RANGE, extra="<nwf:host services='dhcp,dns'/>"))
    scene.nwfctl("net", "restart", "lab")
    check("with services='dhcp,dns' nothing else is", [ask(guest, a) for a in ("192.168.122.1", "203.0.113.2")], ["refused", "refused"])
    check("a lease, though", guest.dhcp()[0], 0)
    check("and a name", guest.run("busybox", "nslookup", "nobody.invalid", "192.168.122.1", check=False).stdout.count("timed out"), 0)


@row("isolated-to-route")
def _(scene, check):
    scene.start(network("closed", "virbr0", "192.168.122.1"))
    scene.start(network("routed", "virbr1", "192.168.123.1", "route"))
    guest = scene.guest("a", "virbr0", "192.168.122.10/24", "192.168.122.1")
    target = scene.guest("b", "virbr1", "192.168.123.10/24", "192.168.123.1")
    check("refused", ask(guest, "192.168.123.10"), "refused")
    check("nothing arrived", [e.seen for e in Echo.all if e.namespace is target], [0])


MODES = {"closed": ("virbr0", "192.168.120.1", None), "nat": ("virbr1", "192.168.121.1", "nat"), "nat2": ("virbr2", "192.168.122.1", "nat"),
         "route": ("virbr3", "192.168.123.1", "route"), "open": ("virbr4", "192.168.124.1", "open")}
# Who answers whom, and with which source; a dash is an ICMP refusal. Rows send, columns receive.
REACHES = """
         closed   nat      nat2     route    open     out
closed   own      -        -        -        -        -
nat      -        own      -        bridge   bridge   host
nat2     -        -        own      bridge   bridge   host
route    -        -        -        own      own      own
open     -        -        -        own      own      own
out      -        -        -        own      own      own
"""


def matrix(scene, guests):
    lines = [line.split() for line in REACHES.strip().splitlines()]
    wanted, seen = {}, {}
    places = {name: "192.168.%s.10" % MODES[name][1].split(".")[2] for name in MODES}
    places["out"] = "203.0.113.1"
    for sender, *cells in lines[1:]:
        for receiver, cell in zip(lines[0], cells):
            if sender == receiver == "out":
                continue
            source = guests[sender]
            answer = ask(source, places[receiver]) if sender != receiver else None
            if sender == receiver:
                answer = ask(source, places[receiver][:-2] + "11")
            own = {"out": "203.0.113.1"}.get(sender, places.get(sender))
            bridge = None if receiver == "out" else MODES[receiver][1]
            what = "-" if answer == "refused" else "silence" if answer is None else {own: "own", bridge: "bridge", "203.0.113.2": "host"}.get(answer[1], answer[1])
            wanted[(sender, receiver)], seen[(sender, receiver)] = cell, what
    return {k: (seen[k], wanted[k]) for k in wanted if seen[k] != wanted[k]}


@row("order-independent")
def _(scene, check):
    guests = {"out": scene.out}
    for name, (bridge, address, mode) in MODES.items():
        scene.define(network(name, bridge, address, mode))
    for number, order in enumerate((list(MODES), list(reversed(MODES)))):
        for name in order:
            scene.nwfctl("net", "start", name)
        for name, (bridge, address, mode) in MODES.items():
            if name not in guests:
                base = address.rsplit(".", 1)[0]
                guests[name] = scene.guest(name[:6] + "0", bridge, base + ".10/24", address)
                scene.guest(name[:6] + "1", bridge, base + ".11/24", address)
            for guest in (scene.guests[name[:6] + "0"], scene.guests[name[:6] + "1"]):
                guest.forwarding()
        check("who reaches whom, order %d" % number, matrix(scene, guests), {})
        if number == 0:
            check("reconcile changes nothing", scene.nwfctl("reconcile").stdout, "The kernel already holds what the state says\n")
        for name in order:
            scene.nwfctl("net", "stop", name)


@row("nat-to-route")
def _(scene, check):
    scene.start(nat(name="a", bridge="virbr0", address="192.168.122.1"))
    scene.start(network("b", "virbr1", "192.168.123.1", "route"))
    scene.start(nat(name="c", bridge="virbr2", address="192.168.124.1"))
    guest = scene.guest("a", "virbr0", "192.168.122.10/24", "192.168.122.1")
    scene.guest("b", "virbr1", "192.168.123.10/24", "192.168.123.1")
    scene.guest("c", "virbr2", "192.168.124.10/24", "192.168.124.1")
    check("a routed guest is reached, with the bridge's address", ask(guest, "192.168.123.10")[:2], ("b", "192.168.123.1"))
    check("nat-to-nat: refused", ask(guest, "192.168.124.10"), "refused")


@row("peer")
def _(scene, check):
    scene.start(network("a", "virbr0", "192.168.122.1", extra="<nwf:peer network='b' direction='out'/>"))
    scene.start(nat(name="b", bridge="virbr1", address="192.168.123.1"))
    one = scene.guest("a", "virbr0", "192.168.122.10/24", "192.168.122.1")
    two = scene.guest("b", "virbr1", "192.168.123.10/24", "192.168.123.1")
    check("the one direction", ask(one, "192.168.123.10")[:2], ("b", "192.168.122.10"))
    check("not the other", ask(two, "192.168.122.10"), "refused")
    scene.define(network("a", "virbr0", "192.168.122.1", extra="<nwf:peer network='b' nat='no'/>"))
    scene.nwfctl("net", "restart", "a")
    check("both, with their own addresses", (ask(one, "192.168.123.10")[:2], ask(two, "192.168.122.10")[:2]),
          (("b", "192.168.122.10"), ("a", "192.168.123.10")))


@row("no-nat-destination")
def _(scene, check):
    guest = nat_guest(scene, forward="<nat><nwf:exclude address='203.0.113.0' prefix='24'/></nat>")
    check("the source stays", ask(guest, "203.0.113.1", source_port=40000), ("out", "192.168.122.10", 40000))


@row("open")
def _(scene, check):
    scene.start(network("lab", "virbr0", "192.168.122.1", "open"))
    guest = scene.guest("g", "virbr0", "192.168.122.10/24", "192.168.122.1")
    check("out, unchanged", ask(guest, "203.0.113.1", source_port=500), ("out", "192.168.122.10", 500))
    check("no rule speaks of the bridge", "virbr0" in run("nft", "list", "ruleset").stdout, False)
    check("the host forwards", scene.host.sysctl("net/ipv4/ip_forward"), "1")
    run("nft", "add table ip other; add chain ip other f { type filter hook forward priority 0; policy drop; }")
    check("with a host that drops", ask(guest, "203.0.113.1"), None)


@row("bridge-mode")
def _(scene, check):
    xml = "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>"
    scene.define(xml)
    check("a bridge that is not there: refused", scene.nwfctl("net", "start", "lan", check=False).returncode, 4)
    run("ip", "link", "add", "br0", "type", "bridge")
    scene.nwfctl("net", "start", "lan")
    scene.nwfctl("net", "stop", "lan")
    check("it is nobody's to take away", "br0" in run("ip", "link").stdout)
    for mode in ("private", "vepa", "passthrough", "hostdev"):
        scene.define("<network><name>%s</name><forward mode='%s'><interface dev='W'/></forward></network>" % (mode, mode))
        done = scene.nwfctl("net", "start", mode, check=False)
        check("%s is kept, and refused at start" % mode, (done.returncode, "hands out hardware" in done.stdout), (1, True))


@row("input-wrong-if")
def _(scene, check):
    scene.start(nat(dhcp=RANGE))
    scene.out.ip("route", "add", "192.168.122.1/32", "via", "203.0.113.2")
    done = scene.out.run("busybox", "nslookup", "-timeout=1", "-retry=1", "localhost", "192.168.122.1", check=False)
    check("no answer to a question that came in by W", "Address" in done.stdout.split("192.168.122.1", 2)[-1], False)


@row("dhcp-lease")
def _(scene, check):
    scene.start(nat(dhcp=RANGE, extra="<mtu size='1400'/>"))
    scene.start(network("closed", "virbr1", "192.168.123.1", dhcp="<dhcp><range start='192.168.123.2' end='192.168.123.9'/></dhcp>"))
    code, told = scene.guest("a", "virbr0").dhcp()
    check("in the range, with gateway and MTU", (code, 2 <= int(told["ip"].split(".")[3]) <= 99, told["router"], told["mtu"]),
          (0, True, "192.168.122.1", "1400"))
    check("net leases", told["ip"] in scene.nwfctl("net", "leases", "lab").stdout)
    check("net-dhcp-leases", json.loads(scene.nwfctl("--json", "net-dhcp-leases", "lab").stdout)["leases"][0]["ip"], told["ip"])
    code, told = scene.guest("b", "virbr1").dhcp()
    check("isolated: no gateway", (code, told["router"]), (0, ""))


@row("dhcp-csum")
def _(scene, check):
    scene.start(nat(dhcp=RANGE))
    guest = scene.guest("a", "virbr0")
    raw = guest.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    raw.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA
    raw.bind(("eth0", 0x0800))
    raw.settimeout(10)
    client = subprocess.Popen(["busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "5", "-T", "1", "-s", "/bin/true"],
                              preexec_fn=guest.enter, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        frame, ancillary, _, _ = raw.recvmsg(2048, 256)
        if frame[23] == 17 and frame[34:36] == b"\0\x43" and frame[36:38] == b"\0\x44":
            break
    client.wait()
    status = int.from_bytes(ancillary[0][2][:4], sys.byteorder)
    check("the checksum is finished (no CSUMNOTREADY)", status & 8, 0)
    ip, udp = frame[14:34], frame[34:14 + int.from_bytes(frame[16:18], "big")]
    words = ip[12:20] + b"\0\x11" + len(udp).to_bytes(2, "big") + udp + (b"\0" if len(udp) % 2 else b"")
    total = sum(int.from_bytes(words[i:i + 2], "big") for i in range(0, len(words), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    check("and right", total, 0xffff)


@row("dhcp-static")
def _(scene, check):
    scene.start(nat(dhcp="<dhcp><range start='192.168.122.2' end='192.168.122.99'/><host mac='52:54:00:00:00:01' name='web' ip='192.168.122.200'/></dhcp>"))
    guest = scene.guest("a", "virbr0", mac="52:54:00:00:00:01")
    check("the reserved address", guest.dhcp()[1]["ip"], "192.168.122.200")
    check("its name", "192.168.122.200" in guest.run("busybox", "nslookup", "web", "192.168.122.1", check=False).stdout)


@row("dns-isolated")
def _(scene, check):
    pathlib.Path("/mnt/resolv.conf").write_text("nameserver 203.0.113.1\n")
    run("mount", "--bind", "/mnt/resolv.conf", os.path.realpath("/etc/resolv.conf"))
    asked = scene.out.socket()
    asked.bind(("203.0.113.1", 53))
    asked.setblocking(False)
    scene.start(network("lab", "virbr0", "192.168.122.1"))
    guest = scene.guest("a", "virbr0", "192.168.122.10/24")
    done = guest.run("busybox", "nslookup", "example.com", "192.168.122.1", check=False)
    check("a foreign name is refused", "REFUSED" in done.stdout or "refused" in done.stdout)
    try:
        asked.recv(100)
        check("nobody outside is asked", "a packet", "none")
    except BlockingIOError:
        check("nobody outside is asked", True)


@row("ra")
def _(scene, check):
    for number, (mode, lifetime) in enumerate(((None, 0), ("route", 1))):
        scene.start(network("n%d" % number, "virbr%d" % number, "2001:db8:%d::1" % (number + 1), mode))
        guest = Guest(scene, "r%d" % number, None)
        raw = guest.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
        raw.settimeout(20)
        guest.join("virbr%d" % number)
        guest.sysctl("net/ipv6/conf/eth0/accept_ra", 1)
        while True:
            advertisement = raw.recv(2048)
            if advertisement[0] == 134:
                break
        check("%s: router lifetime" % (mode or "isolated"), int(int.from_bytes(advertisement[6:8], "big") > 0), lifetime)


@row("tftp")
def _(scene, check):
    os.mkdir("/mnt/tftp", 0o755)
    pathlib.Path("/mnt/tftp/boot").write_text("data")
    scene.start("<network><name>lab</name><bridge name='virbr0' stp='off'/><ip address='192.168.122.1' prefix='24'><tftp root='/mnt/tftp'/></ip></network>")
    scene.start(network("other", "virbr1", "192.168.123.1"))
    with_root, without = scene.guest("a", "virbr0", "192.168.122.10/24"), scene.guest("b", "virbr1", "192.168.123.10/24")
    with_root.run("busybox", "tftp", "-g", "-r", "boot", "-l", "/mnt/got", "192.168.122.1", check=False)
    check("a file", pathlib.Path("/mnt/got").exists() and pathlib.Path("/mnt/got").read_text(), "data")
    check("without tftp the port is closed", ask(without, "192.168.123.1", port=69), "refused")


@row("sysctl")
def _(scene, check):
    def switches(bridge):
        return [scene.host.sysctl("net/ipv6/conf/%s/%s" % (bridge, name)) for name in ("disable_ipv6", "accept_ra", "autoconf")]
    both = lambda: [scene.host.sysctl("net/ipv4/ip_forward"), scene.host.sysctl("net/ipv6/conf/all/forwarding")]
    before = both()
    scene.start(network("closed", "virbr0", "192.168.120.1", extra="<dns enable='no'/>"))
    check("isolated", (switches("virbr0"), both()), (["1", "0", "0"], before))
    scene.host.sysctl("net/ipv4/ip_forward", 0)
    blocker = scene.host.socket()
    blocker.bind(("0.0.0.0", 53))
    scene.define(nat(address=["192.168.121.1", "2001:db8:1::1"], bridge="virbr1"))
    check("a start that fails", scene.nwfctl("net", "start", "lab", check=False).returncode, 4)
    check("leaves forwarding as it was", both(), ["0", "0"])
    blocker.close()
    scene.nwfctl("net", "start", "lab")
    check("nat with IPv6", (switches("virbr1"), both()), (["0", "0", "0"], ["1", "1"]))
    scene.nwfctl("net", "stop", "lab")
    check("never turned off again", both(), ["1", "1"])


@row("ra-route-guard")
def _(scene, check):
    scene.host.sysctl("net/ipv6/conf/W/accept_ra", 1)
    scene.host.sysctl("net/ipv6/conf/W/disable_ipv6", 0)
    # A router's word, from outside.
    link_local = wait_for(lambda: next((a["local"] for l in json.loads(scene.out.run("ip", "-j", "addr", "show", "dev", "eth0").stdout) for a in l["addr_info"]
                                        if a["scope"] == "link" and not a.get("tentative")), None))
    router = scene.out.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
    router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    router.bind((link_local, 0, 0, scene_index(scene.out, "eth0")))
    advertisement = bytes([134, 0, 0, 0, 64, 0, 0x07, 0x08]) + bytes(8)

    def learned():
        router.sendto(advertisement, ("ff02::1", 0, 0, scene_index(scene.out, "eth0")))
        return "default" in run("ip", "-6", "route", "show", "proto", "ra").stdout
    wait_for(learned)
    scene.define(network("six", "virbr0", "2001:db8:1::1", "route"))
    done = scene.nwfctl("net", "start", "six", check=False)
    check("a learned route is not to be lost: refused, with the interface", (done.returncode, " on W" in done.stdout), (4, True))
    check("nothing is left", scene.nothing_left("virbr0"), [])
    scene.host.sysctl("net/ipv6/conf/W/accept_ra", 2)
    check("with accept_ra=2 it starts", scene.nwfctl("net", "start", "six").returncode, 0)


def scene_index(namespace, interface):
    return json.loads(namespace.run("ip", "-j", "link", "show", "dev", interface).stdout)[0]["ifindex"]


@row("collision-exact")
def _(scene, check):
    def refused(name, xml, owner):
        scene.define(xml)
        done = scene.nwfctl("net", "start", "lab", check=False)
        check("collision-%s: refused, with the owner" % name, (done.returncode, owner in done.stdout), (4, True))
        check("nothing is left", scene.nothing_left("virbr0"), [])
    refused("exact", nat(address="203.0.113.200"), "interface W has the route 203.0.113.0/24")
    refused("sub", nat(address="203.0.113.129", prefix=25), "interface W")
    refused("super", nat(address="203.0.200.1", prefix=16), "interface W")
    refused("v6", nat(address=["192.168.122.1", "2001:db8:ffff::9"]), "interface W")
    run("ip", "route", "add", "192.168.122.128/25", "via", "203.0.113.1", "table", "77")
    refused("table", nat(), "192.168.122.128/25")
    scene.define(nat(extra="<nwf:overlap allow='yes'/>"))
    check("declared, it starts", scene.nwfctl("net", "start", "lab").returncode, 0)


@row("start-rollback")
def _(scene, check):
    def fails(name, code, xml=None):
        if xml:
            scene.define(xml)
        done = scene.nwfctl("net", "start", "lab", check=False)
        check("%s: refused" % name, done.returncode, code)
        check("%s: nothing is left" % name, scene.nothing_left("virbr0"), [])
    run("ip", "link", "add", "virbr0", "type", "dummy", check=False)
    if "virbr0" not in run("ip", "link").stdout:
        run("ip", "link", "add", "virbr0", "type", "veth", "peer", "name", "other")
    scene.define(nat(dhcp=RANGE))
    check("name clash: refused", scene.nwfctl("net", "start", "lab", check=False).returncode, 4)
    check("name clash: the other's interface stays", "virbr0" in run("ip", "link").stdout)
    run("ip", "link", "del", "virbr0")
    blocker = scene.host.socket()
    blocker.bind(("0.0.0.0", 53))
    fails("port 53 taken", 4)
    blocker.close()
    fails("an option that dnsmasq does not know", 4, nat(dhcp=RANGE, extra="<dnsmasq:options xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>"
                                                                             "<dnsmasq:option value='no-such-option'/></dnsmasq:options>"))
    scene.define(nat(dhcp=RANGE))
    scene.nwfctl("net", "start", "lab")


@row("destroy-clean")
def _(scene, check):
    before = run("nft", "list", "ruleset").stdout, run("ss", "-Hlntu").stdout
    scene.start(nat(dhcp=RANGE, address=["192.168.122.1", "2001:db8:1::1"], extra="<nwf:port-forward proto='tcp' start='80' to='192.168.122.5'/>"))
    scene.guest("a", "virbr0").dhcp()
    scene.nwfctl("net", "stop", "lab")
    check("nothing is left", scene.nothing_left("virbr0"), [])
    check("neither rule nor socket", (run("nft", "list", "ruleset").stdout, run("ss", "-Hlntu").stdout), before)
    check("nor route", "virbr0" in run("ip", "-o", "route", "show", "table", "all").stdout, False)


@row("tap-reattach")
def _(scene, check):
    guest = nat_guest(scene)
    scene.nwfctl("net", "stop", "lab")
    check("stopped: the port has no bridge", "master" in run("ip", "link", "show", "dev", guest.port).stdout, False)
    scene.nwfctl("net", "start", "lab")
    check("started: it is back", "master virbr0" in run("ip", "link", "show", "dev", guest.port).stdout)
    guest.forwarding()
    check("and works", ask(guest, "203.0.113.1")[0], "out")


@row("restart-keep")
def _(scene, check):
    guest = nat_guest(scene)
    index = scene_index(scene.host, "virbr0")
    client, lost = flow(scene, guest)
    for extra in ("<mtu size='1500'/>", "<domain name='x.example'/>", "<nwf:port-forward proto='tcp' start='80' to='192.168.122.10'/>", ""):
        scene.define(nat(extra=extra))
        scene.nwfctl("net", "restart", "lab")
    check("the same bridge", scene_index(scene.host, "virbr0"), index)
    check("no packet was lost", lost(client), 0)


def flow(scene, guest):
    """A stream of packets from the guest to an outside host and back, numbered; and what counts the lost ones."""
    target = scene.out.socket()
    target.bind(("203.0.113.1", 9200))
    code = """
import socket, sys, time, select
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('203.0.113.1', 9200)); s.setblocking(False)
sent = got = 0
while sent < 50 or not select.select([sys.stdin], [], [], 0)[0]:
    s.send(b'%d' % sent); sent += 1
    time.sleep(0.002)
    try:
        while True:
            s.recv(100); got += 1
            if got == 1: print('flows', flush=True)
    except BlockingIOError: pass
    except ConnectionRefusedError: pass
end = time.time() + 2
while got < sent and time.time() < end:
    try: s.recv(100); got += 1
    except BlockingIOError: time.sleep(0.01)
    except ConnectionRefusedError: pass
print(sent, got)
"""
    echo = """
import socket
s = socket.socket(fileno=0)
while True:
    data, who = s.recvfrom(100); s.sendto(data, who)
"""
    answering = subprocess.Popen([sys.executable, "-c", echo], stdin=target.fileno())
    client = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=guest.enter)
    client.stdout.readline()  # it flows before anything is changed

    def lost(running):
        sent, got = map(int, running.communicate("\n")[0].split())
        answering.kill()
        return sent - got if sent > 20 else "only %d sent" % sent
    return client, lost


@row("wipe-flush")
def _(scene, check):
    guest = nat_guest(scene)
    for name, words in (("wipe-flush", ["flush", "ruleset"]), ("wipe-flush-chain", ["flush", "chain", "inet", "nwf_networks", "guest-in"]),
                        ("wipe-flush-element", ["delete", "element", "inet", "nwf_networks", "bridges", "{", "virbr0", "}"])):
        run("nft", *words)
        check("%s: status sees it" % name, "In sync:           no" in scene.nwfctl("status").stdout)
        scene.nwfctl("reconcile")
        check("%s: reconcile mends it" % name, ("In sync:           yes" in scene.nwfctl("status").stdout, ask(scene.out, "192.168.122.10")), (True, "refused"))
    check("and it works", ask(guest, "203.0.113.1")[:2], ("out", "203.0.113.2"))


@row("dnsmasq-kill")
def _(scene, check):
    scene.start(nat(dhcp=RANGE))
    guest = scene.guest("a", "virbr0")
    address = guest.dhcp()[1]["ip"]
    os.kill(scene.dnsmasqs()[0], signal.SIGKILL)
    wait_for(lambda: not scene.dnsmasqs())
    check("it is called degraded", "degraded" in scene.nwfctl("net", "list").stdout)
    scene.nwfctl("reconcile")
    check("reconcile starts it", len(scene.dnsmasqs()), 1)
    check("the leases are kept", address in scene.nwfctl("net", "leases", "lab").stdout)
    check("the same address", guest.dhcp()[1]["ip"], address)


@row("bridge-deleted")
def _(scene, check):
    guest = nat_guest(scene)
    run("ip", "link", "del", "virbr0")
    check("status sees it", "has lost its bridge" in scene.nwfctl("status").stdout)
    scene.nwfctl("reconcile")
    guest.join("virbr0")
    check("it is back", ask(guest, "203.0.113.1")[:2], ("out", "203.0.113.2"))
    mac = json.loads(run("ip", "-j", "link", "show", "dev", "virbr0").stdout)[0]["address"]
    run("ip", "link", "del", "virbr0")
    run("ip", "link", "add", "virbr0", "address", mac, "type", "bridge")
    run("ip", "addr", "add", "192.168.122.1/24", "dev", "virbr0")
    run("ip", "link", "set", "virbr0", "up")
    guest.join("virbr0")
    check("iif-stale: made by hand, rules still match", (ask(guest, "203.0.113.1")[:2], ask(scene.out, "192.168.122.10")), (("out", "203.0.113.2"), "refused"))


@row("foreign-drop")
def _(scene, check):
    guest = nat_guest(scene)
    for priority in (-10, 0, 10):
        run("nft", "add table ip other; add chain ip other f { type filter hook forward priority %d; policy drop; }" % priority)
        check("foreign-drop %d: it drops, whatever we accept" % priority, ask(guest, "203.0.113.1"), None)
        run("nft", "delete", "table", "ip", "other")
    check("without it", ask(guest, "203.0.113.1")[0], "out")


@row("accept-mark")
def _(scene, check):
    run("nft", "add table ip other; add chain ip other f { type filter hook forward priority 0; policy drop; }; "
               "add chain ip other i { type filter hook input priority 0; policy drop; }; "
               "add rule ip other f meta mark & 0x4000 == 0x4000 accept; add rule ip other i meta mark & 0x4000 == 0x4000 accept")
    scene.start(nat(dhcp=RANGE))
    guest = scene.guest("a", "virbr0", "192.168.122.100/24", "192.168.122.1")
    check("a host that drops what has no mark", ask(guest, "203.0.113.1"), None)
    scene.define(nat(dhcp=RANGE, extra="<nwf:accept mark='0x4000'/>"))
    scene.nwfctl("net", "restart", "lab")
    check("with the mark it is let out, and its answer in", ask(guest, "203.0.113.1")[0], "out")
    check("a lease", guest.dhcp()[0], 0)
    check("nothing else of the host", ask(guest, "192.168.122.1"), None)
    check("what our rules refuse gets no mark", ask(scene.out, "192.168.122.100"), "refused")


@row("portfwd")
def _(scene, check):
    guest = nat_guest(scene, extra="<nwf:port-forward proto='tcp' start='8080' end='8081' to='192.168.122.10' to-start='80'/>"
                                   "<nwf:port-forward proto='udp' start='5353' to='192.168.122.10'/>")
    client = scene.guest("c", "virbr0", "192.168.122.11/24", "192.168.122.1")
    for port in (80, 81):
        Echo(guest, port=port, tcp=True)
    Echo(guest, port=5353)
    check("portfwd tcp", ask(scene.out, "203.0.113.2", port=8080, tcp=True)[:2], ("g", "203.0.113.1"))
    check("portfwd tcp, the second of the range", ask(scene.out, "203.0.113.2", port=8081, tcp=True)[:2], ("g", "203.0.113.1"))
    check("portfwd udp", ask(scene.out, "203.0.113.2", port=5353)[:2], ("g", "203.0.113.1"))
    check("portfwd-host", ask(scene.host, "203.0.113.2", port=8080, tcp=True)[0], "g")
    check("hairpin", ask(client, "203.0.113.2", port=8080, tcp=True)[:2], ("g", "192.168.122.1"))
    check("no other port is open", ask(scene.out, "203.0.113.2", port=8082, tcp=True), "refused")
    check("nor the guest itself", ask(scene.out, "192.168.122.10", port=80, tcp=True), "refused")
    scene.define(nat())
    scene.nwfctl("net", "restart", "lab")
    check("removed, it is closed", ask(scene.out, "203.0.113.2", port=8080, tcp=True), "refused")


@row("isolated-port")
def _(scene, check):
    scene.start(nat(extra="<port isolated='yes'/>"))
    one = scene.guest("a", "virbr0", "192.168.122.10/24", "192.168.122.1")
    two = scene.guest("b", "virbr0", "192.168.122.11/24", "192.168.122.1")
    scene.nwfctl("reconcile")  # the ports came after the start
    check("guest to guest: none", ask(one, "192.168.122.11") in (None, "refused", "unreachable"))
    check("guest to host", ask(one, "192.168.122.1")[0], "host")
    check("guest to outside", ask(one, "203.0.113.1")[0], "out")
    one.ip("route", "add", "192.168.122.11/32", "via", "192.168.122.1")
    two.ip("route", "add", "192.168.122.10/32", "via", "192.168.122.1")
    # The host's redirect may use up what it may send of ICMP: silence is as good as a refusal.
    check("nor by way of the host", (ask(one, "192.168.122.11") in (None, "refused"), [e.seen for e in Echo.all if e.namespace is two]), (True, [0]))


@row("injection")
def _(scene, check):
    wrong = [network("a&#10;b", "virbr0", "192.168.122.1"), network("a,b", "virbr0", "192.168.122.1"), network("../b", "virbr0", "192.168.122.1"),
             nat(extra="<domain name='x&#10;conf-script=/bin/sh'/>"), nat(extra="<dns><txt name='a' value='b&#10;server=9.9.9.9'/></dns>"),
             nat(dhcp="<dhcp><host mac='52:54:00:00:00:01' name='a,ignore' ip='192.168.122.5'/></dhcp>")]
    for xml in wrong:
        check("refused: %s" % xml[70:130], (scene.define(xml, check=False).returncode, scene.nwfctl("net", "list").stdout.count("virbr")), (1, 0))
    check("no network came of it", json.loads(scene.nwfctl("--json", "net", "list").stdout)["networks"], [])


@row("autostart")
def _(scene, check):
    scene.define(nat())
    scene.nwfctl("net", "autostart", "lab")
    scene.nwfctl("reconcile")
    check("started at the first reconcile after boot", json.loads(scene.nwfctl("--json", "net", "info", "lab").stdout)["network"]["active"])
    scene.nwfctl("net-destroy", "lab")
    scene.nwfctl("reconcile")
    check("and only then", json.loads(scene.nwfctl("--json", "net", "info", "lab").stdout)["network"]["active"], False)
    scene.nwfctl("net-undefine", "lab")
    check("undefined", scene.nwfctl("net", "info", "lab", check=False).returncode, 3)


@row("nft-reads-back")
def _(scene, check):
    scene.start(nat(address=["192.168.122.1", "2001:db8:1::1"], forward="<nat ipv6='yes'><address start='203.0.113.10' end='203.0.113.12'/><port start='2000' end='3000'/></nat>",
                    extra="<nwf:port-forward proto='tcp' start='80' to='192.168.122.5'/><nwf:port-forward proto='udp' address='203.0.113.2' dev='W' start='53' to='192.168.122.5'/>"
                          "<nwf:host services='dns'/>"))
    scene.start(nat(name="six", bridge="virbr1", address=["192.168.123.1", "2001:db8:2::1"], forward="<interface dev='W'/><nat ipv6='yes'><nwf:prefix address='2001:db8:5::' prefix='64'/></nat>"))
    listed = run("nft", "list", "ruleset").stdout
    check("nft lists it", "[invalid" in listed or "unknown" in listed, False)
    check("and takes it again", run("nft", "-c", "-f", "-", stdin=listed, check=False).stdout, "")


def generation():
    """How often this namespace's nf_tables has been changed."""
    query = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
    query.bind((0, 0))
    query.send((20).to_bytes(4, sys.byteorder) + (0x0a10).to_bytes(2, sys.byteorder) + (1).to_bytes(2, sys.byteorder) + bytes(12))  # NFT_MSG_GETGEN
    answer = query.recv(4096)
    return int.from_bytes(answer[24:28], "big")


@row("start-atomic")
def _(scene, check):
    before = generation()
    scene.start(nat(dhcp=RANGE, extra="<nwf:port-forward proto='tcp' start='80' to='192.168.122.5'/>"))
    check("a start is one transaction", generation() - before, 1)
    before = generation()
    scene.nwfctl("net", "update", "lab", "add", "port-forward", "<nwf:port-forward %s proto='tcp' start='81' to='192.168.122.5'/>" % NS)
    check("so is an update", generation() - before, 1)
    before = generation()
    scene.nwfctl("net", "stop", "lab")
    check("and a stop", generation() - before, 1)


@row("dhcp-live")
def _(scene, check):
    scene.start(nat(dhcp=RANGE))
    pids, rules = scene.dnsmasqs(), generation()
    first = scene.guest("a", "virbr0", mac="52:54:00:00:00:01")
    check("before: an address of the range", first.dhcp()[1]["ip"] != "192.168.122.200")
    scene.nwfctl("net", "update", "lab", "add", "ip-dhcp-host", "<host mac='52:54:00:00:00:02' name='two' ip='192.168.122.200'/>")
    second = scene.guest("b", "virbr0", mac="52:54:00:00:00:02")
    check("a reservation made while it is up", second.dhcp()[1]["ip"], "192.168.122.200")
    check("the same process, and no rule touched", (scene.dnsmasqs(), generation()), (pids, rules))
    scene.nwfctl("net-update", "lab", "delete", "ip-dhcp-host", "<host mac='52:54:00:00:00:02'/>", "--live", "--config")
    scene.nwfctl("net-update", "lab", "add", "ip-dhcp-host", "<host mac='52:54:00:00:00:03' ip='192.168.122.200'/>")
    check("taken back and given to another", [h.split("'")[1] for h in scene.nwfctl("net", "dumpxml", "lab").stdout.split("<host ")[1:]], ["52:54:00:00:00:03"])
    check("also in the definition", "52:54:00:00:00:03" in scene.nwfctl("net", "dumpxml", "lab", "--inactive").stdout)
    check("still the same process", scene.dnsmasqs(), pids)
    check("a second one of the kind: refused", scene.nwfctl("net", "update", "lab", "add", "ip-dhcp-host", "<host mac='52:54:00:00:00:03' ip='192.168.122.201'/>", check=False).returncode, 4)


@row("dhcp-range-live")
def _(scene, check):
    scene.start(nat(dhcp=RANGE))
    guest = scene.guest("a", "virbr0", mac="52:54:00:00:00:01")
    address, pids = guest.dhcp()[1]["ip"], scene.dnsmasqs()
    scene.nwfctl("net", "update", "lab", "add", "ip-dhcp-range", "<range start='192.168.122.100' end='192.168.122.120'/>")
    check("dnsmasq is another", scene.dnsmasqs() != pids and len(scene.dnsmasqs()) == 1)
    check("the lease is kept", (address in scene.nwfctl("net", "leases", "lab").stdout, guest.dhcp()[1]["ip"]), (True, address))


@row("continuous-flow")
def _(scene, check):
    scene.start(nat(dhcp=RANGE))
    guest = scene.guest("g", "virbr0", "192.168.122.10/24", "192.168.122.1")
    client, lost = flow(scene, guest)
    forward = "<nwf:port-forward %s proto='tcp' start='81' to='192.168.122.10'/>" % NS
    scene.nwfctl("net", "update", "lab", "add", "ip-dhcp-host", "<host mac='52:54:00:00:00:02' ip='192.168.122.200'/>")
    scene.nwfctl("net", "update", "lab", "add", "port-forward", forward)
    scene.nwfctl("net", "update", "lab", "delete", "port-forward", forward)
    os.kill(scene.dnsmasqs()[0], signal.SIGKILL)
    scene.nwfctl("reconcile")
    scene.define(nat(dhcp=RANGE, extra="<domain name='x.example'/>"))
    scene.nwfctl("net", "restart", "lab")
    scene.start(network("more", "virbr7", "192.168.200.1", "route"))
    check("no packet lost through all of it", lost(client), 0)


@row("br-nf-on")
def _(scene, check):
    if scene.host.sysctl("net/bridge/bridge-nf-call-iptables") is None:
        print("this kernel has no br_netfilter loaded")
        sys.exit(SKIPPED)
    scene.host.sysctl("net/bridge/bridge-nf-call-iptables", 1)
    scene.start(network("lab", "virbr0", "192.168.122.1"))
    one = scene.guest("a", "virbr0", "192.168.122.10/24")
    scene.guest("b", "virbr0", "192.168.122.11/24")
    check("guests of one network, through the inet hooks", ask(one, "192.168.122.11")[0], "b")
    run("nft", "add table ip other; add chain ip other f { type filter hook forward priority 0; policy drop; }")
    check("what another table drops stays dropped", ask(one, "192.168.122.11"), None)
    run("nft", "delete", "table", "ip", "other")
    scene.start(nat(name="n", bridge="virbr1", address="192.168.123.1", extra="<nwf:port-forward proto='tcp' start='8080' to='192.168.123.10' to-start='80'/>"))
    guest = scene.guest("g", "virbr1", "192.168.123.10/24", "192.168.123.1")
    client = scene.guest("c", "virbr1", "192.168.123.11/24", "192.168.123.1")
    Echo(guest, port=80, tcp=True)
    check("a forwarded port from the guest's own network", ask(client, "203.0.113.2", port=8080, tcp=True)[:2], ("g", "192.168.123.1"))


@row("input-dns-dhcp")
def _(scene, check):
    run("nft", "add table ip other; add chain ip other i { type filter hook input priority 0; policy drop; }")
    scene.start(nat(dhcp=RANGE))
    guest = scene.guest("a", "virbr0")
    check("a host whose input drops: no lease, whatever we accept", guest.dhcp("-t", "2")[0], 1)
    run("nft", "delete", "table", "ip", "other")
    check("without it", guest.dhcp()[0], 0)


def docker(v6=False, old=True):
    """The chains of Docker with one bridge, made by the commands that it gives to iptables itself, and one container's namespace in it."""
    tool = "ip6tables-nft" if v6 else "iptables-nft"
    for line in ["-P FORWARD DROP", "-N DOCKER", "-N DOCKER-USER", "-A FORWARD -j DOCKER-USER", "-A DOCKER-USER -j RETURN"] + (
            ["-N DOCKER-ISOLATION-STAGE-1", "-A FORWARD -j DOCKER-ISOLATION-STAGE-1", "-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j RETURN",
             "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A FORWARD -o docker0 -j DOCKER",
             "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT"] if old else
            ["-N DOCKER-FORWARD", "-N DOCKER-BRIDGE", "-N DOCKER-CT", "-A FORWARD -j DOCKER-FORWARD", "-A DOCKER-FORWARD -j DOCKER-CT",
             "-A DOCKER-FORWARD -j DOCKER-BRIDGE", "-A DOCKER-BRIDGE -o docker0 -j DOCKER", "-A DOCKER-FORWARD -i docker0 -j ACCEPT",
             "-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]) + ["-A DOCKER ! -i docker0 -o docker0 -j DROP"]:
        run(tool, *line.split())


def forward_chains(tool="iptables-nft"):
    """What iptables itself lists, without the counters and in its own order."""
    return run(tool, "-S").stdout


COOPERATE = "<nwf:cooperate/>"


@row("docker-like")
def _(scene, check):
    if run("iptables-nft", "-S", check=False).returncode:
        print("needs iptables-nft")
        sys.exit(SKIPPED)
    scene.start(nat(dhcp=RANGE))
    docker()
    before = forward_chains()
    guest = scene.guest("g", "virbr0", "192.168.122.100/24", "192.168.122.1")
    check("off: dropped", ask(guest, "203.0.113.1"), None)
    check("and nothing of ours is there", forward_chains(), before)
    scene.define(nat(dhcp=RANGE, extra=COOPERATE))
    scene.nwfctl("net", "restart", "lab")
    check("cooperate: it passes", ask(guest, "203.0.113.1")[:2], ("out", "203.0.113.2"))
    check("what our rules refuse is refused", ask(scene.out, "192.168.122.100"), "refused")
    listed = forward_chains()
    check("iptables lists it, with its tag", ("-A DOCKER-USER -m comment --comment nwf -j NWF-FORWARD" in listed, "incompatible" in listed), (True, False))
    check("policies and rules of others are as they were", [l for l in listed.splitlines() if "NWF" not in l], before.splitlines())
    check("iptables takes its own listing", run("iptables-nft-restore", "-t", stdin=run("iptables-nft-save", "-t", "filter").stdout, check=False).stdout, "")
    check("nft does, too", run("nft", "-c", "-f", "-", stdin=run("nft", "list", "table", "ip", "filter").stdout, check=False).returncode, 0)
    check("in sync", "In sync:           yes" in scene.nwfctl("status").stdout)
    run("iptables-nft", "-F", "DOCKER-USER")
    check("flushed: status sees it", "In sync:           no" in scene.nwfctl("status").stdout)
    scene.nwfctl("reconcile")
    check("reconcile puts it back", ask(guest, "203.0.113.1")[0], "out")
    run("iptables-nft", "-I", "DOCKER-USER", "-s", "192.168.122.100", "-j", "DROP")
    scene.nwfctl("reconcile")
    check("the administrator's own rule goes before it", ask(guest, "203.0.113.1"), None)
    run("iptables-nft", "-D", "DOCKER-USER", "-s", "192.168.122.100", "-j", "DROP")
    run("iptables-nft", "-A", "DOCKER-USER", "-j", "RETURN")
    scene.nwfctl("net", "stop", "lab")
    check("after stop no trace", forward_chains(), before)


@row("docker-like-containers")
def _(scene, check):
    if run("iptables-nft", "-S", check=False).returncode:
        print("needs iptables-nft")
        sys.exit(SKIPPED)
    for number, old in enumerate((True, False)):
        run("ip", "link", "add", "docker0", "type", "bridge")
        run("ip", "addr", "add", "172.17.0.1/16", "dev", "docker0")
        run("ip", "link", "set", "docker0", "up")
        docker(old=old)
        scene.start(nat(dhcp=RANGE, extra=COOPERATE))
        guest = scene.guest("g%d" % number, "virbr0", "192.168.122.100/24", "192.168.122.1")
        container = scene.guest("k%d" % number, "docker0", "172.17.0.2/16", "172.17.0.1")
        check("a guest does not reach what Docker keeps to itself", ask(guest, "172.17.0.2"), None)
        run("iptables-nft", "-I", "DOCKER", "-o", "docker0", "-d", "172.17.0.2", "-j", "ACCEPT")
        check("what Docker lets in it reaches", ask(guest, "172.17.0.2")[0], "k%d" % number)
        scene.nwfctl("net", "stop", "lab")
        check("no trace", "NWF" in forward_chains(), False)
        run("iptables-nft", "-F")
        run("iptables-nft", "-X")
        run("ip", "link", "del", container.port)
        run("ip", "link", "del", guest.port)
        run("ip", "link", "del", "docker0")


@row("docker-like-ipv6")
def _(scene, check):
    if run("ip6tables-nft", "-S", check=False).returncode:
        print("needs ip6tables-nft")
        sys.exit(SKIPPED)
    docker(v6=True)
    before = forward_chains("ip6tables-nft")
    scene.start(network("lab", "virbr0", ["192.168.122.1", "2001:db8:1::1"], "route", extra=COOPERATE))
    guest = scene.guest("g", "virbr0", "2001:db8:1::10/64", "2001:db8:1::1")
    check("out", ask(guest, "2001:db8:ffff::1")[0], "out")
    check("in", ask(scene.out, "2001:db8:1::10")[0], "g")
    check("where nobody has chains there are none", run("iptables-nft", "-S").stdout.count("NWF"), 0)
    scene.nwfctl("net", "stop", "lab")
    check("after stop no trace", forward_chains("ip6tables-nft"), before)


@row("cooperate-killed")
def _(scene, check):
    if run("iptables-nft", "-S", check=False).returncode:
        print("needs iptables-nft")
        sys.exit(SKIPPED)
    docker()
    before = forward_chains()
    scene.start(nat(extra=COOPERATE))
    path = pathlib.Path(scene.root, "run/nwf/networks")
    # As a stop leaves it that dies before it has taken anything away.
    (path / "lab.xml").rename(path / "changing/lab.xml")
    scene.nwfctl("reconcile")
    check("no trace", (forward_chains(), scene.nothing_left("virbr0")), (before, []))


@row("ufw")
def _(scene, check):
    if not os.path.exists("/usr/sbin/ufw"):
        print("needs ufw")
        sys.exit(SKIPPED)
    # Its files are this test's own; its chains are this namespace's.
    run("cp", "-a", "/etc/ufw", "/mnt/ufw")
    run("mount", "--bind", "/mnt/ufw", "/etc/ufw")
    scene.start(nat(dhcp=RANGE))
    run("/usr/sbin/ufw", "--force", "enable")
    run("/usr/sbin/ufw", "default", "deny", "routed")
    before = forward_chains()
    guest = scene.guest("g", "virbr0")
    check("off: no lease", guest.dhcp("-t", "2")[0], 1)
    scene.define(nat(dhcp=RANGE, extra=COOPERATE))
    scene.nwfctl("net", "restart", "lab")
    check("cooperate: a lease", guest.dhcp()[0], 0)
    check("a name is answered", guest.run("busybox", "nslookup", "nobody.invalid", "192.168.122.1", check=False).stdout.count("timed out"), 0)
    check("out", ask(guest, "203.0.113.1")[0], "out")
    check("nothing else of the host", ask(guest, "192.168.122.1"), None)
    check("others' rules are as they were", [l for l in forward_chains().splitlines() if "NWF" not in l], before.splitlines())
    run("/usr/sbin/ufw", "reload")
    check("its reload takes it away", ask(guest, "203.0.113.1"), None)
    scene.nwfctl("reconcile")
    check("and it comes back", ask(guest, "203.0.113.1")[0], "out")
    run("/usr/sbin/ufw", "route", "deny", "out", "on", "W", "to", "203.0.113.1")
    scene.nwfctl("reconcile")
    check("what the administrator denies stays denied", ask(guest, "203.0.113.1"), None)
    run("/usr/sbin/ufw", "route", "delete", "deny", "out", "on", "W", "to", "203.0.113.1")
    scene.nwfctl("net", "stop", "lab")
    check("after stop no trace", [l for l in (forward_chains() + forward_chains("ip6tables-nft")).splitlines() if "NWF" in l or "nwf" in l], [])


class Firewalld:
    """firewalld on a message bus of this test's own, with its files."""

    def __init__(self):
        if not shutil.which("firewalld") or not shutil.which("dbus-daemon"):
            print("needs firewalld and dbus-daemon")
            sys.exit(SKIPPED)
        address = "unix:path=/mnt/bus"
        pathlib.Path("/mnt/bus.conf").write_text(
            "<busconfig><type>system</type><listen>%s</listen><policy context='default'><allow user='*'/><allow own='*'/>"
            "<allow send_type='*'/><allow receive_type='*'/></policy></busconfig>" % address)
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = address
        self.bus = subprocess.Popen(["dbus-daemon", "--config-file=/mnt/bus.conf", "--nofork", "--nopidfile"])
        wait_for(lambda: os.path.exists("/mnt/bus"))
        os.mkdir("/mnt/firewalld")
        self.start()
        atexit.register(self.bus.kill)
        atexit.register(self.stop)

    def start(self):
        self.process = subprocess.Popen(["firewalld", "--nofork", "--nopid", "--system-config", "/mnt/firewalld", "--log-target=file",
                                         "--log-file", "/mnt/firewalld.log"])
        wait_for(lambda: run("firewall-cmd", "--state", check=False).returncode == 0, 60)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def zone(self, bridge="virbr0"):
        return run("firewall-cmd", "--get-zone-of-interface", bridge, check=False).stdout.strip()


@row("firewalld")
def _(scene, check):
    scene.start(nat(dhcp=RANGE))
    guest = scene.guest("g", "virbr0")
    firewalld = Firewalld()
    check("off: dropped", (guest.dhcp("-t", "2")[0], firewalld.zone()), (1, "no zone"))
    zoned = lambda zone: nat(dhcp=RANGE, extra=COOPERATE).replace("<bridge ", "<bridge zone='%s' " % zone)
    scene.define(zoned("nowhere"))
    refused = scene.nwfctl("net", "restart", "lab", check=False)
    check("a zone that is not there: refused, with those that are", (refused.returncode, "trusted" in refused.stdout, firewalld.zone()), (4, True, "no zone"))
    if "libvirt" in run("firewall-cmd", "--get-zones").stdout.split():
        scene.define(nat(dhcp=RANGE, extra=COOPERATE))
        scene.nwfctl("net", "restart", "lab")
        check("cooperate: in libvirt's zone", firewalld.zone(), "libvirt")
        check("a lease from there, and the way out", (guest.dhcp()[0], ask(guest, "203.0.113.1")[0]), (0, "out"))
        check("nothing else of the host", ask(guest, "192.168.122.1"), "refused")
    scene.define(zoned("trusted"))
    scene.nwfctl("net", "restart", "lab")
    check("in its zone", firewalld.zone(), "trusted")
    check("a lease", guest.dhcp()[0], 0)
    check("out", ask(guest, "203.0.113.1")[0], "out")
    keeper = scene.beside(str(pathlib.Path(scene.nwfctl_path).parent / "nwf-networkd"), "--root", scene.root)
    run("firewall-cmd", "--reload")
    wait_for(lambda: firewalld.zone() == "trusted")
    check("after its reload the keeper puts it back", ask(guest, "203.0.113.1")[0], "out")
    keeper.kill()
    keeper.wait()
    firewalld.stop()
    firewalld.start()
    check("its restart forgets it; status sees it", (firewalld.zone(), "In sync:           no" in scene.nwfctl("status").stdout), ("no zone", True))
    scene.nwfctl("reconcile")
    check("reconcile brings it back", (firewalld.zone(), ask(guest, "203.0.113.1")[0]), ("trusted", "out"))
    scene.nwfctl("net", "stop", "lab")
    check("after stop no trace", firewalld.zone(), "no zone")
    run("firewall-cmd", "--zone=work", "--add-interface=virbr0")
    refused = scene.nwfctl("net", "start", "lab", check=False)
    check("where the administrator put it elsewhere: refused, and it stays", (refused.returncode, firewalld.zone(), scene.nothing_left("virbr0")), (4, "work", []))
    firewalld.stop()
    refused = scene.nwfctl("net", "start", "lab", check=False)
    check("without firewalld a zone is refused", (refused.returncode, "does not run" in refused.stdout), (4, True))
    scene.define(nat(dhcp=RANGE, extra=COOPERATE))
    check("but not to cooperate", scene.nwfctl("net", "start", "lab").returncode, 0)


LAN = network("lan", "virbr0", ["203.0.113.5", "2001:db8:ffff::5"], "route", extra="<nwf:proxy-arp dev='W'/>",
              dhcp="<dhcp><range start='203.0.113.50' end='203.0.113.59'/><host mac='52:54:00:00:00:60' ip='203.0.113.60'/></dhcp>"
              ).replace("prefix='64'></ip>", "prefix='64'><dhcp><host id='00:03:00:01:52:54:00:00:00:60' ip='2001:db8:ffff::60'/></dhcp></ip>")


def proxied():
    return sorted(word.split()[0] for word in run("ip", "neigh", "show", "proxy").stdout.splitlines())


@row("proxy-arp")
def _(scene, check):
    scene.start(LAN)
    check("reservations are answered for from the start", proxied(), ["2001:db8:ffff::60", "203.0.113.60"])
    guest = scene.guest("g", "virbr0", mac="52:54:00:00:00:50")
    told = guest.dhcp()[1]
    check("an address of the LAN", told["ip"].startswith("203.0.113.5"))
    address = told["ip"]
    check("with no daemon, reconcile sees the lease", ask(scene.out, address), None)
    scene.nwfctl("reconcile")
    check("from the LAN, as a neighbour", ask(scene.out, address)[:2], ("g", "203.0.113.1"))
    check("to the LAN, as a neighbour, with its own address", ask(guest, "203.0.113.1", source_port=40000), ("out", address, 40000))
    check("from the host itself", ask(scene.host, address)[:2], ("g", "203.0.113.5"))
    check("what no guest has is the LAN's", (ask(scene.out, "203.0.113.58"), proxied()), (None, ["2001:db8:ffff::60", address, "203.0.113.60"]))
    six = scene.guest("s", "virbr0", "2001:db8:ffff::60/128", mac="52:54:00:00:00:60")
    six.ip("route", "add", "2001:db8:ffff::5/128", "dev", "eth0")
    six.ip("route", "add", "default", "via", "2001:db8:ffff::5")
    check("IPv6 from the LAN", ask(scene.out, "2001:db8:ffff::60")[:2], ("s", "2001:db8:ffff::1"))
    check("IPv6 to the LAN", ask(six, "2001:db8:ffff::1")[:2], ("out", "2001:db8:ffff::60"))
    check("a second guest gets what is reserved for it", six.dhcp()[1]["ip"], "203.0.113.60")
    check("guests of it reach each other", ask(six, address)[0], "g")
    check("in sync", "In sync:           yes" in scene.nwfctl("status").stdout)
    run("ip", "neigh", "del", "proxy", address, "dev", "W")
    run("ip", "route", "del", address + "/32", "dev", "virbr0")
    check("taken away by somebody: status sees it", scene.nwfctl("status").stdout.count(address), 2)
    scene.nwfctl("reconcile")
    check("and reconcile mends it", ask(scene.out, address)[0], "g")
    scene.nwfctl("net", "update", "lan", "delete", "ip-dhcp-host", "<host mac='52:54:00:00:00:60' ip='203.0.113.60'/>")
    check("a reservation taken back while its lease runs", "203.0.113.60" in proxied())
    guest.give_back(address, "203.0.113.5")
    wait_for(lambda: address not in scene.nwfctl("net", "leases", "lan").stdout)
    scene.nwfctl("reconcile")
    check("a lease given back", (address in proxied(), address in run("ip", "route").stdout), (False, False))
    check("restart keeps it", (scene.nwfctl("net", "restart", "lan").returncode, "203.0.113.60" in proxied()), (0, True))
    scene.nwfctl("net", "stop", "lan")
    check("after stop no trace", (proxied(), scene.host.sysctl("net/ipv6/conf/W/proxy_ndp")), ([], "0"))
    other = scene.define(LAN.replace("203.0.113.5'", "198.51.100.5'").replace("203.0.113.", "198.51.100."), check=False)
    refused = scene.nwfctl("net", "start", "lan", check=False)
    check("no part of the LAN: refused", (other.returncode, refused.returncode, "no part of a network on interface W" in refused.stdout), (0, 4, True))


def one_row(name, nwfctl):
    scene, check = Scene(nwfctl), Report()
    try:
        ROWS[name](scene, check)
    finally:
        scene.end()
    return check.end()


def main():
    if sys.argv[1] == "--list":
        print("\n".join(ROWS))
        return 0
    if len(sys.argv) == 3:
        return one_row(sys.argv[2], sys.argv[1])
    waiting, running, failed, skipped = list(sys.argv[2:] or ROWS), {}, [], []
    while waiting or running:
        while waiting and len(running) < AT_A_TIME:
            name = waiting.pop(0)
            running[name] = subprocess.Popen([sys.executable, __file__, sys.argv[1], name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        name = next(iter(running))
        process = running.pop(name)
        text = process.communicate()[0]
        if process.returncode == SKIPPED:
            skipped.append(name)
        elif process.returncode:
            failed.append(name)
        print("== %s: %s" % (name, {0: "ok", SKIPPED: "skipped"}.get(process.returncode, "FAILED")))
        if process.returncode:
            print(text)
        sys.stdout.flush()
    print("%d rows, %d failed: %s" % (len(ROWS) if len(sys.argv) < 3 else len(sys.argv) - 2, len(failed), " ".join(failed)))
    return 1 if failed else SKIPPED if skipped and len(skipped) == len(ROWS) else 0


sys.exit(main())
