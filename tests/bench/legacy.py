#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a bind costs in the legacy tables, where the kernel takes a table whole, at 1, 100 and 1,000 ports: in the shared
layout, in libvirt's (--classic), and beside it in nf_tables; and in the same run what it costs the libvirt that is
installed, which makes the same rules by starting iptables.

  legacy.py NWFCTL [--stops 1,100,1000] [--libvirt-stops 1,100] [--json]

Needs root: works in a network namespace and a root of its own. Times are of a whole process, in milliseconds, medians;
libvirt's are of a call on a connection that is open. `rules` is what stands in iptables' and ip6tables' filter."""
import ctypes
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

# What says whose addresses are whose is in the ethernet layer, as in clean-traffic: here is what all guests have alike.
FILTER = """<filter name='web'>
  <rule action='accept' direction='in'><tcp dstportstart='22'/></rule>
  <rule action='accept' direction='in'><tcp dstportstart='80'/></rule>
  <rule action='accept' direction='in'><tcp dstportstart='443'/></rule>
  <rule action='accept' direction='out'><udp dstportstart='53'/></rule>
  <rule action='accept' direction='out'><tcp dstportstart='53'/></rule>
  <rule action='accept' direction='out'><icmp type='8'/></rule>
  <rule action='drop' direction='out'><tcp dstportstart='25'/></rule>
  <rule action='drop' direction='inout'><all/></rule>
  <rule action='drop' direction='inout'><all-ipv6/></rule>
</filter>"""
NAMESPACES = pathlib.Path(__file__).resolve().parent.parent / "peer" / "libvirt-ns"
nwfctl = sys.argv[1]


def numbers(option, otherwise):
    return [int(n) for n in (sys.argv[sys.argv.index(option) + 1] if option in sys.argv else otherwise).split(",")]


stops = numbers("--stops", "1,100,1000")


def binding(number):
    return ("<filterbinding><portdev name='vnet%d'/><mac address='52:54:00:00:%02x:%02x'/><filterref filter='web'>"
            "<parameter name='IP' value='10.0.%d.%d'/></filterref></filterbinding>" % (number, number >> 8, number & 255, number >> 8, number & 255))


def measured(backend):
    rows = []
    with tempfile.TemporaryDirectory() as root:
        def run(*words, text=""):
            begin = time.monotonic()
            subprocess.run([nwfctl, "--root", root, *words], input=text, text=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return (time.monotonic() - begin) * 1000

        def rules():
            return sum(len(re.findall("^-A", subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True).stdout, re.M))
                       for program in ("iptables-legacy-save", "ip6tables-legacy-save"))
        run("filter", "define", "-", text=FILTER)
        run("backend", backend)
        bound = 0
        for stop in stops:
            with tempfile.TemporaryDirectory() as folder:
                for number in range(bound, stop):
                    with open("%s/%d.xml" % (folder, number), "w") as f:
                        f.write(binding(number))
                bulk = run("apply", folder)
            bound = stop
            binds, unbinds = [], []
            for i in range(11):
                binds.append(run("binding", "create", "-", text=binding(60000 + i)))
                unbinds.append(run("binding", "delete", "vnet%d" % (60000 + i)))
            rows.append({"backend": backend, "ports": stop, "bind": statistics.median(binds), "unbind": statistics.median(unbinds),
                         "edit": run("filter", "define", "-", text=FILTER.replace("443", "44%d" % (stop % 7))), "apply": bulk, "rules": rules()})
            run("filter", "define", "-", text=FILTER)
        run("backend", "nftables")
    return rows


def of_libvirt():
    """Inside tests/peer/libvirt-ns: the same on the same ports, as rows of JSON."""
    import libvirt
    connection = libvirt.open("nwfilter:///system")
    version = connection.getLibVersion()
    plain = connection.nwfilterDefineXML(FILTER).XMLDesc()  # with its UUID, by which an edit is known
    subprocess.run(["ip", "link", "add", "br0", "up", "type", "bridge"], check=True)

    def timed(call, *words):
        begin = time.monotonic()
        call(*words)
        return (time.monotonic() - begin) * 1000

    def bind(number):
        name = "vnet%d" % number
        subprocess.run(["ip", "tuntap", "add", name, "mode", "tap"], check=True)
        subprocess.run(["ip", "link", "set", name, "up", "master", "br0"], check=True)
        owner = "<filterbinding><owner><name>vm%d</name><uuid>00000000-0000-4000-8000-%012x</uuid></owner>" % (number, number)
        return timed(connection.nwfilterBindingCreateXML, binding(number).replace("<filterbinding>", owner))

    def unbind(number):
        took = timed(connection.nwfilterBindingLookupByPortDev("vnet%d" % number).delete)
        subprocess.run(["ip", "link", "delete", "vnet%d" % number], check=True)
        return took
    rows, bound = [], 0
    for stop in numbers("--libvirt-stops", "1,100"):
        bulk = sum(bind(number) for number in range(bound, stop))
        bound = stop
        binds, unbinds = [], []
        for i in range(5):
            binds.append(bind(60000 + i))
            unbinds.append(unbind(60000 + i))
        edit = timed(connection.nwfilterDefineXML, plain.replace("443", "44%d" % (stop % 7)))
        rules = sum(len(re.findall("^-A", subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True).stdout, re.M))
                    for program in ("iptables-save", "ip6tables-save"))
        rows.append({"backend": "libvirt %d.%d" % (version // 1000000, version // 1000 % 1000), "ports": stop, "bind": statistics.median(binds),
                     "unbind": statistics.median(unbinds), "edit": edit, "apply": bulk, "rules": rules})
        connection.nwfilterDefineXML(plain)
    print(json.dumps(rows))
    return 0


def beside_libvirt():
    if not shutil.which("libvirtd") or not os.path.exists("/usr/bin/python3"):
        print("without libvirt: it is not installed", file=sys.stderr)
        return []
    ran = subprocess.run([NAMESPACES, "/usr/bin/python3", __file__, nwfctl, "--inside-libvirt"] + sys.argv[2:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if ran.returncode != 0:
        print("without libvirt: %s" % ran.stderr[-500:], file=sys.stderr)
        return []
    return json.loads(ran.stdout.splitlines()[-1])


def main():
    if "--inside-libvirt" in sys.argv:
        return of_libvirt()
    rows = beside_libvirt()
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
        print("skipped: needs root for a network namespace")
        return 77
    subprocess.run(["ip", "link", "add", "br0", "type", "bridge"], check=True)
    for name in ("iptables", "ip6tables"):
        subprocess.run(["sysctl", "-qw", "net.bridge.bridge-nf-call-%s=1" % name], check=True)
    rows = [row for backend in ("nftables", "iptables-legacy", "iptables-legacy-classic") for row in measured(backend)] + rows
    if "--json" in sys.argv:
        print(json.dumps(rows))
        return 0
    print("| ms | ports | bind | unbind | edit for all | apply of the rest | rules |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        print("| %(backend)s | %(ports)d | %(bind).1f | %(unbind).1f | %(edit).1f | %(apply).0f | %(rules)d |" % row)
    return 0


sys.exit(main())
