#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad input, to the real program: each is refused with a message that says file, line, what and what would be right,
and neither a file nor the kernel's ruleset is changed by it.

  bad_input.py NWFCTL

With NWFD in the environment, by way of a daemon of the test's own.
Needs root: works in a network namespace and a temporary root of its own."""
import ctypes
import hashlib
import os
import socket
import stat
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
from through_nwfd import through_nwfd  # noqa: E402

NWFCTL = sys.argv[1]
if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
    print("0 passed, 0 failed, 1 skipped: needs root for a network namespace")
    sys.exit(77)

MAC = "<mac address='52:54:00:00:00:07'/>"
failed = passed = 0


def generation():
    """The kernel's nf_tables generation: NFT_MSG_GETGEN, whose answer ends in NFTA_GEN_ID first."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as s:
        s.sendto(struct.pack("=IHHII", 20, 10 << 8 | 16, 1, 1, 0) + struct.pack("=BBH", 0, 0, 0), (0, 0))
        answer = s.recv(4096)
    return struct.unpack(">I", answer[24:28])[0]


def files(root):
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            # The lock says only who held it last; a socket has no content.
            if name == "lock" or stat.S_ISSOCK(os.lstat(path).st_mode):
                continue
            with open(path, "rb") as f:
                found[path] = (hashlib.sha256(f.read()).hexdigest(), os.stat(path).st_mtime_ns)
    return found


def rule(inside, attributes="action='drop' direction='out'"):
    return "<filter name='x'>\n  <rule %s>\n    %s\n  </rule>\n</filter>\n" % (attributes, inside)


def binding(filterref, mac=MAC, port="vnet7"):
    return "<filterbinding>\n  <portdev name='%s'/>\n  %s\n  %s\n</filterbinding>\n" % (port, mac, filterref)


BOMB = ("<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" +
        "".join("<!ENTITY %s '%s'>" % (b, ("&%s;" % a) * 10) for a, b in zip("abcdefgh", "bcdefghi")) +
        "]>\n<filter name='&i;'/>")
