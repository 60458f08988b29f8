#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`nwfctl import libvirt` under traffic, and back.

  moving_in.py NWFCTL

A real libvirtd binds two ports, one to clean-traffic and one to a filter of its own. While frames run that must pass and
frames that must not, nwfctl takes over and libvirt's chains go; an administrator's own chains, of which some look alike, stay
byte for byte. Then the way back. Then the same with nwfctl killed at many instants. With NWFD in the environment nwfctl asks
that daemon. Everything is in the namespaces that libvirt-ns made."""
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "peer"), os.path.join(HERE, "..", "harness")]
from packets import GUEST_IP, GUEST_MAC, PEER_IP, PEER_MAC, frame  # noqa: E402
from through_nwfd import through_nwfd  # noqa: E402
from wire import Wire, sh  # noqa: E402

NWFCTL = os.path.abspath(sys.argv[1])
INSIDE = "--inside" in sys.argv
STOCK = os.path.join(HERE, "..", "..", "host", "stock")
SECOND_MAC, SECOND_IP = "52:54:00:aa:bb:02", "10.99.0.12"
OWN = """<filter name='own' chain='root'>%s
  <rule action='drop' direction='out' priority='1'><mac match='no' srcmacaddr='$MAC'/></rule>
  <rule action='accept' direction='out' priority='100'><udp/></rule>
  <rule action='accept' direction='out' priority='100'><icmp type='8'/></rule>
  <rule action='accept' direction='in' priority='100'><tcp dstportstart='80'/></rule>
  <rule action='drop' direction='inout' priority='1000'><all/></rule>
