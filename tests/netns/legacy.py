#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The iptables-legacy backend against the real programs: what they list of our commits, what they make of our text, and
what becomes of rules that are an administrator's.

  legacy.py NWFCTL SOURCE [--update]   --update writes the golden listings anew

Needs root: works in network namespaces and temporary roots of its own. ebtables is looked at where the kernel has it."""
import contextlib
import difflib
import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from through_nwfd import through_nwfd  # noqa: E402

NWFCTL, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
UPDATE = "--update" in sys.argv
GOLDEN = pathlib.Path(__file__).resolve().parent / "legacy"
passed = failed = 0


def check(what, good, more=""):
    global passed, failed
    if good:
        passed += 1
        return
    failed += 1
    print("FAILED %s\n%s" % (what, more))


def same(what, a, b):
    check(what, a == b, "".join(difflib.unified_diff(a.splitlines(True), b.splitlines(True), "is", "should be", n=1)))


class Space:
    """A network namespace that lives as long as a process of ours, with a store of its own."""

    def __init__(self, bridge_netfilter=True):
        self.process = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        mine = os.readlink("/proc/self/ns/net")
        while os.readlink("/proc/%d/ns/net" % self.process.pid) == mine:
            pass
        self.root = tempfile.mkdtemp()
        self.run("ip", "link", "add", "br0", "up", "type", "bridge")
        for name in ("iptables", "ip6tables"):
            self.run("sysctl", "-qw", "net.bridge.bridge-nf-call-%s=%d" % (name, bridge_netfilter))
        self.daemon = contextlib.ExitStack()

    def __enter__(self):
        self.daemon.enter_context(through_nwfd(NWFCTL, self.root, ["nsenter", "-n", "-t", str(self.process.pid)]))
        return self

    def __exit__(self, *_):
        self.daemon.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.root)

    def run(self, *command, stdin="", user=None):
        who = ["setpriv", "--reuid", user, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"] if user else []
        return subprocess.run(["nsenter", "-n", "-t", str(self.process.pid)] + who + list(command), input=stdin, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)

    def nwf(self, *words, stdin="", ok=True):
        ran = self.run(NWFCTL, "--root", self.root, *words, stdin=stdin)
        if ok:
            check("nwfctl " + " ".join(words), ran.returncode == 0, ran.stderr)
        return ran

    def in_sync(self):
        status = json.loads(self.nwf("--json", "status").stdout)
        return status["in_sync"]

    def tables(self, counters=False):
        """{program: its listing}, without the lines that tell the time; counters only when asked for."""
        listings = {}
        for program in ("iptables-legacy-save", "ip6tables-legacy-save"):
            text = self.run(program, *(["-c"] if counters else [])).stdout
            text = re.sub(r"^#.*\n", "", text, flags=re.M)
            listings[program] = text if counters else re.sub(r"\[\d+:\d+\]", "[0:0]", text)
        if EBTABLES:
            # Chains stand in the order in which they were made; only that of rules says anything.
            listing = re.sub(" +$", "", self.run("ebtables-legacy", "-t", "nat", "-L").stdout, flags=re.M)
            listings["ebtables-legacy"] = "\n\n".join(sorted(listing.strip().split("\n\n"))) + "\n"
        return listings


def ebtables_there():
    with Space() as space:
        return space.run("ebtables-legacy", "-t", "nat", "-L").returncode == 0


def binding(port="vnet0", filter="everything", mac="52:54:00:00:00:07", ip="192.0.2.7"):
    return ("<filterbinding><portdev name='%s'/><mac address='%s'/><filterref filter='%s'><parameter name='IP' value='%s'/>"
            "</filterref></filterbinding>" % (port, mac, filter, ip))


def listings():
    """What we commit is what we say, what the programs list, and what they make of our text."""
    text = (GOLDEN / "everything.xml").read_text()
    for backend in ("iptables-legacy", "iptables-legacy-classic"):
        with Space() as ours, Space() as theirs:
            for space in (ours, theirs):
                space.nwf("filter", "define", "-", stdin=text)
            ours.nwf("--backend", backend, "binding", "create", "-", stdin=binding())
            ours.nwf("binding", "create", "-", stdin=binding("vnet1", mac="52:54:00:00:00:08", ip="192.0.2.8"))
            committed = ours.tables()
            for program, listing in committed.items():
                golden = GOLDEN / ("%s.%s" % (backend, program))
                if UPDATE:
                    golden.write_text(listing)
                same("%s lists of %s" % (program, backend), listing, golden.read_text())
            check("in sync", ours.in_sync())
            classic = ["--classic"] if backend.endswith("classic") else []
            for option, restore in (("--ipv4", "iptables-legacy-restore"), ("--ipv6", "ip6tables-legacy-restore"),
                                    ("--ethernet", "ebtables-legacy-restore")):
                if option == "--ethernet" and not EBTABLES:
                    continue
                exported = ours.nwf("export", "--format", "iptables", option, *classic).stdout
                ran = theirs.run(restore, "--noflush", stdin=exported)
                check(restore + " takes our text", ran.returncode == 0 and not ran.stderr, ran.stderr)
            restored = theirs.tables()
            for program in committed:
                same("%s of %s, restored" % (program, backend), restored[program], committed[program])


EBTABLES_RULES = ["-N ADMIN -P RETURN", "-A PREROUTING -p ARP --arp-op 1 -j ADMIN", "-A PREROUTING -d 02:00:00:00:00:01 -j dnat --to-dst 02:00:00:00:00:02",
                  "-A ADMIN --limit 5/sec --limit-burst 9 -j CONTINUE", "-A ADMIN -p 0x0800 --ip-src 192.0.2.0/24 --ip-proto 17 --ip-dport 53:54 -j mark --mark-or 4 --mark-target RETURN",
                  "-A ADMIN -s 02:00:00:00:00:03 --log-level info --log-prefix mine --log-arp -j DROP", "-A POSTROUTING -o other0 -s 02:00:00:00:00:04 -j snat --to-src 02:00:00:00:00:05",
                  "-P POSTROUTING ACCEPT"]


def administrators():
    """A namespace full of somebody else's rules: byte for byte the same afterwards, and they keep counting."""
    with Space() as space:
        lines = ["*filter"] + [":ADMIN%d - [0:0]" % i for i in range(20)]
        lines += ["-A INPUT -i lo -j ACCEPT", "-A FORWARD -m limit --limit 3/s -j ADMIN0", "-A OUTPUT -o lo -p udp -m length --length 0:1000 -j ADMIN1"]
        odd = ["-m statistic --mode nth --every 3 --packet 0", "-m u32 --u32 0x0>>0x16=0x5", "-m string --string abc --algo bm",
               "-m hashlimit --hashlimit-upto 1/s --hashlimit-name h%d", "-m multiport --ports 1,2,3", "-m recent --set --name r%d"]
        for i in range(1000):
            extra = odd[i % len(odd)]
            extra = extra % i if "%d" in extra else extra
            proto = "-p tcp " if "multiport" in extra else ""
            lines.append("-A ADMIN%d -s 10.%d.%d.0/24 %s%s -j %s" % (i % 20, i // 256, i % 256, proto, extra, ("DROP", "RETURN", "LOG")[i % 3]))
        lines += ["COMMIT", ""]
        loaded = space.run("iptables-legacy-restore", stdin="\n".join(lines))
        check("the administrator's rules", loaded.returncode == 0, loaded.stderr)
        if EBTABLES:
            for words in EBTABLES_RULES:
                ran = space.run("ebtables-legacy", "--concurrent", "-t", "nat", *words.split())
                check("ebtables " + words, ran.returncode == 0, ran.stderr)
        space.run("ip", "link", "set", "lo", "up")
        space.run("bash", "-c", "for i in 1 2 3 4 5; do echo x > /dev/udp/127.0.0.1/9; done")
        before, counted = space.tables(), space.tables(counters=True)
        check("they count", "[5:" in counted["iptables-legacy-save"], counted["iptables-legacy-save"][:2000])
        space.nwf("filter", "define", "-", stdin=(GOLDEN / "everything.xml").read_text())
        space.nwf("backend", "iptables-legacy")
        binds = int(os.environ.get("NWF_LEGACY_BINDS", "200"))
        for i in range(binds):
            space.nwf("binding", "create", "-", stdin=binding("vnet%d" % i))
            if i == binds // 2:
                space.run("bash", "-c", "for i in 1 2 3; do echo x > /dev/udp/127.0.0.1/9; done")
            space.nwf("binding", "delete", "vnet%d" % i)
        same("the administrator's rules after %d binds" % binds, space.tables()["iptables-legacy-save"], before["iptables-legacy-save"])
        if EBTABLES:
            same("and those of ebtables", space.tables()["ebtables-legacy"], before["ebtables-legacy"])
        same("and of IPv6", space.tables()["ip6tables-legacy-save"].replace("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n", ""),
             before["ip6tables-legacy-save"].replace("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n", ""))
        check("they kept counting", "[8:" in space.tables(counters=True)["iptables-legacy-save"])


def moved_by_hand():
    """What an administrator puts in front of ours stays there; what he takes of ours comes back."""
    with Space() as space:
        space.nwf("filter", "define", "-", stdin=(GOLDEN / "everything.xml").read_text())
        space.nwf("--backend", "iptables-legacy", "binding", "create", "-", stdin=binding())
        space.run("iptables-legacy", "-I", "FORWARD", "-s", "198.51.100.1", "-j", "DROP")
        space.run("iptables-legacy", "-A", "FORWARD", "-s", "198.51.100.2", "-j", "DROP")
        with_hand = space.tables()
        space.nwf("binding", "create", "-", stdin=binding("vnet1"))
        space.nwf("binding", "delete", "vnet1")
        for program, listing in space.tables().items():
            same("%s beside the administrator's" % program, listing, with_hand[program])
        space.run("iptables-legacy", "-F", "FO-vnet0")
        space.run("iptables-legacy", "-D", "FORWARD", "-j", "libvirt-in")
        check("a loss is seen", not space.in_sync())
        space.nwf("reconcile")
        check("and mended", space.in_sync())


def bad_input():
    """Each is refused with a message that says what and what to do, and changes nothing."""
    def refused(space, what, says, *words, stdin=""):
        before = space.tables()
        ran = space.nwf(*words, stdin=stdin, ok=False)
        check(what + " is refused", ran.returncode not in (0, 2), ran.stdout)
        check(what + " is told", says in ran.stderr, "%r is not in: %s" % (says, ran.stderr))
        check(what + " changes no table", space.tables() == before)
        check(what + " binds nothing", "vnet0" not in space.nwf("binding", "list").stdout)
    with Space() as space:
        space.nwf("filter", "define", "-", stdin=(GOLDEN / "everything.xml").read_text())
        refused(space, "an unknown backend", "iptables-legacy", "backend", "ipchains")
        space.nwf("backend", "iptables-legacy")
        space.run("iptables-legacy", "-N", "FI-vnet0")
        refused(space, "a chain of the administrator's", "FI-vnet0", "binding", "create", "-", stdin=binding())
        space.run("iptables-legacy", "-X", "FI-vnet0")
        space.run("ip6tables-legacy", "-N", "libvirt-in")
        refused(space, "a hub of the administrator's", "not nwf's", "binding", "create", "-", stdin=binding())
        space.run("ip6tables-legacy", "-X", "libvirt-in")
        with open("/run/xtables.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ran = space.nwf("binding", "create", "-", stdin=binding(), ok=False)
            check("a lock that is held", ran.returncode == 4 and "/run/xtables.lock" in ran.stderr, ran.stderr)
        missing = "<filter name='set'><rule action='drop' direction='in'><all ipset='nobody-made-it' ipsetflags='src'/></rule></filter>"
        space.nwf("filter", "define", "-", stdin=missing)
        refused(space, "an ipset that is not there", "ipset", "binding", "create", "-", stdin=binding(filter="set"))
        # A good one, to see that nothing of the above is in the way.
        space.nwf("binding", "create", "-", stdin=binding())
        space.nwf("binding", "delete", "vnet0")
        os.chmod(space.root, 0o755)
    with Space() as space:
        for folder, _, _ in os.walk(space.root):
            shutil.chown(folder, "nobody")
        ran = space.run(NWFCTL, "--root", space.root, "backend", "iptables-legacy", user="nobody")
        check("without permission", ran.returncode == 1 and "root" in ran.stderr, ran.stderr)
    with Space(bridge_netfilter=False) as space:
        space.nwf("filter", "define", "-", stdin=(GOLDEN / "everything.xml").read_text())
        space.nwf("backend", "iptables-legacy")
        refused(space, "a bridge that iptables does not see", "bridge-nf-call-iptables", "binding", "create", "-", stdin=binding())


def missing_module():
    """A match whose module is not there. Only where this may change which modules the machine loads."""
    if not os.environ.get("NWF_MAY_HIDE_MODULES"):
        print("skipped: hiding a module is for a machine of its own")
        return
    subprocess.run(["modprobe", "-r", "xt_dscp"], check=True)
    hidden = pathlib.Path("/run/modprobe.d/nwf-hides.conf")
    hidden.parent.mkdir(exist_ok=True)
    hidden.write_text("install xt_dscp /bin/false\n")
    try:
        with Space() as space:
            space.nwf("filter", "define", "-", stdin="<filter name='dscp'><rule action='drop' direction='out'><tcp dscp='8'/></rule></filter>")
            space.nwf("backend", "iptables-legacy")
            before = space.tables()
            ran = space.nwf("binding", "create", "-", stdin=binding(filter="dscp"), ok=False)
            check("a match without its module is refused", ran.returncode == 1 and "xt_dscp" in ran.stderr, "%d: %s" % (ran.returncode, ran.stderr))
            check("and changes no table", space.tables() == before)
            check("and binds nothing", "vnet0" not in space.nwf("binding", "list").stdout)
    finally:
        hidden.unlink()


NETWORK = """<network><name>%s</name>%s<bridge name='%s'/><dns enable='no'/>
  <ip address='%s' netmask='255.255.255.0'/>%s</network>"""
NETWORKS = {"nat": ("<forward mode='nat' dev='eth0'><nat><port start='2000' end='3000'/></nat></forward>", "192.168.11.1",
                    "<ip family='ipv6' address='2001:db8:11::1' prefix='64'/>"),
            "route": ("<forward mode='route'/>", "192.168.12.1", ""), "closed": ("", "192.168.13.1", "")}


def networks():
    """A network's rules, listed; with and without others; and back."""
    for backend in ("iptables-legacy", "iptables-legacy-classic"):
        with Space() as ours, Space() as theirs:
            ours.nwf("backend", backend)
            for i, (name, (forward, address, more)) in enumerate(NETWORKS.items()):
                ours.nwf("net", "define", "-", stdin=NETWORK % (name, forward, "virbr%d" % i, address, more))
                ours.nwf("net", "start", name)
            check("in sync with networks", ours.in_sync())
            committed = ours.tables()
            check("networks are not in nf_tables", "nwf_networks" not in ours.run("nft", "list", "tables").stdout or
                  "chain" not in ours.run("nft", "list", "table", "inet", "nwf_networks").stdout)
            for program, listing in committed.items():
                golden = GOLDEN / ("%s.networks.%s" % (backend, program))
                if UPDATE:
                    golden.write_text(listing)
                same("%s lists networks of %s" % (program, backend), listing, golden.read_text())
            classic = ["--classic"] if backend.endswith("classic") else []
            for option, restore in (("--ipv4", "iptables-legacy-restore"), ("--ipv6", "ip6tables-legacy-restore")):
                ran = theirs.run(restore, "--noflush", stdin=ours.nwf("export", "--format", "iptables", option, *classic).stdout)
                check(restore + " takes networks", ran.returncode == 0, ran.stderr)
            for program, listing in theirs.tables().items():
                same("%s of networks, restored" % program, listing, committed[program])
            check("one network by its name", "virbr1" in ours.nwf("export", "--format", "iptables", "route").stdout)
            ours.nwf("net", "stop", "route")
            check("a network that is gone has no rules", "virbr1" not in ours.tables()["iptables-legacy-save"])
            ours.nwf("backend", "nftables")
            check("back in nf_tables", "virbr0" in ours.run("nft", "list", "table", "inet", "nwf_networks").stdout)
            left = ours.tables()["iptables-legacy-save"]
            check("and nothing stays", "LIBVIRT" not in left and "virbr" not in left, left)
            forwarded = NETWORK % ("ports", "<forward mode='nat'/>", "virbr7", "192.168.17.1", "")
            forwarded = forwarded.replace("</network>", "<nwf:port-forward xmlns:nwf='https://nwf.dev/xmlns/network/1.0' proto='tcp' start='80' to='192.168.17.2'/></network>")
            ours.nwf("net", "define", "-", stdin=forwarded)
            ours.nwf("net", "start", "ports")
            ran = ours.nwf("backend", backend, ok=False)
            check("nor does the host go where a network that is up cannot", ran.returncode == 1 and "ports" in ran.stderr, ran.stderr)
            check("and stays where it was", ours.nwf("backend").stdout == "nftables\n" and ours.in_sync())
            ours.nwf("net", "stop", "ports")
            ours.nwf("backend", backend)
            ran = ours.nwf("net", "start", "ports", ok=False)
            check("what only nf_tables does is refused by name", ran.returncode == 1 and "ports" in ran.stderr and "nftables" in ran.stderr, ran.stderr)
            for name in ("nat", "closed"):
                ours.nwf("net", "stop", name)
            ours.nwf("backend", "nftables")
            check("no rule is left", not re.search("^(-A|:[a-zL])", ours.tables()["iptables-legacy-save"], re.M), ours.tables()["iptables-legacy-save"])


def ports_and_networks():
    """A port of a network's bridge: what judges the port comes before what the network accepts, whichever was first."""
    def order(space, chain):
        listing = space.tables()["iptables-legacy-save"]
        return re.findall(r"^-A %s -j (\S+)$" % chain, listing, re.M)
    everything = (GOLDEN / "everything.xml").read_text()
    forward = ["libvirt-in", "libvirt-out", "libvirt-in-post", "LIBVIRT_FWX", "LIBVIRT_FWO", "LIBVIRT_FWI"]
    for first in ("port", "network", "both, and then the backend"):
        with Space() as space:
            space.nwf("filter", "define", "-", stdin=everything)
            space.nwf("net", "define", "-", stdin=NETWORK % ("closed", "", "virbr0", "192.168.13.1", ""))
            if not first.startswith("both"):
                space.nwf("backend", "iptables-legacy")
            steps = [lambda: space.nwf("binding", "create", "-", stdin=binding()), lambda: space.nwf("net", "start", "closed")]
            for step in steps if first == "port" else reversed(steps):
                step()
            if first.startswith("both"):
                space.nwf("backend", "iptables-legacy")
            check("ports stand before networks, %s first" % first, order(space, "FORWARD") == forward, str(order(space, "FORWARD")))
            check("in INPUT, too", order(space, "INPUT") == ["libvirt-host-in", "LIBVIRT_INP"], str(order(space, "INPUT")))
            check("in sync", space.in_sync())
            space.nwf("binding", "delete", "vnet0")
            space.nwf("binding", "create", "-", stdin=binding())
            check("and after a port came anew", order(space, "FORWARD") == forward, str(order(space, "FORWARD")))
            check("what is routed is for the network to judge",
                  "-A libvirt-in-post -m physdev --physdev-in vnet0 --physdev-is-bridged -j ACCEPT" in space.tables()["iptables-legacy-save"].replace("  ", " "))
            space.nwf("backend", "nftables")
            check("nothing is left", not re.search("^(-A|:[a-zL])", space.tables()["iptables-legacy-save"], re.M), space.tables()["iptables-legacy-save"])


def refused_on_the_way():
    """A switch that a later table refuses leaves nothing in an earlier one; names of before are nobody's."""
    with Space() as space:
        space.nwf("filter", "define", "-", stdin=(GOLDEN / "everything.xml").read_text())
        space.nwf("binding", "create", "-", stdin=binding())
        space.run("iptables-legacy", "-L")  # a table is there from the first look at it on
        space.run("ip6tables-legacy", "-N", "libvirt-in")
        before = space.tables()
        ran = space.nwf("backend", "iptables-legacy", ok=False)
        check("a switch that meets a chain of somebody else's", ran.returncode not in (0, 2) and "libvirt-in" in ran.stderr, ran.stderr)
        for program, listing in space.tables().items():
            same("%s after it" % program, listing, before[program])
        check("it stays with nf_tables", space.nwf("backend").stdout == "nftables\n" and space.in_sync())
        space.run("ip6tables-legacy", "-X", "libvirt-in")
        space.nwf("backend", "iptables-legacy")
        space.nwf("binding", "delete", "vnet0")
        space.run("iptables-legacy", "-N", "FI-vnet0")
        space.run("iptables-legacy", "-A", "FI-vnet0", "-s", "192.0.2.1", "-j", "DROP")
        with_hand = space.tables()
        space.nwf("reconcile")
        for program, listing in space.tables().items():
            same("%s: a chain by a name that was nwf's once" % program, listing, with_hand[program])
        ran = space.nwf("binding", "create", "-", stdin=binding(), ok=False)
        check("which a bind does not take", ran.returncode not in (0, 2) and "FI-vnet0" in ran.stderr, ran.stderr)
        for program, listing in space.tables().items():
            same("%s after that" % program, listing, with_hand[program])
        space.run("iptables-legacy", "-F", "FI-vnet0")
        space.run("iptables-legacy", "-X", "FI-vnet0")
        option = "<filter name='option'><rule action='accept' direction='in'><tcp option='0'/></rule></filter>"
        space.nwf("filter", "define", "-", stdin=option)
        ran = space.nwf("binding", "create", "-", stdin=binding(filter="option"), ok=False)
        check("a TCP option 0, which is any to the kernel", ran.returncode == 1 and "option 0" in ran.stderr, ran.stderr)
        space.nwf("backend", "nftables")
        space.nwf("binding", "create", "-", stdin=binding(filter="option"))
        before = space.tables()
        ran = space.nwf("backend", "iptables-legacy", ok=False)
        check("a switch that would close a port is refused", ran.returncode == 1 and "option 0" in ran.stderr, ran.stderr)
        for program, listing in space.tables().items():
            same("%s after that refusal" % program, listing, before[program])
        check("and the port stays guarded", space.nwf("backend").stdout == "nftables\n" and space.in_sync())


def ipsets():
    """A set of somebody else's, looked into."""
    with Space() as space:
        if space.run("ipset", "create", "blocked", "hash:ip").returncode != 0:
            print("skipped: no ipset here")
            return
        space.nwf("filter", "define", "-", stdin="<filter name='set'><rule action='drop' direction='out'>"
                  "<all ipset='blocked' ipsetflags='dst'/></rule></filter>")
        refused = space.nwf("binding", "create", "-", stdin=binding(filter="set"), ok=False)
        check("nf_tables cannot", refused.returncode == 1 and "blocked" in refused.stderr, refused.stderr)
        space.nwf("--backend", "iptables-legacy", "binding", "create", "-", stdin=binding(filter="set"))
        check("iptables can", "-A FI-vnet0 -m set --match-set blocked dst -j DROP" in space.tables()["iptables-legacy-save"], str(space.tables()))


def main():
    global EBTABLES
    if os.geteuid() != 0 or not shutil.which("iptables-legacy") or not shutil.which("ebtables-legacy"):
        print("skipped: needs root, iptables and ebtables")
        return 77
    EBTABLES = False
    EBTABLES = ebtables_there()
    for test in (listings, networks, ports_and_networks, refused_on_the_way, administrators, moved_by_hand, bad_input, missing_module, ipsets):
        if sys.argv[3:] and not UPDATE and test.__name__ not in sys.argv[3:]:
            continue
        test()
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
