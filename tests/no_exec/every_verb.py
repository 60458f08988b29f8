#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs every verb of nwfctl under a watch that ends a program which starts another one.

  every_verb.py WATCH NWFCTL

The one exception is `edit`, which starts the administrator's editor and is run to show that the watch sees it.
Needs root: works in a network namespace and a temporary root of its own."""
import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from through_nwfd import through_nwfd  # noqa: E402

CAUGHT = 99
WATCH, NWFCTL = sys.argv[1:3]
if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
    print("0 passed, 0 failed, 1 skipped: needs root for a network namespace")
    sys.exit(77)

FILTER = "<filter name='mine'><rule action='accept' direction='out'><ip srcipaddr='$IP'/></rule></filter>"
BINDING = ("<filterbinding><portdev name='%s'/><mac address='52:54:00:00:00:01'/><filterref filter='clean-traffic'>"
           "<parameter name='IP' value='192.0.2.1'/></filterref></filterbinding>")
INTERFACE = ("<interface type='bridge'><mac address='52:54:00:00:00:02'/><target dev='vnet1'/><ip address='192.0.2.2'/>"
             "<filterref filter='clean-traffic'/></interface>")
failed = passed = 0


def check(name, ok, detail=""):
    global failed, passed
    print("%-60s %s %s" % (name, "ok" if ok else "FAILED", detail if not ok else ""))
    passed, failed = passed + ok, failed + (not ok)


def run(*command, env=None):
    return subprocess.run([WATCH] + list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)


# First that the watch watches.
check("the watch lets a quiet program end", run("/bin/true").returncode == 0)
check("the watch catches exec", run("/bin/sh", "-c", "exec /bin/true").returncode == CAUGHT)
check("the watch catches fork", run("/bin/sh", "-c", "(exit 0); exit 0").returncode == CAUGHT)

with tempfile.TemporaryDirectory() as root:
    def file(name, text):
        path = os.path.join(root, name)
        with open(path, "w") as f:
            f.write(text)
        return path
    mine, one, two = file("mine.xml", FILTER), file("one.xml", BINDING % "vnet0"), file("two.xml", INTERFACE)
    three = file("three.xml", BINDING % "vnet3")
    given = os.path.join(root, "given")
    os.mkdir(given)
    new = file("given/new.xml", "<filter name='new'/>")
    file("given/three.xml", BINDING % "vnet3")
    libvirt = os.path.join(root, "libvirt")
    os.makedirs(os.path.join(libvirt, "etc/libvirt/nwfilter"))
    file("libvirt/etc/libvirt/nwfilter/theirs.xml", "<filter name='theirs'/>")
    bad = file("bad.txt", "<filter name='bad'><ruel/></filter>")
    # Without addresses: with them, dnsmasq is started, the one program that is.
    lab = file("lab.xml", "<network><name>lab</name><bridge name='virbr7'/></network>")
    verbs = [
        (0, "status"), (0, "filter", "list"), (0, "filter", "define", mine), (0, "filter", "validate", mine),
        (0, "filter", "dumpxml", "mine"), (0, "binding", "create", one), (0, "binding", "create", two),
        (0, "binding", "list"), (0, "binding", "dumpxml", "vnet0"), (0, "binding", "rules", "vnet0"), (0, "drops"), (0, "drops", "vnet0"),
        (0, "binding", "set", "vnet0", "IP=192.0.2.7"), (0, "status"), (0, "--json", "status"), (0, "reconcile"),
        (0, "filter", "define", mine), (0, "plan"), (10, "plan", new), (0, "apply", given), (0, "plan", given),
        (0, "import", "libvirt", "--libvirt-root", root), (10, "import", "libvirt", "--libvirt-root", libvirt),
        (0, "import", "libvirt", "--yes", "--libvirt-root", libvirt), (10, "import", "--undo", "--dry-run"), (0, "import", "--undo"),
        (3, "import", "--undo"), (2, "import"), (2, "import", "xen"), (2, "import", "--undo", "--keep"),
        (0, "binding", "delete", "vnet3"), (0, "binding", "delete", "vnet1"), (0, "binding", "delete", "vnet0"),
        (0, "filter", "undefine", "new"), (0, "filter", "undefine", "mine"),
        (0, "nwfilter-list"), (0, "nwfilter-define", mine), (0, "nwfilter-dumpxml", "mine"),
        (0, "nwfilter-binding-create", three), (0, "nwfilter-binding-list"), (0, "nwfilter-binding-dumpxml", "vnet3"),
        (0, "nwfilter-binding-delete", "vnet3"), (0, "nwfilter-undefine", "mine"),
        (0, "net", "define", lab), (0, "net", "list"), (0, "net", "start", "lab"), (0, "net", "info", "lab"), (0, "net", "restart", "lab"),
        (0, "net", "update", "lab", "add", "portgroup", "<portgroup name='a'/>"), (0, "net", "dumpxml", "lab"), (0, "net", "leases", "lab"),
        (0, "net", "autostart", "lab"), (0, "reconcile"), (0, "net", "stop", "lab"), (0, "net", "undefine", "lab"),
        (1, "filter", "define", bad), (3, "filter", "dumpxml", "nobody"), (2, "filter", "frobnicate"), (0, "--help"), (0, "--version"),
    ]
    with through_nwfd(NWFCTL, root):
        for expected, *arguments in verbs:
            done = run(NWFCTL, "--root", root, *arguments)
            check("nwfctl " + " ".join(os.path.basename(a) for a in arguments), done.returncode == expected,
                  "exit %d: %s" % (done.returncode, done.stdout.strip()[:300]))
        editor = dict(os.environ, EDITOR="/bin/true", VISUAL="/bin/true", TMPDIR=root)
        for command in (("filter", "edit", "clean-traffic"), ("nwfilter-edit", "clean-traffic")):
            done = run(NWFCTL, "--root", root, *command, env=editor)
            check("nwfctl %s starts the editor, and the watch sees it" % " ".join(command), done.returncode == CAUGHT, done.stdout)

print("%d passed, %d failed, 0 skipped" % (passed, failed))
sys.exit(1 if failed else 0)
