# SPDX-License-Identifier: GPL-2.0-or-later
"""A host, an outside host and guests, each in a network namespace that ends with this process.

The process itself is in the host's namespace. A socket belongs to the namespace it was made in, so guests need no
processes of their own."""
import atexit
import contextlib
import ctypes
import ipaddress
import json
import os
import pathlib
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
from through_nwfd import through_nwfd  # noqa: E402

LIBC = ctypes.CDLL(None, use_errno=True)
NEWNET, NEWNS = 0x40000000, 0x00020000
SKIPPED = 77
# Until silence counts as an answer: long enough for a question of ARP or neighbour discovery that is asked again (1 s).
PATIENCE = float(os.environ.get("NWF_PATIENCE_MS", "1500")) / 1000
ECHO = 9000
NS = "xmlns:nwf='https://nwf.dev/xmlns/network/1.0'"


def skip(why):
    print("skipped: %s" % why)
    sys.exit(SKIPPED)


def run(*words, check=True, stdin=None, namespace=None):
    done = subprocess.run([str(w) for w in words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          preexec_fn=None if namespace is None else namespace.enter)
    if check and done.returncode:
        raise AssertionError("%s: exit %d: %s" % (" ".join(map(str, words)), done.returncode, done.stdout))
    return done


def wait_for(condition, patience=60.0):
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("did not come true within %g s" % patience)
        time.sleep(0.01)


class Namespace:
    """A network namespace, held by a descriptor."""

    def __init__(self, name, here=False):
        self.name = name
        back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        if not here:
            if LIBC.unshare(NEWNET) != 0:
                skip("needs root for a network namespace")
        self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        os.set_inheritable(self.fd, True)
        self.path = "/proc/%d/fd/%d" % (os.getpid(), self.fd)
        if not here:
            for name in ("all", "default"):  # no waiting for addresses that nobody else can have
                pathlib.Path("/proc/sys/net/ipv6/conf/%s/accept_dad" % name).write_text("0")
                # Addresses and routes are those that a test gives, not also those that a router tells.
                pathlib.Path("/proc/sys/net/ipv6/conf/%s/accept_ra" % name).write_text("0")
            self.ip("link", "set", "lo", "up", inside=True)
            LIBC.setns(back, NEWNET)
        os.close(back)

    def enter(self):
        if LIBC.setns(self.fd, NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def ip(self, *words, inside=False, check=True):
        return run("ip", *words, namespace=None if inside else self, check=check)

    def run(self, *words, **more):
        return run(*words, namespace=self, **more)

    def sysctl(self, name, value=None):
        """Reads, or writes, a switch of this namespace."""
        path = pathlib.Path("/proc/sys", name)
        back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.enter()
        try:
            if value is None:
                return path.read_text().strip() if path.exists() else None
            path.write_text(str(value))
        finally:
            LIBC.setns(back, NEWNET)
            os.close(back)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_DGRAM, protocol=0):
        back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.enter()
        try:
            return socket.socket(family, kind, protocol)
        finally:
            LIBC.setns(back, NEWNET)
            os.close(back)


class Echo:
    """Answers on UDP (and TCP) of one namespace with the source it saw, for as long as somebody asks through ask()."""
    all = []

    def __init__(self, namespace, port=ECHO, family=socket.AF_INET6, tcp=False):
        self.namespace = namespace
        self.socket = namespace.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            if not tcp:  # answers come from the address that was asked
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        self.socket.bind(("", port))
        if tcp:
            self.socket.listen()
        self.tcp = tcp
        self.seen = 0
        Echo.all.append(self)

    def serve(self):
        if self.tcp:
            connection, source = self.socket.accept()
            connection.sendall(self.text(source))
            connection.close()
            self.seen += 1
            return
        _, ancillary, _, source = self.socket.recvmsg(2048, 256)
        info = [(a, b, c) for a, b, c in ancillary if (a, b) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)]
        self.seen += 1
        self.socket.sendmsg([self.text(source)], [(a, b, c[:16] + b"\0\0\0\0") for a, b, c in info], 0, source)

    def text(self, source):
        host = source[0][7:] if source[0].startswith("::ffff:") else source[0]
        return ("%s %s %d" % (self.namespace.name, host, source[1])).encode()