</filter>"""
OTHER_OWN = "<filter name='own'><rule action='drop' direction='in'><udp dstportstart='9'/></rule></filter>"
BINDING = """<filterbinding><owner><name>%s</name><uuid>00000000-0000-4000-8000-00000000000%d</uuid></owner>
  <portdev name='%s'/><mac address='%s'/><filterref filter='%s'><parameter name='IP' value='%s'/></filterref></filterbinding>"""
INTO, BACK = ["import", "libvirt", "--yes", "--remove-chains"], ["import", "--undo"]
failed = passed = 0


def check(name, ok, detail=""):
    global failed, passed
    print("%-86s %s %s" % (name, "ok" if ok else "FAILED", detail if not ok else ""), flush=True)
    passed, failed = passed + bool(ok), failed + (not ok)


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def virsh(*words):
    done = run("virsh", "-q", "-c", "nwfilter:///system", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Stream:
    """Frames without end: numbered ones that must arrive, and ones that must not."""

    def __init__(self, wire, second):
        udp = dict(kind="ip", proto=17, dmac=PEER_MAC, dip=PEER_IP)
        first, second_out = dict(udp, smac=GUEST_MAC, sip=GUEST_IP), dict(udp, smac=SECOND_MAC, sip=SECOND_IP, sport=40001)
        to_second = dict(kind="ip", proto=6, smac=PEER_MAC, dmac=SECOND_MAC, sip=PEER_IP, dip=SECOND_IP, flags=2)
        to_first = dict(kind="ip", proto=17, smac=PEER_MAC, dmac=GUEST_MAC, sip=PEER_IP, dip=GUEST_IP, sport=40002)
        self.honest = {"a": (wire.guest, first), "b": (second, second_out), "c": (wire.lan, dict(to_second, dport=80)),
                       "d": (wire.lan, to_first)}
        self.forged = {"v": (wire.guest, dict(first, sip="10.99.0.66")), "w": (wire.guest, dict(first, smac="52:54:00:aa:bb:66")),
                       "x": (second, dict(second_out, proto=6, dport=25)), "y": (wire.lan, dict(to_second, dport=22)),
                       "z": (second, dict(second_out, smac="52:54:00:aa:bb:66"))}
        self.sockets = {wire.guest: set(), second: set(), wire.lan: set()}
        self.sent, self.sent_forged = set(), 0
        self.stop = threading.Event()

    def __enter__(self):
        self.threads = [threading.Thread(target=self.send)] + [threading.Thread(target=self.receive, args=(s,)) for s in self.sockets]
        for thread in self.threads:
            thread.start()
        return self

    def send(self):
        number = 0
        while not self.stop.is_set():
            for letter, (socket, fields) in {**self.honest, **self.forged}.items():
                tag = "%s%08d;" % (letter, number)
                if self.write(socket, frame(fields, tag.encode())):
                    self.sent_forged += letter in self.forged
                    if letter in self.honest:
                        self.sent.add(tag)
            number += 1
            time.sleep(0.0005)

    @staticmethod
    def write(socket, data):
        try:
            socket.send(data)
            return True
        except (BlockingIOError, OSError):
            return False

    def receive(self, socket):
        ended = None
        while ended is None or time.monotonic() < ended:
            if ended is None and self.stop.is_set():
                ended = time.monotonic() + 1
            try:
                data, address = socket.recvfrom(2048)
            except BlockingIOError:
                time.sleep(0.0005)
                continue
            found = re.search(rb"[a-z]\d{8};", data)
            if found and address[2] != 4:  # PACKET_OUTGOING: what we sent ourselves
                self.sockets[socket].add(found.group().decode())

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        came = set().union(*self.sockets.values())
        self.lost = sorted(self.sent - came)
        self.leaked = sorted(tag for tag in came if tag[0] in self.forged)


def judge(name, stream):
    print("    %d frames that must pass, %d that must not" % (len(stream.sent), stream.sent_forged))
    check(name + ": no frame is lost", not stream.lost, "%d: %s" % (len(stream.lost), stream.lost[:5]))
    check(name + ": no frame is leaked", not stream.leaked, "%d: %s" % (len(stream.leaked), stream.leaked[:5]))
    check(name + ": frames of each kind were sent", {tag[0] for tag in stream.sent} == set("abcd") and stream.sent_forged > 100)


def listings():
    """All that iptables and ebtables say, without times and counters."""
    text = "".join(sh(*c) for c in (("iptables-save",), ("ip6tables-save",), ("ebtables-save",)))
    return "\n".join(re.sub(r" \[\d+:\d+\]", "", line) for line in text.splitlines() if not line.startswith("#"))


ADMINISTRATOR = ["ip filter MINE", "ip filter FI-vnet9", "ip filter LIBVIRT_INP", "ip6 filter FO-vnet00", "bridge nat ADMIN",
                 "bridge nat I-vnet0-mine", "bridge nat libvirt-I-vnet9", "bridge filter I-vnet0-mac"]


SHARED = {":libvirt-in -", ":libvirt-out -", ":libvirt-in-post -", ":libvirt-host-in -", "-A INPUT -j libvirt-host-in",
          "-A FORWARD -j libvirt-in", "-A FORWARD -j libvirt-out", "-A FORWARD -j libvirt-in-post"}


def administrators():
    """The administrator's chains as nft shows them, with handles and counters: nobody may as much as make them anew."""
    return "".join(sh("nft", "-a", "list", "chain", *chain.split()) for chain in ADMINISTRATOR)


def more_than(before):
    """Lines of the listings that were not there before."""
    return list((collections.Counter(listings().splitlines()) - collections.Counter(before.splitlines())).elements())


def set_up_administrator():
    for command in ("iptables -N MINE", "iptables -A MINE -p tcp --dport 1 -j DROP", "iptables -A FORWARD -p tcp --dport 1 -j MINE",
                    "iptables -N FI-vnet9", "iptables -A FI-vnet9 -j DROP", "iptables -N LIBVIRT_INP", "iptables -A LIBVIRT_INP -p udp --dport 53 -j ACCEPT",
                    "iptables -A INPUT -j LIBVIRT_INP", "ip6tables -N FO-vnet00", "ip6tables -A FO-vnet00 -j DROP",
                    "ip6tables -A FORWARD -m physdev --physdev-out vnet00 --physdev-is-bridged -j FO-vnet00",
                    "ebtables -t nat -N ADMIN", "ebtables -t nat -A ADMIN -p 0x88cc -j DROP", "ebtables -t nat -A PREROUTING -i lan9 -j ADMIN",
                    "ebtables -t nat -N I-vnet0-mine", "ebtables -t nat -A I-vnet0-mine -j DROP",
                    "ebtables -t nat -N libvirt-I-vnet9", "ebtables -t nat -A libvirt-I-vnet9 -j DROP",
                    "ebtables -t nat -A PREROUTING -i vnet9 -j libvirt-I-vnet9",
                    "ebtables -t filter -N I-vnet0-mac", "ebtables -t filter -A I-vnet0-mac -j DROP"):
        sh(*command.split())


