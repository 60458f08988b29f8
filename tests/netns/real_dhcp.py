#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers and real clients: what a guest gets from dnsmasq is what its port may use, for as long as it may.

  real_dhcp.py NWFCTL NWFD [OPTION OF NWFD…]

A bridge; behind one port dnsmasq in a namespace of its own, behind others guests that run udhcpc or dhclient, and a
second server that nobody trusts."""
import ipaddress
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
MAC = {"vnet%d" % i: "52:54:00:00:00:0%d" % (i + 1) for i in range(5)}
SERVER, ROGUE = "10.9.0.1", "10.66.0.1"


def run(*words, **more):
    return subprocess.run(words, check=True, text=True, capture_output=True, **more).stdout


def inside(name, *words, **more):
    return subprocess.Popen(("ip", "netns", "exec", name) + words, text=True, **more)


def wait_for(what, condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("never came: " + what)
        time.sleep(0.05)


class Host:
    def __init__(self, nwfctl, nwfd):
        self.root = tempfile.mkdtemp()
        self.nwfctl, self.nwfd, self.learner = nwfctl, nwfd, None
        self.children = []
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        run("ip", "link", "set", "br0", "up")

    def namespace(self, name, port, mac=None, address=None):
        run("ip", "netns", "add", name)
        run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", port, "master", "br0", "up")
        if mac:
            run("ip", "-n", name, "link", "set", "eth0", "address", mac)
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        if address:
            run("ip", "-n", name, "address", "add", address, "dev", "eth0", "nodad")

    def start(self, name, *words):
        child = inside(name, *words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.children.append(child)
        return child

    def start_learner(self):
        self.learner = subprocess.Popen(self.nwfd + ["--root", self.root])
        wait_for("nwfd", lambda: os.path.exists(self.root + "/run/nwf/nwfd.socket"))

    def ctl(self, *words, **more):
        return run(self.nwfctl, "--root", self.root, *words, **more)

    def bind(self, port, mode="dhcp", filter="clean-traffic", **parameters):
        given = "".join("<parameter name='%s' value='%s'/>" % (n, v) for n, v in parameters.items())
        self.ctl("binding", "create", "-", input="<filterbinding><portdev name='%s'/><mac address='%s'/><filterref "
                 "filter='%s'><parameter name='CTRL_IP_LEARNING' value='%s'/>%s</filterref></filterbinding>"
                 % (port, MAC[port], filter, mode, given))

    def learned(self, port):
        listed = json.loads(self.ctl("learned", "list", port, "--json"))["learned"]
        return {one["address"]: one for one in listed}

    def pings(self, name, target, source):
        return subprocess.run(["ip", "netns", "exec", name, "ping", "-c1", "-W1", "-I", source, target],
                              capture_output=True).returncode == 0

    def stop(self):
        if self.learner:
            self.learner.terminate()
            assert self.learner.wait(10) == 0
        for child in self.children:
            if child.poll() is None:
                child.terminate()
                child.wait(10)
        shutil.rmtree(self.root)


def dnsmasq(host, name, ranges, lease, *more):
    return host.start(name, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=eth0",
                      "--bind-interfaces", "--dhcp-authoritative", "--dhcp-leasefile=%s/%s.leases" % (host.root, name),
                      "--pid-file=", "--user=root", *("--dhcp-range=%s,%s" % (r, lease) for r in ranges), *more)


CLIENT = """#!/bin/sh
case "$1" in
  bound|renew) ip address flush dev $interface scope global; ip address add $ip/24 dev $interface; echo "$ip" > $OUT;;
  deconfig) ip address flush dev $interface scope global; : > $OUT;;
