#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nwf beside the libvirt that is installed, in one run, on the same ports: bind, unbind, and an edit of clean-traffic
for all guests. As root. A private libvirtd in namespaces of its own (tests/peer/libvirt-ns); Debian's packages
libvirt-daemon, libvirt-daemon-config-nwfilter, libvirt-clients and python3-libvirt, with ebtables and iptables.

  beside_libvirt.py NWFCTL [--stops 1,10] [--libvirt-root DIR] [--json]

--libvirt-root takes the libvirtd of a Debian below DIR (debootstrap's), which may be a later one."""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
NAMESPACES = HERE.parent / "peer" / "libvirt-ns"
MORE = "<rule action='drop' direction='out' priority='499'><mac protocolid='0x88b5'/></rule></filter>"


def binding(i):
    return ("<filterbinding><owner><name>vm%d</name><uuid>00000000-0000-4000-8000-%012x</uuid></owner>"
            "<portdev name='vnet%d'/><mac address='52:54:00:00:%02x:%02x'/><filterref filter='clean-traffic'>"
            "<parameter name='IP' value='10.0.%d.%d'/></filterref></filterbinding>"
            % (i, i, i, i >> 8, i & 255, i >> 8, (i & 255) + 1))


class Libvirt:
    """One connection kept open, as a management program does."""

    def __init__(self):
        import libvirt
        self.c = libvirt.open("nwfilter:///system")
        version = self.c.getLibVersion()  # the daemon's, not this client's
        self.name = "libvirt %d.%d.%d" % (version // 1000000, version // 1000 % 1000, version % 1000)
        self.plain = self.c.nwfilterLookupByName("clean-traffic").XMLDesc()

    def bind(self, i):
        self.c.nwfilterBindingCreateXML(binding(i))

    def unbind(self, i):
        self.c.nwfilterBindingLookupByPortDev("vnet%d" % i).delete()

    def edit(self, more):
        self.c.nwfilterDefineXML(self.plain.replace("</filter>", MORE) if more else self.plain)


class Nwf:
    """A process for each change."""
    name = "nwfctl"

    def __init__(self, nwfctl, root):
        self.words = [nwfctl, "--root", root]
        self.file = os.path.join(root, "given.xml")
        self.plain = subprocess.run(self.words + ["filter", "dumpxml", "clean-traffic"], check=True, text=True,
                                    stdout=subprocess.PIPE).stdout

    def run(self, *words):
        subprocess.run(self.words + list(words), check=True, stdout=subprocess.DEVNULL)

    def given(self, text):
        with open(self.file, "w") as out:
            out.write(text)
        return self.file

    def bind(self, i):
        self.run("binding", "create", self.given(binding(i)))

    def unbind(self, i):
        self.run("binding", "delete", "vnet%d" % i)

    def edit(self, more):
        self.run("filter", "define", self.given(self.plain.replace("</filter>", MORE) if more else self.plain))


def timed(work, *arguments):
    start = time.monotonic()
    work(*arguments)
    return 1000 * (time.monotonic() - start)


def measure(engine, stops):
    rows, made = {}, 0
    for stop in stops:
        while made < stop:
            engine.bind(made)
            made += 1
        binds, unbinds = [], []
        for _ in range(5):
            unbinds.append(timed(engine.unbind, made - 1))
            binds.append(timed(engine.bind, made - 1))
        edits = [timed(engine.edit, True), timed(engine.edit, False)]
        rows[stop] = {"bind": statistics.median(binds), "unbind": statistics.median(unbinds),
                      "edit clean-traffic for all": statistics.median(edits)}
    for i in range(made):
        engine.unbind(i)
    return rows


def inside(options):
    stops = [int(stop) for stop in options.stops.split(",")]
    links = ["link add br0 type bridge", "link set br0 up"]
    links += ["tuntap add vnet%d mode tap" % i for i in range(max(stops))]
    links += ["link set vnet%d master br0 up" % i for i in range(max(stops))]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(links) + "\n", text=True, check=True)
    with tempfile.TemporaryDirectory() as root:
        theirs, ours = Libvirt(), Nwf(options.nwfctl, root)
        # One after the other, so that neither judges the other's frames; both once before the clock runs.
        result = {}
        for engine in (ours, theirs):
            engine.bind(0)
            engine.unbind(0)
            result[engine.name] = measure(engine, stops)
    if options.json:
        print(json.dumps(result))
        return 0
    print("| ms, medians | ports | %s | %s | ratio |\n| --- | ---: | ---: | ---: | ---: |" % (ours.name, theirs.name))
    for stop in stops:
        for what, mine in result[ours.name][stop].items():
            other = result[theirs.name][stop][what]
            print("| %s | %d | %.1f | %.1f | %.0f |" % (what, stop, mine, other, other / mine))
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("nwfctl")
    parser.add_argument("--stops", default="1,10")
    parser.add_argument("--libvirt-root", default="/")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return inside(options)
    path = os.pathsep.join(options.libvirt_root.rstrip("/") + folder for folder in ("/usr/sbin", "/usr/bin"))
    missing = [program for program in ("libvirtd", "ebtables", "iptables") if not shutil.which(program, path=path)]
    if not shutil.which("virsh"):
        missing.append("virsh")
    if os.geteuid() != 0 or missing:
        print("skipped: needs root, and %s" % ", ".join(missing or ["nothing more"]))
        return 77
    os.environ["LIBVIRT_ROOT"] = options.libvirt_root
    os.execv(str(NAMESPACES), [str(NAMESPACES), sys.executable, str(HERE / "beside_libvirt.py"), "--inside"] + sys.argv[1:])
    return 1


if __name__ == "__main__":
    sys.exit(main())