def pump(until):
    """Serves all echoes until `until` can be read, or nobody says anything any more."""
    end = time.monotonic() + PATIENCE
    while True:
        ready, _, _ = select.select([until] + [e.socket for e in Echo.all], [], [], max(0, end - time.monotonic()))
        for echo in Echo.all:
            if echo.socket in ready:
                echo.serve()
        if until in ready:
            return True
        if not ready:
            return False


def ask(namespace, to, port=ECHO, source=None, source_port=0, tcp=False):
    """(who answered, the source it saw, its port); 'refused' when an ICMP error came back; None for silence."""
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    client = namespace.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    try:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.setblocking(False)
        if source:  # also one that is not ours: IP_FREEBIND, IPV6_FREEBIND
            client.setsockopt(socket.IPPROTO_IPV6 if family == socket.AF_INET6 else socket.IPPROTO_IP,
                              78 if family == socket.AF_INET6 else 15, 1)
        if source or source_port:
            client.bind((source or ("::" if family == socket.AF_INET6 else "0.0.0.0"), source_port))
        try:
            client.connect((to, port))
        except BlockingIOError:
            pass
        except OSError:
            return "unreachable"
        if tcp:
            end = time.monotonic() + PATIENCE * 3
            while time.monotonic() < end:
                pump(client)
                try:
                    answer = client.recv(2048)
                    return split(answer) if answer else None
                except BlockingIOError:
                    continue
                except OSError:
                    return "refused"
            return None
        try:
            client.send(b"hello")
        except OSError:
            return "refused"
        if not pump(client):
            return None
        try:
            return split(client.recv(2048))
        except OSError:
            return "refused"
    finally:
        client.close()


def split(answer):
    who, source, port = answer.decode().split()
    return who, source, int(port)