esac
"""


def udhcpc(host, name, *more):
    script, out = pathlib.Path(host.root) / (name + ".script"), pathlib.Path(host.root) / (name + ".address")
    script.write_text(CLIENT.replace("$OUT", str(out)))
    script.chmod(0o755)
    out.write_text("")
    child = host.start(name, "busybox", "udhcpc", "-i", "eth0", "-f", "-t", "10", "-T", "1", "-s", str(script), *more)
    return child, lambda: out.read_text().strip()


def learns_renews_and_ends(host):
    host.namespace("server", "uplink", address=SERVER + "/24")
    host.namespace("guest", "vnet0", MAC["vnet0"])
    dnsmasq(host, "server", ["10.9.0.50,10.9.0.60"], "2m")
    host.bind("vnet0")
    host.start_learner()
    assert not host.learned("vnet0")
    client, address = udhcpc(host, "guest")
    wait_for("an address", address)
    mine = address()
    wait_for("what the guest has is learned", lambda: mine in host.learned("vnet0"))
    fact = host.learned("vnet0")[mine]
    assert fact["source"] == "dhcp" and fact["server"] == SERVER and 100 <= fact["lease_seconds"] <= 120, fact
    assert host.pings("guest", SERVER, mine)
    run("ip", "-n", "guest", "address", "add", "10.9.0.77/24", "dev", "eth0")
    assert not host.pings("guest", SERVER, "10.9.0.77"), "an address that no server gave"
    wait_for("some of the lease to pass", lambda: host.learned("vnet0")[mine]["lease_seconds"] <= 116)
    client.send_signal(signal.SIGUSR1)  # renew
    wait_for("the renewal", lambda: host.learned("vnet0")[mine]["lease_seconds"] >= 118)
    client.send_signal(signal.SIGUSR2)  # release
    wait_for("the release", lambda: not host.learned("vnet0"))
    client.terminate()


def a_rogue_server_is_not_believed(host):
    host.namespace("rogue", "uplink2", address=ROGUE + "/24")
    host.namespace("guest1", "vnet1", MAC["vnet1"])
    dnsmasq(host, "rogue", ["10.66.0.50,10.66.0.60"], "2m")
    host.bind("vnet1", DHCPSERVER=SERVER)
    client, address = udhcpc(host, "guest1")
    wait_for("an address", address)
    assert ipaddress.ip_address(address()) in ipaddress.ip_network("10.9.0.0/24"), address()
    wait_for("it is learned", lambda: list(host.learned("vnet1")) == [address()])
    client.terminate()


def another_address_and_an_end(host):
    """The server hands out a reserved address from now on; then it dies, and the lease ends."""
    host.namespace("server2", "uplink3")
    run("ip", "-n", "server2", "address", "add", "10.7.0.1/24", "dev", "eth0")
    host.namespace("guest2", "vnet2", MAC["vnet2"])
    options = ("10.7.0.50,10.7.0.60", "2m")
    first = dnsmasq(host, "server2", [options[0]], options[1], "--dhcp-host=%s,10.7.0.50" % MAC["vnet2"])
    host.bind("vnet2", DHCPSERVER="10.7.0.1")
    client, address = udhcpc(host, "guest2")
    wait_for("the first address", lambda: list(host.learned("vnet2")) == ["10.7.0.50"])
    first.terminate()
    first.wait()
    pathlib.Path(host.root, "server2.leases").unlink()
    second = dnsmasq(host, "server2", [options[0]], options[1], "--dhcp-host=%s,10.7.0.51" % MAC["vnet2"])
    wait_for("the second server listens", lambda: ":0043 " in pathlib.Path("/proc/%d/net/udp" % second.pid).read_text())
    client.send_signal(signal.SIGUSR1)  # renew: denied, so it asks anew
    wait_for("the second in place of the first", lambda: list(host.learned("vnet2")) == ["10.7.0.51"])
    wait_for("the guest has it", lambda: address() == "10.7.0.51")
    assert host.pings("guest2", "10.7.0.1", "10.7.0.51")
    client.kill()
    client.wait()
    second.terminate()
    second.wait()
    # The shortest lease that dnsmasq gives is two minutes; a server of our own words gives three seconds.
    answer(host, "server2", MAC["vnet2"], "10.7.0.51", "10.7.0.1", seconds=3)
    wait_for("the short lease", lambda: host.learned("vnet2")["10.7.0.51"]["lease_seconds"] <= 3)
    wait_for("its end", lambda: not host.learned("vnet2"))
    assert not host.pings("guest2", "10.7.0.1", "10.7.0.51"), "its lease has ended"


def answer(host, name, mac, address, server, seconds):
    """An ACK, sent on the wire from a namespace (RFC 2131)."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    ip = lambda text: ipaddress.ip_address(text).packed
    options = b"\x63\x82\x53\x63" + b"\x35\x01\x05" + b"\x36\x04" + ip(server) + b"\x33\x04" + seconds.to_bytes(4, "big") + b"\xff"
    bootp = (b"\x02\x01\x06\x00" + os.urandom(4) + bytes(8) + ip(address) + ip(server) + bytes(4) + hardware + bytes(10 + 192) + options)
    udp = (67).to_bytes(2, "big") + (68).to_bytes(2, "big") + (8 + len(bootp)).to_bytes(2, "big") + bytes(2) + bootp
    head = b"\x45\x00" + (20 + len(udp)).to_bytes(2, "big") + bytes(4) + b"\x40\x11" + bytes(2) + ip(server) + ip(address)
    total = sum(int.from_bytes(head[i:i + 2], "big") for i in range(0, 20, 2))
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + (0xffff - (total & 0xffff) - (total >> 16)).to_bytes(2, "big") + head[12:]
    code = ("import socket, sys; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0)); "
            "source = open('/sys/class/net/eth0/address').read().strip().replace(':', ''); "
            "s.send(bytes.fromhex(sys.argv[1] + source + '0800' + sys.argv[2]))")
    run("ip", "netns", "exec", name, sys.executable, "-c", code, hardware.hex(), (head + udp).hex())


