# SPDX-License-Identifier: GPL-2.0-or-later
"""A throwaway host for a rule set: three network namespaces (host with a bridge, guest behind port
vnet0, lan behind port lan0), raw sockets at both ends, and the verdict of each probe: did its tag
come out on the other side of the bridge?"""
import ctypes
import os
import select
import socket
import subprocess
import time
from packets import GUEST_IP, GUEST_IP6, GUEST_MAC, HOST_IP, HOST_IP6, HOST_MAC, PEER_IP, PEER_IP6, PEER_MAC

libc = ctypes.CDLL("libc.so.6", use_errno=True)


def sh(*cmd, **kw):
    return subprocess.run(cmd, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw).stdout


def came(frame, tag, packets):
    """True when one of `packets` is the frame that carried the tag: an ICMP error that quotes it is longer."""
    return any(tag in packet and len(packet) <= len(frame) for packet in packets)


class Wire:
    def __init__(self, name=None, port="vnet0", here=False):
        """here: the current network namespace is the host"""
        self.id = name or "or%d" % os.getpid()
        self.port = port
        self.here = here
        self.ns = {r: "%s-%s" % (self.id, r) for r in ("host", "guest", "lan")}

    def __enter__(self):
        for n in self.ns.values():
            sh("ip", "netns", "add", n)
        h = self.ns["host"]
        if self.here:
            sh("umount", "/run/netns/" + h)
            sh("mount", "--bind", "/proc/self/ns/net", "/run/netns/" + h)
        ip = lambda *a: sh("ip", "-n", h, *a)
        sh("ip", "netns", "exec", h, "sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1", "net.ipv6.conf.default.accept_ra=0", "net.ipv6.conf.default.accept_dad=0")
        ip("link", "add", "br0", "address", HOST_MAC, "type", "bridge", "ageing_time", "0", "mcast_snooping", "0", "group_fwd_mask", "0xfff8")
        ip("link", "set", "lo", "up")
        for p, peer, role in ((self.port, "g0", "guest"), ("lan0", "l0", "lan")):
            sh("ip", "netns", "exec", self.ns[role], "sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1", "net.ipv6.conf.default.accept_ra=0", "net.ipv6.conf.default.accept_dad=0")
            ip("link", "add", p, "type", "veth", "peer", "name", peer, "netns", self.ns[role])
            ip("link", "set", p, "master", "br0")
            ip("link", "set", p, "type", "bridge_slave", "learning", "off")
            ip("link", "set", p, "up")
            sh("ip", "-n", self.ns[role], "link", "set", peer, "up", "promisc", "on")
        ip("addr", "add", HOST_IP + "/24", "dev", "br0")
        ip("link", "set", "br0", "up")
        ip("addr", "add", HOST_IP6 + "/64", "dev", "br0", "nodad")
        for a, a6, m, port in ((GUEST_IP, GUEST_IP6, GUEST_MAC, self.port), (PEER_IP, PEER_IP6, PEER_MAC, "lan0")):
            for x in (a, a6):
                ip("neigh", "replace", x, "lladdr", m, "dev", "br0", "nud", "permanent")
        sh("ip", "netns", "exec", h, "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1", "net.bridge.bridge-nf-call-ip6tables=1",
           "net.bridge.bridge-nf-call-arptables=0")
        self.guest, self.lan = self.raw("guest", "g0"), self.raw("lan", "l0")
        self.stack = self.host_sockets()
        time.sleep(0.3)
        return self

    def raw(self, role, dev):
        back = os.open("/proc/self/ns/net", os.O_RDONLY)
        fd = os.open("/run/netns/" + self.ns[role], os.O_RDONLY)
        if libc.setns(fd, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.bind((dev, 0))
        s.setblocking(False)
        libc.setns(back, 0)
        os.close(back); os.close(fd)
        return s

    def host_sockets(self):
        """Raw IP sockets in the host: they see a packet only after its INPUT hook let it in, and send through OUTPUT"""
        back = os.open("/proc/self/ns/net", os.O_RDONLY); fd = os.open("/run/netns/" + self.ns["host"], os.O_RDONLY)
        libc.setns(fd, 0)
        rx = []
        for fam, protos in ((socket.AF_INET, (1, 2, 6, 17, 50, 51, 132, 136, 253)), (socket.AF_INET6, (6, 17, 50, 51, 58, 132, 136, 253))):
            for p in protos:
                k = socket.socket(fam, socket.SOCK_RAW, p); k.setblocking(False); rx.append(k)
        tx = {4: socket.socket(socket.AF_INET, socket.SOCK_RAW, 255), 6: socket.socket(socket.AF_INET6, socket.SOCK_RAW, 255)}
        libc.setns(back, 0); os.close(back); os.close(fd)
        self.tx = tx
        return rx

    def from_host(self, frame):
        v = frame[14] >> 4
        dst = socket.inet_ntop(socket.AF_INET, frame[30:34]) if v == 4 else socket.inet_ntop(socket.AF_INET6, frame[38:54])
        try:
            self.tx[v].sendto(frame[14:], (dst, 0))
        except OSError:
            pass

    def host(self, *cmd, **kw):
        return subprocess.run(("ip", "netns", "exec", self.ns["host"]) + cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)

    def drain(self, sock, seconds):
        got, end = [], time.time() + seconds
        while True:
            left = end - time.time()
            r, _, _ = select.select([sock], [], [], max(0, left))
            if not r:
                return got
            while True:
                try:
                    data, addr = sock.recvfrom(65535)
                except BlockingIOError:
                    break
                if len(addr) < 3 or addr[2] != socket.PACKET_OUTGOING:
                    got.append(data)

    def send(self, direction, frame):
        if direction == "fromhost":
            self.from_host(frame)
        else:
            (self.lan if direction == "in" else self.guest).send(frame)

    def arrived(self, wanted, patience):
        """{direction: packets}: what came out where. Looks until all of `wanted`, [(direction, frame, tag)], are there;
        without them for `patience` seconds."""
        got = {"guest": [], "lan": [], "host": []}
        at = {"out": "lan", "in": "guest", "fromhost": "guest", "tohost": "host"}
        end = time.time() + patience
        while True:
            got["lan"] += self.drain(self.lan, 0.002)
            got["guest"] += self.drain(self.guest, 0.002)
            for s in self.stack:
                got["host"] += self.drain(s, 0)
            if time.time() > end or wanted is not None and all(came(frame, tag, got[at[d]]) for d, frame, tag in wanted):
                return {d: got[where] for d, where in at.items()}

    def verdicts(self, probes, expected=None, patience=0.15):
        """{probe name: 'pass' | 'drop'}, each probe sent once, in order. With `expected` verdicts those that should
        pass are waited for, which is quicker where they do."""
        out = {}
        for k in range(0, len(probes), 40):
            batch = [p for p in probes[k:k + 40] if p[2] is not None]
            for s in [self.guest, self.lan] + self.stack:
                self.drain(s, 0)
            for name, d, frame, tag in batch:
                self.send(d, frame)
                if expected is None:
                    time.sleep(0.002)
            if expected is None:
                at = self.arrived(None, patience)
            else:
                at = self.arrived([(d, frame, tag) for name, d, frame, tag in batch if expected.get(name) == "pass"], 1)
                late = self.arrived(None, 0.01)  # and what should not have come at all
                at = {d: at[d] + late[d] for d in at}
            for name, d, frame, tag in batch:
                out[name] = "pass" if came(frame, tag, at[d]) else "drop"
        return out

    def __exit__(self, *exc):
        for k in self.stack + list(self.tx.values()):
            k.close()
        for n in self.ns.values():
            subprocess.run(("ip", "netns", "del", n), stderr=subprocess.DEVNULL)

