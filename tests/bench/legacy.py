#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a bind costs in the legacy tables, where the kernel takes a table whole, at 1, 100 and 1,000 ports: in the shared
layout, in libvirt's (--classic), and beside it in nf_tables.

  legacy.py NWFCTL [--stops 1,100,1000] [--json]

Needs root: works in a network namespace and a root of its own. Times are of a whole process, in milliseconds, medians;
`rules` is what stands in iptables' and ip6tables' filter."""
import ctypes
import json
import os
import re
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
nwfctl = sys.argv[1]
stops = [int(n) for n in (sys.argv[sys.argv.index("--stops") + 1] if "--stops" in sys.argv else "1,100,1000").split(",")]


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


def main():
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
        print("skipped: needs root for a network namespace")
        return 77
    subprocess.run(["ip", "link", "add", "br0", "type", "bridge"], check=True)
    for name in ("iptables", "ip6tables"):
        subprocess.run(["sysctl", "-qw", "net.bridge.bridge-nf-call-%s=1" % name], check=True)
    rows = [row for backend in ("nftables", "iptables-legacy", "iptables-legacy-classic") for row in measured(backend)]
    if "--json" in sys.argv:
        print(json.dumps(rows))
        return 0
    print("| ms | ports | bind | unbind | edit for all | apply of the rest | rules |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        print("| %(backend)s | %(ports)d | %(bind).1f | %(unbind).1f | %(edit).1f | %(apply).0f | %(rules)d |" % row)
    return 0


sys.exit(main())