class Guest(Namespace):
    """A namespace whose eth0 is the other end of a bridge's port."""

    def __init__(self, scene, name, bridge, mac=None):
        super().__init__(name)
        self.port = "v" + name
        run("ip", "link", "add", self.port, "type", "veth", "peer", "name", "eth0", "netns", self.path)
        if mac:
            self.ip("link", "set", "eth0", "address", mac)
        self.ip("link", "set", "eth0", "up")
        run("ip", "link", "set", self.port, "up")
        if bridge:
            self.join(bridge)

    def join(self, bridge):
        run("ip", "link", "set", self.port, "master", bridge)
        self.forwarding()
        wait_for(lambda: json.loads(run("ip", "-j", "link", "show", "dev", bridge).stdout)[0]["operstate"] == "UP")

    def forwarding(self):
        # Until the kernel has got round to it, an interface with a carrier drops what it should send: ARP's first question.
        for namespace, link in ((self, "eth0"), (None, self.port)):
            wait_for(lambda: json.loads(run("ip", "-j", "link", "show", "dev", link, namespace=namespace).stdout)[0]["operstate"] == "UP")
        wait_for(lambda: any(l.get("state") == "forwarding" for l in json.loads(run("bridge", "-j", "link", "show", "dev", self.port).stdout or "[]")))

    def address(self, address, gateway=None):
        self.ip("addr", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
        if ":" in address:  # the kernel joins the group of its neighbour solicitations (RFC 4291, 2.7.1) a little later
            own = int(ipaddress.ip_interface(address).ip)
            group = str(ipaddress.ip_address(int(ipaddress.ip_address("ff02::1:ff00:0")) | own & 0xffffff))
            wait_for(lambda: group in [m.get("address") for m in json.loads(self.ip("-j", "maddr", "show", "dev", "eth0").stdout)[0]["maddr"]])
        if gateway:
            self.ip("route", "add", "default", "via", gateway)
        return self

    def dhcp(self, *options):
        """A lease from a real client, as (its exit, what it was told)."""
        with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as script:
            script.write("""#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr flush dev $interface
ip addr add $ip/$mask dev $interface
[ -z "$router" ] || ip route add default via $router
echo "ip=$ip router=$router dns=$dns mtu=$mtu domain=$domain" > %s.told
""" % script.name)
        os.chmod(script.name, 0o755)
        done = self.run("busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "8", "-T", "1", "-O", "mtu", "-s", script.name, *options, check=False)
        told = pathlib.Path(script.name + ".told")
        text = told.read_text() if told.exists() else ""
        os.unlink(script.name)
        if told.exists():
            told.unlink()
        return done.returncode, dict(word.split("=", 1) for word in text.split())


    def give_back(self, address, server):
        """The lease of this address, as a client does that leaves (RFC 2131, DHCPRELEASE)."""
        mac = bytes.fromhex(json.loads(self.ip("-j", "link", "show", "dev", "eth0").stdout)[0]["address"].replace(":", ""))
        client = self.socket()
        client.bind((address, 68))
        client.sendto(bytes([1, 1, 6, 0, 0, 0, 0, 7]) + bytes(4) + socket.inet_aton(address) + bytes(12) + mac + bytes(10 + 192) +
                      bytes([99, 130, 83, 99, 53, 1, 7, 54, 4]) + socket.inet_aton(server) + bytes([61, 7, 1]) + mac + bytes([255]), (server, 67))
        client.close()


class Scene:
    """The host, with nwfctl and a root of its own; W to the outside host. With NWFD in the environment an nwfd serves the
    host for as long."""

    def __init__(self, nwfctl):
        if os.geteuid() != 0:
            skip("needs root")
        for needed in ("dnsmasq", "busybox", "ip", "bridge"):
            if not shutil.which(needed) and not os.path.exists("/usr/sbin/" + needed):
                skip("needs %s" % needed)
        if LIBC.unshare(NEWNET | NEWNS) != 0:
            skip("needs root for a network namespace")
        run("mount", "--make-rprivate", "/")
        run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/mnt")
        run("mount", "-t", "sysfs", "sysfs", "/sys", check=False)
        self.nwfctl_path = nwfctl
        self.root = "/mnt/root"
        os.mkdir(self.root, 0o755)
        self.host = Namespace("host", here=True)
        run("ip", "link", "set", "lo", "up")
        for name in ("all", "default"):
            self.host.sysctl("net/ipv6/conf/%s/accept_dad" % name, 0)
        for name in ("iptables", "ip6tables"):  # where br_netfilter is loaded, a new namespace has it on
            if self.host.sysctl("net/bridge/bridge-nf-call-" + name) is not None:
                self.host.sysctl("net/bridge/bridge-nf-call-" + name, 0)
        # A refusal is looked at each time: the host is not to be sparing with ICMP. What the masks name counts on the
        # whole machine's budget, too, which other tests use up.
        self.host.sysctl("net/ipv4/icmp_ratemask", 0)
        self.host.sysctl("net/ipv6/icmp/ratemask", 255)
        self.host.sysctl("net/ipv6/icmp/ratelimit", 0)
        self.out = Namespace("out")
        run("ip", "link", "add", "W", "type", "veth", "peer", "name", "eth0", "netns", self.out.path)
        run("ip", "addr", "add", "203.0.113.2/24", "dev", "W")
        run("ip", "addr", "add", "2001:db8:ffff::2/64", "dev", "W", "nodad")
        run("ip", "link", "set", "W", "up")
        self.out.ip("addr", "add", "203.0.113.1/24", "dev", "eth0")
        self.out.ip("addr", "add", "2001:db8:ffff::1/64", "dev", "eth0", "nodad")
        self.out.ip("link", "set", "eth0", "up")
        self.out.ip("route", "add", "192.168.0.0/16", "via", "203.0.113.2")
        self.out.ip("route", "add", "2001:db8::/36", "via", "2001:db8:ffff::2")
        Echo(self.out)
        Echo(self.host)
        # An interface that has just come up does not hear neighbour solicitations at once, and they are repeated after 1 s.
        for outside in ("203.0.113.1", "2001:db8:ffff::1"):
            wait_for(lambda: ask(self.host, outside))
        self.guests = {}
        self.daemons = []
        atexit.register(self.end)  # whatever happens: dnsmasq is nobody's child
        self.through_nwfd = contextlib.ExitStack()
        self.through_nwfd.enter_context(through_nwfd(nwfctl, self.root))

    def nwfctl(self, *words, check=True, stdin=None):
        return run(self.nwfctl_path, "--root", self.root, *words, check=check, stdin=stdin)

    def beside(self, *words):
        """A daemon of the host, for as long as the scene at most."""
        self.daemons.append(subprocess.Popen(words, stdout=subprocess.DEVNULL))
        return self.daemons[-1]

    def define(self, xml, check=True):
        return self.nwfctl("net", "define", "-", stdin=xml, check=check)

    def start(self, xml):
        """Defines and starts; the network's name."""
        self.define(xml)
        name = xml.split("<name>")[1].split("<")[0]
        self.nwfctl("net", "start", name)
        return name

    def guest(self, name, bridge, address=None, gateway=None, mac=None):
        guest = Guest(self, name, bridge, mac)
        if address:
            guest.address(address, gateway)
        Echo(guest)
        self.guests[name] = guest
        return guest

    def dnsmasqs(self):
        """Processes of dnsmasq that serve this scene."""
        found = []
        for process in pathlib.Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    if ("--conf-file=%s/" % self.root) in (process / "cmdline").read_text():
                        if os.readlink(process / "ns/net") == os.readlink("/proc/self/ns/net"):
                            found.append(int(process.name))
                except OSError:
                    pass
        return sorted(found)

    def tables(self):
        return run("nft", "list", "tables").stdout.split("\n")

    def nothing_left(self, *bridges):
        links = [l["ifname"] for l in json.loads(run("ip", "-j", "link").stdout)]
        left = [b for b in bridges if b in links]
        left += [t for t in self.tables() if "nwf_networks" in t]
        left += ["rules of ours in others' chains"] if "NWF" in run("nft", "list", "ruleset").stdout else []
        left += run("ip", "neigh", "show", "proxy").stdout.split("\n")[:-1]
        left += ["dnsmasq %d" % p for p in self.dnsmasqs()]
        state = pathlib.Path(self.root, "run/nwf")
        for folder in ("networks", "networks/changing", "dnsmasq"):
            left += [str(f) for f in (state / folder).glob("*") if f.name != "changing"] if (state / folder).exists() else []
        return left

    def end(self):
        self.through_nwfd.close()
        for daemon in self.daemons:  # the first to end: it would start what ends after it again
            daemon.kill()
            daemon.wait()
        for pid in self.dnsmasqs():
            os.kill(pid, 9)


class Report:
    """Checks with names; the exit code at the end."""

    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, name, actual, expected=True):
        ok = actual == expected
        print("%-64s %s" % (name, "ok" if ok else "FAILED: %r, not %r" % (actual, expected)))
        self.passed += ok
        self.failed += not ok
        return ok

    def end(self, scene=None):
        if scene:
            scene.end()
        print("%d passed, %d failed" % (self.passed, self.failed))
        sys.exit(1 if self.failed or not self.passed else 0)


def network(name, bridge, address, mode=None, extra="", forward="", prefix=24, dhcp="", attributes=""):
    """A <network> without STP, so that ports forward at once."""
    forward_xml = "" if mode is None else "<forward mode='%s'%s" % (mode, ">%s</forward>" % forward if forward else "/>")
    ips = "".join("<ip %saddress='%s' prefix='%d'>%s</ip>" % ("family='ipv6' " if ":" in a else "", a, 64 if ":" in a else prefix,
                                                             dhcp if ":" not in a else "") for a in ([address] if isinstance(address, str) else address))
    return "<network %s%s><name>%s</name>%s<bridge name='%s' stp='off' delay='0'/>%s%s</network>" % (NS, attributes, name, forward_xml, bridge, ips, extra)