IPV6_FILTER = """<filter name='own-ipv6' chain='root'>
  <rule action='accept' direction='out' priority='500'><ipv6 srcipaddr='$IPV6'/></rule>
  <rule action='accept' direction='in' priority='500'><ipv6 dstipaddr='$IPV6'/></rule>
  <rule action='accept' direction='in' priority='500'><ipv6 dstipaddr='ff00::' dstipmask='8'/></rule>
  <rule action='accept' direction='inout' priority='500'><ipv6 protocol='icmpv6' type='133' typeend='136'/></rule>
  <rule action='drop' direction='inout' priority='1000'/>
</filter>"""


def ipv6_by_router_and_by_server(host):
    """One guest forms an address in the prefix that dnsmasq advertises, another is given one by DHCPv6."""
    host.namespace("router", "uplink4", address="2001:db8:9::1/64")
    run("ip", "-n", "router", "link", "set", "eth0", "address", "52:54:00:00:00:fe")
    host.start("router", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=eth0",
               "--bind-interfaces", "--enable-ra", "--pid-file=", "--user=root", "--ra-param=eth0,4,120",
               "--dhcp-leasefile=%s/router.leases" % host.root,
               "--dhcp-range=2001:db8:9::100,2001:db8:9::1ff,slaac,64,2m")
    host.ctl("filter", "define", "-", input=IPV6_FILTER)
    host.namespace("guest3", "vnet3", MAC["vnet3"])
    for switch, value in (("accept_ra", "2"), ("dad_transmits", "1"), ("addr_gen_mode", "0")):
        run("ip", "netns", "exec", "guest3", "sysctl", "-qw", "net.ipv6.conf.eth0.%s=%s" % (switch, value))
    run("ip", "-n", "guest3", "link", "set", "eth0", "down")
    host.bind("vnet3", filter="own-ipv6")
    run("ip", "-n", "guest3", "link", "set", "eth0", "up")
    mine = "2001:db8:9:0:5054:ff:fe00:4"
    own = str(ipaddress.ip_address(mine))
    wait_for("the address formed in the prefix", lambda: own in host.learned("vnet3"), 40)
    fact = host.learned("vnet3")[own]
    assert fact["source"] == "ra" and fact["lease_seconds"] > 0, fact
    wait_for("it works", lambda: host.pings("guest3", "2001:db8:9::1", own))
    run("ip", "-n", "guest3", "address", "add", "2001:db8:77::1/64", "dev", "eth0", "nodad")
    assert not host.pings("guest3", "2001:db8:9::1", "2001:db8:77::1"), "a prefix that nobody advertised"
    if not shutil.which("dhclient"):
        print("DHCPv6: skipped: needs dhclient")
        return
    host.namespace("guest4", "vnet4", MAC["vnet4"])
    host.bind("vnet4", filter="own-ipv6")
    # dhclient wants a link-local address that nobody else was found to have.
    wait_for("no address is tentative", lambda: host.learned("vnet4") and "tentative" not in run("ip", "-n", "guest4", "address"))
    client = host.start("guest4", "dhclient", "-6", "-d", "-v", "-lf", host.root + "/six.leases", "-pf", host.root + "/six.pid", "eth0")
    given = lambda: [a for a, one in host.learned("vnet4").items() if one["source"] == "dhcp"]
    wait_for("an address by DHCPv6", given, 40)
    wait_for("it is the guest's", lambda: given()[0] in run("ip", "-n", "guest4", "address"))
    wait_for("it works", lambda: host.pings("guest4", "2001:db8:9::1", given()[0]))
    client.kill()


def nwfd_ends_and_comes_back(host):
    """What was learned is in force without nwfd, and the next one knows it."""
    before = {port: sorted(host.learned(port)) for port in ("vnet1", "vnet3")}
    assert all(before.values()), before
    host.learner.kill()
    host.learner.wait()
    address = before["vnet1"][0]
    assert host.pings("guest1", SERVER, address), "the rules are in the kernel"
    assert {port: sorted(host.learned(port)) for port in before} == before
    os.unlink(host.root + "/run/nwf/nwfd.socket")
    host.start_learner()
    assert {port: sorted(host.learned(port)) for port in before} == before
    assert host.pings("guest1", SERVER, address)


def main():
    missing = [p for p in ("ip", "dnsmasq", "busybox", "ping", "unshare") if not shutil.which(p)]
    if os.geteuid() != 0 or missing:
        print("skipped: needs root" if not missing else "skipped: needs root and " + ", ".join(missing))
        return SKIPPED
    if "NWF_OWN_NAMESPACE" not in os.environ:
        os.environ["NWF_OWN_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", "--", sys.executable] + sys.argv)
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    host = Host(sys.argv[1], sys.argv[2:])
    try:
        learns_renews_and_ends(host)
        a_rogue_server_is_not_believed(host)
        another_address_and_an_end(host)
        ipv6_by_router_and_by_server(host)
        nwfd_ends_and_comes_back(host)
        assert json.loads(host.ctl("status", "--json"))["in_sync"]
    finally:
        host.stop()
    print("real servers and real clients: learned, renewed, changed, released, ended; a rogue not believed; DHCPv6 and "
          "router advertisements; nwfd killed and back")
    return 0


sys.exit(main())
