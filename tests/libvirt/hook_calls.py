#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nwf-hook called as libvirt 9.0 and QEMU were seen to call their hooks.

  hook_calls.py NWF_HOOK NWFCTL

Needs root: works in a network namespace and a temporary root of its own."""
import ctypes
import fcntl
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
from through_nwfd import through_nwfd  # noqa: E402

HOOK, NWFCTL = sys.argv[1:3]
if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
    print("0 passed, 0 failed, 1 skipped: needs root for a network namespace")
    sys.exit(77)

GUEST = "6695eb01-f6a4-8304-79aa-97f2502e193f"
failed = passed = 0


def check(name, ok, detail=""):
    global failed, passed
    print("%-72s %s %s" % (name, "ok" if ok else "FAILED", detail if not ok else ""))
    passed, failed = passed + ok, failed + (not ok)


def interface(mac, dev="", filter="clean-traffic"):
    return ("<interface type='bridge'><mac address='%s'/><source bridge='br-ext'/>%s<model type='virtio'/>%s</interface>"
            % (mac, "<target dev='%s'/>" % dev if dev else "", "<filterref filter='%s'><parameter name='IP' value='192.0.2.9'/></filterref>" % filter if filter else ""))


def domain(*interfaces, name="d1", uuid=GUEST, metadata=""):
    return ("<domain type='qemu'>\n<name>%s</name>\n<uuid>%s</uuid>\n%s<devices>\n%s\n</devices></domain>\n"
            % (name, uuid, metadata, "\n".join(interfaces)))


def hook_data(port=""):
    return ("<hookData>\n<network><name>natnet</name><uuid>c1a7b1ee-0000-4000-8000-5a6a5c2c9d3e</uuid>"
            "<bridge name='virbr9'/></network>\n%s</hookData>" % port)


def network_port(mac, name="d1", uuid=GUEST):
    return hook_data("<networkport><uuid>2a1f1ad0-0000-4000-8000-5a6a5c2c9d3e</uuid><owner><name>%s</name><uuid>%s</uuid>"
                     "</owner><mac address='%s'/><plug type='network' bridge='virbr9'/></networkport>" % (name, uuid, mac))


def tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", name.encode(), 0x1002))
    return fd


M = "52:54:00:00:00:0%d"
with tempfile.TemporaryDirectory() as root, through_nwfd(NWFCTL, root):
    environment = dict(os.environ, NWF_ROOT=root)
    hooks = os.path.join(root, "hooks")
    os.makedirs(os.path.join(hooks, "qemu.d"))
    for name in ("qemu", "network", "qemu.d/50-nwf", "nwf-ifup", "nwf-ifdown"):
        os.symlink(os.path.abspath(HOOK), os.path.join(hooks, name))

    def hook(name, *arguments, input=None):
        return subprocess.run([os.path.join(hooks, name)] + list(arguments), env=environment, text=True, input=input,
                              stdin=subprocess.DEVNULL if input is None else None, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def nwfctl(*arguments):
        return subprocess.run([NWFCTL, "--root", root] + list(arguments), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def bound():
        out = nwfctl("binding", "list").stdout.splitlines()[2:]
        return dict(line.split() for line in out if line.strip())

    def call(name, object, operation, moment, input, code=0):
        done = hook(name, object, operation, moment, "-", input=input)
        check("%s %s %s %s: exit %d" % (name, object, operation, moment, code), done.returncode == code, done.stderr)
        check("    nothing on standard output", done.stdout == "", done.stdout)
        return done

    two = domain(interface(M % 1, "vnet0"), interface(M % 2, "vnet1", "no-mac-spoofing"), interface(M % 3, "vnet2", ""))
    unnamed = domain(interface(M % 1), interface(M % 2))

    # One life of a guest, in the order in which libvirt calls.
    call("network", "natnet", "start", "begin", hook_data())
    call("network", "natnet", "started", "begin", hook_data())
    call("qemu", "d1", "prepare", "begin", unnamed)
    call("network", "natnet", "port-created", "begin", network_port(M % 1))
    check("nothing is bound before the ports have names", bound() == {}, bound())
    call("qemu", "d1", "start", "begin", two)
    check("at `start begin` the ports are bound", bound() == {"vnet0": "clean-traffic", "vnet1": "no-mac-spoofing"}, bound())
    check("the owner is kept", GUEST in nwfctl("binding", "dumpxml", "vnet0").stdout)
    call("qemu", "d1", "started", "begin", two)
    call("qemu", "d1", "reconnect", "begin", two)
    check("at `reconnect begin` they stay", len(bound()) == 2, bound())
    call("network", "natnet", "port-deleted", "begin", network_port(M % 1))
    check("a port whose interface is gone is unbound at `port-deleted`", bound() == {"vnet1": "no-mac-spoofing"}, bound())
    call("qemu", "d1", "stopped", "end", unnamed)
    check("at `stopped end` all are unbound, though no port is named", bound() == {}, bound())
    call("qemu", "d1", "release", "end", unnamed)

    # Restore and migration: an announcement, then a start.
    call("qemu", "d1", "restore", "begin", unnamed)
    call("qemu", "d1", "migrate", "begin", unnamed)
    check("an announcement binds nothing", bound() == {}, bound())

    # Refusals.
    done = call("qemu", "d1", "start", "begin", domain(interface(M % 1, "vnet0"), interface(M % 2, "vnet1", "nobody")), code=1)
    check("a filter that is missing refuses the start and says which", "port vnet1" in done.stderr and "nobody" in done.stderr, done.stderr)
    check("and nothing is bound", bound() == {}, bound())
    done = call("qemu", "d1", "start", "begin", unnamed, code=1)
    check("a filter without a port refuses the start", "no port is named" in done.stderr, done.stderr)
    done = call("qemu", "d1", "start", "begin", "<domain", code=1)
    check("a broken text refuses the start, with its place", "d1, start begin:1:" in done.stderr, done.stderr)
    call("qemu", "d1", "start", "begin", domain(interface(M % 1, "vnet0"), metadata="<metadata><hookData/></metadata>"))
    check("a guest's metadata cannot make its start a network's event", bound() == {"vnet0": "clean-traffic"}, bound())
    call("qemu", "d1", "stopped", "end", unnamed)
    call("qemu.d/50-nwf", "d1", "start", "begin", two)
    call("qemu.d/50-nwf", "d1", "stopped", "end", unnamed)
    check("in qemu.d any name will do", bound() == {}, bound())
    check("too few words are refused", hook("qemu", "d1", "start", input=two).returncode == 1)
    check("a port alone needs one of QEMU's two names", "nwf-ifup" in hook("qemu", "tap0").stderr)

    # QEMU's own scripts: standard input is QEMU's, and not read.
    subprocess.run(["ip", "link", "add", "br-ext", "type", "bridge"], check=True)
    subprocess.run(["ip", "link", "set", "br-ext", "up"], check=True)
    fd = tap("tap0")
    done = hook("nwf-ifup", "tap0")
    check("a port nobody described is refused", done.returncode == 1 and "etc/nwf/ports/tap0.xml" in done.stderr, done.stderr)
    os.makedirs(os.path.join(root, "etc/nwf/ports"))
    with open(os.path.join(root, "etc/nwf/ports/tap0.xml"), "w") as f:
        f.write(interface(M % 4, "tap0"))
    done = hook("nwf-ifup", "tap0")
    check("script= binds the port", done.returncode == 0 and bound() == {"tap0": "clean-traffic"}, done.stderr)
    link = subprocess.run(["ip", "-o", "link", "show", "tap0"], stdout=subprocess.PIPE, text=True).stdout
    check("brings it up and puts it on its bridge", "master br-ext" in link and ",UP" in link, link)
    check("again it does no harm", hook("nwf-ifup", "tap0").returncode == 0 and bound() == {"tap0": "clean-traffic"})
    os.rename(os.path.join(root, "etc/nwf/ports/tap0.xml"), os.path.join(root, "etc/nwf/ports/tap1.xml"))
    done = hook("nwf-ifup", "tap1")
    check("a file about another port is refused", done.returncode == 1 and "port tap0, not tap1" in done.stderr, done.stderr)
    check("downscript= unbinds it", hook("nwf-ifdown", "tap0").returncode == 0 and bound() == {}, bound())
    check("twice is no error", hook("nwf-ifdown", "tap0").returncode == 0)
    os.close(fd)
    check("the kernel holds what the state says", '"in_sync": true' in nwfctl("--json", "status").stdout.replace('"in_sync":true', '"in_sync": true'))

print("%d passed, %d failed, 0 skipped" % (passed, failed))
sys.exit(1 if failed else 0)