EXTERNAL = "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>\n<filter name='x'>&e;</filter>"
DEFINE, CREATE = ("filter", "define"), ("binding", "create")
# verb, text, exit code, what the message holds: the place first, then what, then what would be right
CASES = {
    "not well formed": (DEFINE, "<filter name='x'>\n  <rule action='drop' direction='out'>\n</filter>", 1, ["FILE:3:", "not well-formed XML"]),
    "empty": (DEFINE, "", 1, ["FILE:1:1", "empty"]),
    "not XML": (DEFINE, "hello", 1, ["FILE:1:", "not well-formed XML"]),
    "zero byte": (DEFINE, "<filter\0/>", 1, ["FILE:", "zero byte"]),
    "another document": (DEFINE, "<domain/>", 1, ["FILE:1:1", "<domain>", "<filter name="]),
    "unknown element": (DEFINE, "<filter name='x'>\n  <ruel/>\n</filter>", 1, ["FILE:2:3", "<ruel>", "did you mean 'rule'"]),
    "unknown protocol": (DEFINE, rule("<tpc dstportstart='25'/>"), 1, ["FILE:3:5", "no protocol <tpc>", "did you mean 'tcp'"]),
    "unknown attribute": (DEFINE, rule("<tcp dstportstrat='25'/>"), 1, ["FILE:3:5", "dstportstrat", "did you mean 'dstportstart'"]),
    "bad attribute value": (DEFINE, rule("<tcp dstportstart='70000'/>"), 1, ["FILE:3:5", "'70000'", "write"]),
    "unknown action": (DEFINE, rule("<tcp/>", "action='acept' direction='in'"), 1, ["FILE:2:3", "'acept'", "did you mean 'accept'"]),
    "unknown direction": (DEFINE, rule("<tcp/>", "action='drop' direction='inn'"), 1, ["FILE:2:3", "'inn'", "did you mean 'in'"]),
    "bad priority": (DEFINE, rule("<tcp/>", "action='drop' direction='in' priority='1001'"), 1, ["FILE:2:3", "'1001'", "-1000 to 1000"]),
    "bad MAC in a rule": (DEFINE, rule("<mac srcmacaddr='52:54:00:zz:00:01'/>"), 1, ["FILE:3:5", "52:54:00:zz:00:01", "write"]),
    "bad IP in a rule": (DEFINE, rule("<ip srcipaddr='10.0.0.256'/>"), 1, ["FILE:3:5", "10.0.0.256", "write"]),
    "bad chain": (DEFINE, "<filter name='x' chain='ftp'/>", 1, ["FILE:1:1", "'ftp'", "begins with mac"]),
    "bad UUID": (DEFINE, "<filter name='x'>\n <uuid>12</uuid></filter>", 1, ["FILE:2:2", "'12' is not a UUID", "8-4-4-4-12"]),
    "entities that multiply": (DEFINE, BOMB, 1, ["FILE:1:", "DOCTYPE", "remove it"]),
    "an external entity": (DEFINE, EXTERNAL, 1, ["FILE:1:", "DOCTYPE", "remove it"]),
    "too deep": (DEFINE, "<filter name='x'>" + "<a>" * 100 + "</a>" * 100 + "</filter>", 1, ["FILE:1:", "deeper than"]),
    "too long": (DEFINE, "<filter name='x'>" + " " * (5 << 20) + "</filter>", 1, ["FILE", "larger than 4 MiB"]),
    "a circle": (DEFINE, "<filter name='one'>\n  <filterref filter='two'/>\n</filter>", 4,
                 ["FILE:2:3", "circle: one -> two -> one", "remove the reference"]),
    "a circle of one": (DEFINE, "<filter name='self'>\n <filterref filter='self'/></filter>", 4, ["FILE:2:2", "circle: self -> self"]),
    "the name with another UUID": (DEFINE, "<filter name='clean-traffic'><uuid>00000000-1111-2222-3333-444444444444</uuid></filter>", 4,
                                   ["FILE:1:1", "'clean-traffic'", "UUID", "leave <uuid> out"]),
    "the UUID with another name": (DEFINE, "<filter name='x'><uuid>6f145c54-e3de-9c33-544a-70b69c16af3b</uuid></filter>", 4,
                                   ["FILE:1:1", "6f145c54-e3de-9c33-544a-70b69c16af3b", "'two'", "leave <uuid> out"]),
    "unknown filter": (CREATE, binding("<filterref filter='claen-traffic'/>"), 1, ["FILE:", "'claen-traffic'"]),
    "filter that refers to nothing": (CREATE, binding("<filterref filter='hollow'/>"), 1, ["'hollow' refers to 'nowhere'", "define 'nowhere'"]),
    "missing variable": (CREATE, binding("<filterref filter='wants-port'/>"), 1, ["wants-port", "$PORT", "line 3", "add <parameter name='PORT'"]),
    "variable of the wrong kind": (CREATE, binding("<filterref filter='wants-port'><parameter name='PORT' value='ssh'/></filterref>"), 1,
                                   ["wants-port", "'ssh'"]),
    "bad MAC": (CREATE, binding("<filterref filter='clean-traffic'/>", "<mac address='52:54:00:00:00'/>"), 1,
                ["FILE:3:3", "52:54:00:00:00", "write six groups"]),
    "group MAC": (CREATE, binding("<filterref filter='clean-traffic'/>", "<mac address='53:54:00:00:00:01'/>"), 1, ["FILE:3:3", "multicast"]),
    "bad IP": (CREATE, binding("<filterref filter='clean-traffic'>\n<parameter name='IP' value='10.1.2'/></filterref>"), 1,
               ["FILE:5:1", "IP='10.1.2' is not an IPv4 address"]),
    "bad port": (CREATE, binding("<filterref filter='clean-traffic'/>", port="a-name-of-16-chr"), 1, ["FILE:2:3", "1 to 15 characters"]),
    "no MAC": (CREATE, binding("<filterref filter='clean-traffic'/>", ""), 1, ["FILE:1:1", "MAC address is missing", "add <mac"]),
    "bound already": (CREATE, binding("<filterref filter='no-mac-spoofing'/>", port="vnet0"), 4, ["FILE:1:1", "vnet0 is bound", "binding delete vnet0"]),
}