def second_port(wire):
    host, guest = wire.ns["host"], wire.ns["guest"]
    sh("ip", "-n", host, "link", "add", "vnet1", "type", "veth", "peer", "name", "g1", "netns", guest)
    sh("ip", "-n", host, "link", "set", "vnet1", "master", "br0")
    sh("ip", "-n", host, "link", "set", "vnet1", "type", "bridge_slave", "learning", "off")
    sh("ip", "-n", host, "link", "set", "vnet1", "up")
    sh("ip", "-n", guest, "link", "set", "g1", "up", "promisc", "on")
    for port, mac in (("vnet0", GUEST_MAC), ("vnet1", SECOND_MAC), ("lan0", PEER_MAC)):
        sh("bridge", "-n", host, "fdb", "replace", mac, "dev", port, "master", "static")
    return wire.raw("guest", "g1")


def bind_by_libvirt(folder):
    def file(name, text):
        path = os.path.join(folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path
    has = virsh("nwfilter-list").split()  # where the distribution's are not installed: ours, which say the same
    for name in sorted(os.listdir(STOCK)):
        if name[:-len(".xml")] not in has:
            virsh("nwfilter-define", os.path.join(STOCK, name))
    virsh("nwfilter-define", file("own.xml", OWN % "<uuid>8d9a5f10-6a1c-4c1e-9c55-0d6f6a1b2c3d</uuid>"))
    virsh("nwfilter-binding-create", file("b0.xml", BINDING % ("one", 1, "vnet0", GUEST_MAC, "clean-traffic", GUEST_IP)))
    virsh("nwfilter-binding-create", file("b1.xml", BINDING % ("two", 2, "vnet1", SECOND_MAC, "own", SECOND_IP)))


class Nwf:
    def __init__(self, root):
        self.root = root

    def __call__(self, *words):
        return run(NWFCTL, "--root", self.root, *words)

    def state(self):
        names = [row["name"] for row in json.loads(self("--json", "filter", "list").stdout)["filters"]]
        ports = [row["port"] for row in json.loads(self("--json", "binding", "list").stdout)["bindings"]]
        return ([self("filter", "dumpxml", n).stdout for n in names], [self("binding", "dumpxml", p).stdout for p in ports])

    def in_sync(self):
        return json.loads(self("--json", "status").stdout)["in_sync"]

    def record(self):
        return os.path.join(self.root, "etc/nwf/imported/libvirt.json")


def moves_in_and_back(nwf, wire, second, before_libvirt):
    nothing = nwf("import", "--undo")
    check("undo without an import says so", nothing.returncode == 3 and "nothing was imported" in nothing.stderr, nothing.stderr)
    state, listed, admins = nwf.state(), listings(), administrators()
    planned = nwf("import", "libvirt", "--remove-chains")
    check("without --yes it is a plan", planned.returncode == 10 and "This is a plan" in planned.stdout, planned.stdout + planned.stderr)
    check("which names both ports and the filter that is replaced", all(w in planned.stdout for w in (
        "port vnet0: filter clean-traffic, guest one: new", "port vnet1: filter own, guest two: new", "filter own: changed",
        "libvirt's takes its place", "bridge nat libvirt-I-vnet0", "ip filter FI-vnet1")), planned.stdout)
    check("and changes nothing", nwf.state() == state and listings() == listed and not os.path.exists(nwf.record()))
    with Stream(wire, second) as stream:
        time.sleep(0.5)
        done = nwf("import", "libvirt", "--yes", "--remove-chains")
        time.sleep(1)
    check("the import succeeds", done.returncode == 0, done.stdout + done.stderr)
    judge("the import", stream)
    check("libvirt's chains are gone", not more_than(before_libvirt), more_than(before_libvirt)[:5])
    check("what is left is what was there before libvirt", listings() == before_libvirt, diff(before_libvirt, listings()))
    check("the administrator's chains are untouched, byte for byte", administrators() == admins, diff(admins, administrators()))
    bound = nwf("binding", "list").stdout
    check("nwf guards both ports", "vnet0" in bound and "vnet1" in bound and nwf.in_sync(), bound)
    again = nwf("import", "libvirt", "--remove-chains")
    check("once more there is nothing to do", again.returncode == 0, again.stdout + again.stderr)
    would = nwf("import", "--undo", "--dry-run")
    check("undo --dry-run shows and changes nothing", would.returncode == 10 and "port vnet1: would be unbound" in would.stdout and
          listings() == before_libvirt, would.stdout + would.stderr)
    with Stream(wire, second) as stream:
        time.sleep(0.5)
        back = nwf("import", "--undo")
        time.sleep(1)
    check("undo succeeds", back.returncode == 0 and "The import is taken back" in back.stdout, back.stdout + back.stderr)
    judge("undo", stream)
    check("libvirt's chains are as they were", listings() == listed, diff(listed, listings()))
    check("the administrator's chains are still untouched", administrators() == admins, diff(admins, administrators()))
    check("nwf is as it was", nwf.state() == state and nwf.in_sync() and not os.path.exists(nwf.record()),
          diff("\n".join(sum(state, [])), "\n".join(sum(nwf.state(), []))) + nwf("status").stdout)


def killed(nwf, wire, second, before_libvirt):
    """nwfctl dies anywhere on its way in and out; the same command again goes on from there."""
    state, listed = nwf.state(), listings()
    kills = 0
    with Stream(wire, second) as stream:
        for delay in [0.003 * n for n in range(1, 31)]:
            for words in INTO, BACK:
                one = subprocess.Popen([NWFCTL, "--root", nwf.root, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    one.wait(delay)
                except subprocess.TimeoutExpired:
                    one.kill()
                    one.wait()
                    kills += 1
        last = nwf(*INTO)
        check("killed: at last the import is done", last.returncode == 0 and listings() == before_libvirt,
              last.stderr + diff(before_libvirt, listings()))
        last = nwf(*BACK)
        check("killed: at last undo is done", last.returncode == 0, last.stdout + last.stderr)
    print("    killed %d times" % kills)
    judge("killed", stream)
    check("killed: all is as it was", nwf.state() == state and listings() == listed and nwf.in_sync(),
          diff(listed, listings()) + diff("\n".join(sum(state, [])), "\n".join(sum(nwf.state(), []))))


def refused(nwf, folder):
    """What cannot be taken is told with its place, and changes nothing."""
    state = nwf.state()
    root = os.path.join(folder, "other")

    def put(file, text):
        os.makedirs(os.path.dirname(os.path.join(root, file)), exist_ok=True)
        with open(os.path.join(root, file), "w") as f:
            f.write(text)
    put("etc/libvirt/nwfilter/bad.xml", "<filter name='bad'>\n  <rule action='acept' direction='in'/>\n</filter>")
    bad = nwf("import", "libvirt", "--yes", "--libvirt-root", root)
    check("a bad filter is told with its place", bad.returncode == 1 and "nwfilter/bad.xml:2:3: 'acept' is no action" in bad.stderr, bad.stderr)
    put("etc/libvirt/nwfilter/bad.xml", "<filter name='good'/>")
    put("run/libvirt/nwfilter-binding/vnet7.xml", "<filterbindingstatus>\n" + BINDING % ("x", 7, "vnet7", GUEST_MAC, "nobody", GUEST_IP) + "</filterbindingstatus>")
    for words in ([], ["--yes"]):
        missing = nwf("import", "libvirt", "--libvirt-root", root, *words)
        check("a filter that is missing is told at the binding's place%s" % "".join(words), missing.returncode == 1 and
              "vnet7.xml:2:1: " in missing.stderr and "nobody" in missing.stderr, missing.stderr)
    check("and nothing is changed", nwf.state() == state and not os.path.exists(nwf.record()))
    keep = nwf("import", "libvirt", "--keep")
    check("--keep leaves nwf's own filter", keep.returncode == 10 and "filter own: nwf's own is kept" in keep.stdout and "port vnet1" in keep.stdout, keep.stdout)


def changed_since(nwf):
    """What the administrator changed after the import stays."""
    listed = listings()
    nwf("import", "libvirt", "--yes")
    check("without --remove-chains libvirt's chains stay", listings() == listed, diff(listed, listings()))
    nwf("binding", "set", "vnet0", "IP=10.99.0.77")
    later = os.path.join(nwf.root, "later.xml")
    with open(later, "w") as f:
        f.write(OTHER_OWN)
    nwf("filter", "define", later)
    back = nwf("import", "--undo")
    check("undo tells what was changed since", back.returncode == 0 and "the binding of port vnet0 was changed since" in back.stdout,
          back.stdout + back.stderr)
    ports = nwf("binding", "list").stdout
    check("and leaves it", "vnet0" in ports and "vnet1" not in ports, ports)
    nwf("binding", "delete", "vnet0")


def keeps_what_is_not_sure(nwf, before_libvirt):
    """A chain that somebody else leads to stays, and with it what leads there."""
    sh("iptables", "-A", "MINE", "-p", "udp", "--dport", "7", "-j", "FO-vnet1")
    sh("iptables", "-P", "FORWARD", "DROP")
    done = nwf("import", "libvirt", "--yes", "--remove-chains")
    check("with a FORWARD that drops, libvirt's chains there stay", done.returncode == 0 and "the policy of FORWARD is drop" in done.stdout and
          "-g FO-vnet1" in listings(), done.stdout + done.stderr)
    sh("iptables", "-P", "FORWARD", "ACCEPT")
    done = nwf("import", "libvirt", "--yes", "--remove-chains")
    left = listings()
    check("a chain that an administrator's rule leads to stays", done.returncode == 0 and "chain FO-vnet1 in ip filter stays" in done.stdout and
          "-g FO-vnet1" in left and "-j libvirt-out" in left and "FI-vnet1" not in left, done.stdout + done.stderr + left)
    back = nwf("import", "--undo")
    check("and undo brings the others back", back.returncode == 0 and "-g FI-vnet1" in listings(), back.stdout + back.stderr)
    sh("iptables", "-D", "MINE", "-p", "udp", "--dport", "7", "-j", "FO-vnet1")


def diff(before, after):
    import difflib
    return "\n" + "\n".join(list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[:40])


def main():
    with tempfile.TemporaryDirectory() as folder, Wire(here=True) as wire:
        second = second_port(wire)
        set_up_administrator()
        # Tables that libvirt will make are there before it, so that what it leaves can be compared.
        before_libvirt = listings()
        bind_by_libvirt(folder)
        check("libvirt has made its chains", len(more_than(before_libvirt)) > 60, more_than(before_libvirt))
        with Stream(wire, second) as stream:
            time.sleep(1)
        judge("libvirt alone", stream)
        root = os.path.join(folder, "root")
        os.mkdir(root)
        with through_nwfd(NWFCTL, root):
            nwf = Nwf(root)
            for name, text in (("own.xml", OTHER_OWN), ("mine.xml", BINDING % ("three", 3, "vnet5", GUEST_MAC, "own", GUEST_IP))):
                with open(os.path.join(root, name), "w") as f:
                    f.write(text)
            nwf("filter", "define", os.path.join(root, "own.xml"))
            nwf("binding", "create", os.path.join(root, "mine.xml"))
            moves_in_and_back(nwf, wire, second, before_libvirt)
            killed(nwf, wire, second, before_libvirt)
            refused(nwf, folder)
            changed_since(nwf)
            keeps_what_is_not_sure(nwf, before_libvirt)
        for port in ("vnet0", "vnet1"):
            virsh("nwfilter-binding-delete", port)
        check("libvirt finds its own chains and takes them away, but for those of no port",
              set(more_than(before_libvirt)) == SHARED, more_than(before_libvirt))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed != 0


def why_not():
    if os.geteuid() != 0:
        return "needs root"
    for program in ("libvirtd", "virsh", "nft", "iptables", "ip6tables", "ebtables"):
        if shutil.which(program) is None:
            return "needs %s" % program
    if "nf_tables" not in run("iptables", "-V").stdout:
        return "needs the nft-backed iptables"
    return None


if INSIDE:
    sys.exit(main())
if reason := why_not():
    print("0 passed, 0 failed, 1 skipped: " + reason)
    sys.exit(77)
os.execv(os.path.join(HERE, "..", "peer", "libvirt-ns"), ["libvirt-ns", sys.executable, os.path.abspath(__file__), NWFCTL, "--inside"])
