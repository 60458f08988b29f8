#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `nwfctl export --format iptables --classic` says of a port, beside what a real libvirt makes of the same filter and
binding: the same chains with the same rules in the same order. Both as the host's own iptables, ip6tables and ebtables
list them.

  libvirt-ns classic_layout.py NWFCTL [--every N] [FILTER.xml…]      by default all of tests/peer/filters, or every Nth

Exit 77 without libvirt, or those programs."""
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ("iptables", "ip6tables", "ebtables")
# Where the words differ and the verdicts do not.
OTHER_WORDS = {
    "own-continue": "a rule that goes on whatever the packet is left out",
    "own-icmpv6-255": "any type of ICMP needs no match",
    "own-ipv6-ah": "to ip6tables an authentication header is no protocol, and libvirt's rule matches nothing there",
    "own-match-no-mixed-ports": "two ports that are negated together are what Debian 12's iptables makes of them (docs/compatibility.md)",
    "own-udp-ranges": "a range of one address is an address",
}
MINE = {"LIBVIRT", "libvirt", "FI", "FO", "HI", "I", "O"}


def run(*command, text=""):
    return subprocess.run(command, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def binding(filter):
    return ("<filterbinding><owner><name>guest</name><uuid>00000000-0000-4000-8000-000000000001</uuid></owner>"
            "<portdev name='vnet0'/><mac address='52:54:00:00:00:07'/><filterref filter='%s'>"
            "<parameter name='IP' value='192.0.2.7'/></filterref></filterbinding>" % filter)


def chains(program):
    """{table/chain: its rules}, of chains that are libvirt's by name and of what leads there."""
    out, table = {}, None
    for line in run(program + "-save").stdout.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            name = line[1:].split()[0]
            if re.split("[-_]", name)[0] in MINE:
                out[table + "/" + name] = [line.split()[1]] if program == "ebtables" else []
        elif line.startswith("-A"):
            _, name, *words = line.split(" ", 2)
            if re.split("[-_]", name)[0] in MINE:
                out[table + "/" + name].append(words[0] if words else "")
            elif re.search(r"-[jg] (libvirt|FI|FO|HI)-", line):
                out.setdefault(table + "/" + name, []).append(words[0])
    return out


def listed(all_chains):
    return ["%s: %s" % (name, rule) for name, rules in sorted(all_chains.items()) for rule in rules or ["(empty)"]]


def empty():
    for program in PROGRAMS:
        for table in ("filter", "nat"):
            run(program, "-t", table, "-F")
            run(program, "-t", table, "-X")


def main():
    nwfctl = sys.argv[1]
    words, every = sys.argv[2:], 1
    if words[:1] == ["--every"]:
        every, words = int(words[1]), words[2:]
    files = [pathlib.Path(name) for name in words] or sorted((HERE / "filters").glob("*.xml"))[::every]
    if os.geteuid() != 0 or not all(shutil.which(program + "-save") for program in PROGRAMS):
        print("skipped: needs root, and iptables, ip6tables and ebtables")
        return 77
    try:
        import libvirt
        libvirt.registerErrorHandler(lambda *_: None, None)
        connection = libvirt.open("nwfilter:///system")
    except Exception as error:
        print("skipped: no libvirt: %s" % error)
        return 77
    run("ip", "link", "add", "br0", "up", "type", "bridge")
    run("ip", "tuntap", "add", "vnet0", "mode", "tap")
    run("ip", "link", "set", "vnet0", "up", "master", "br0")
    same = differ = refused = 0
    for file in files:
        text = file.read_text()
        name = ET.fromstring(text).get("name")
        try:
            connection.nwfilterDefineXML(text)
            connection.nwfilterBindingCreateXML(binding(name))
        except libvirt.libvirtError:
            refused += 1
            continue
        theirs = {program: listed(chains(program)) for program in PROGRAMS}
        connection.nwfilterBindingLookupByPortDev("vnet0").delete()
        empty()
        with tempfile.TemporaryDirectory() as root:
            def nwf(*words, text=""):
                ran = run(nwfctl, "--root", root, *words, text=text)
                assert ran.returncode == 0, "nwfctl %s: %s" % (" ".join(words), ran.stderr)
                return ran.stdout
            nwf("filter", "define", "-", text=text)
            nwf("binding", "create", "-", text=binding(name))
            for program, option in zip(PROGRAMS, ("--ipv4", "--ipv6", "--ethernet")):
                ran = run(program + "-restore", "--noflush", text=nwf("export", "--format", "iptables", "--classic", option))
                assert ran.returncode == 0, "%s-restore: %s" % (program, ran.stderr)
            nwf("binding", "delete", "vnet0")
        ours = {program: listed(chains(program)) for program in PROGRAMS}
        empty()
        if (ours != theirs) == (name in OTHER_WORDS):
            same += 1
            continue
        differ += 1
        for program in PROGRAMS:
            print("\n".join(difflib.unified_diff(theirs[program], ours[program], "%s: %s of libvirt" % (name, program), "nwf", n=1, lineterm="")))
    print("%d filters as libvirt has them, or as said, %d not, %d that libvirt refuses" % (same, differ, refused))
    return 1 if differ or not same else 0


sys.exit(main())