def check(name, wrong):
    global failed, passed
    print("%-50s %s" % (name, "ok" if not wrong else "FAILED: " + "; ".join(wrong)))
    passed, failed = passed + (not wrong), failed + bool(wrong)


with tempfile.TemporaryDirectory() as root, through_nwfd(NWFCTL, root), tempfile.TemporaryDirectory() as texts:
    def write(name, text):
        path = os.path.join(texts, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def run(*arguments, **options):
        return subprocess.run([NWFCTL, "--root", root] + list(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=30, **options)

    def prepare(verb, text):
        done = run(*verb, write("prepare.xml", text))
        assert done.returncode == 0, done.stderr

    prepare(DEFINE, "<filter name='one'/>")
    prepare(DEFINE, "<filter name='two'><uuid>6f145c54-e3de-9c33-544a-70b69c16af3b</uuid><filterref filter='one'/></filter>")
    prepare(DEFINE, "<filter name='hollow'><filterref filter='nowhere'/></filter>")
    prepare(DEFINE, "<filter name='wants-port'>\n<rule action='drop' direction='out'><tcp dstportstart='$PORT'/></rule></filter>")
    prepare(CREATE, binding("<filterref filter='clean-traffic'><parameter name='IP' value='192.0.2.1'/></filterref>", port="vnet0"))

    before, written = files(root), generation()
    assert before and written

    def unchanged():
        wrong = []
        now = files(root)
        wrong += ["%s changed" % os.path.relpath(path, root) for path in sorted(before.keys() | now.keys())
                  if before.get(path) != now.get(path)]
        if generation() != written:
            wrong.append("the kernel's ruleset changed")
        return wrong

    for name, (verb, text, code, parts) in CASES.items():
        path = write("bad.xml", text)
        done = run(*verb, path)
        wrong = unchanged()
        if done.returncode != code:
            wrong.append("exit code %d, not %d" % (done.returncode, code))
        wrong += ["no %r in: %s" % (part, done.stderr.strip()) for part in (p.replace("FILE", path) for p in parts)
                  if part not in done.stderr]
        if done.stdout:
            wrong.append("standard output: " + done.stdout)
        check(name, wrong)

    # Somebody without privilege, who may read and write the files.
    for folder, names, leaves in os.walk(root):
        for path in [folder] + [os.path.join(folder, leaf) for leaf in leaves]:
            os.chmod(path, 0o777)
    os.chmod(texts, 0o755)
    before = files(root)
    path = write("fine.xml", binding("<filterref filter='clean-traffic'><parameter name='IP' value='192.0.2.7'/></filterref>"))
    program = os.open(NWFCTL, os.O_RDONLY)
    done = subprocess.run(["nwfctl", "--root", root, "binding", "create", path], executable="/proc/self/fd/%d" % program,
                          pass_fds=[program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, user=65534, group=65534)
    wrong = unchanged()
    if done.returncode != 1 or "root" not in done.stderr:
        wrong.append("exit code %d: %s" % (done.returncode, done.stderr))
    check("no permission", wrong)

    # Last, that unchanged() can fail.
    fine = run("binding", "create", path)
    seen = unchanged()
    check("a change is seen", [] if fine.returncode == 0 and len(seen) > 1 and "the kernel's ruleset changed" in seen
          else [fine.stderr] + seen)

print("%d passed, %d failed, 0 skipped" % (passed, failed))
sys.exit(1 if failed else 0)
