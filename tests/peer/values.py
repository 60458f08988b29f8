#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which values an attribute may have: recorded from a real libvirt, and compared with what nwf makes of them.

  values.py check  [--expected FILE]     libnwf ($NWF_LIBRARY) against the recorded answers
  values.py record --out FILE            from the libvirt that virsh reaches (libvirt-ns gives one)

Every attribute of docs/language.md gets every value of VALUES, in a rule that is right but for it. The answer is the
value that dumpxml gives back, or that the filter is refused, or that the attribute is ignored. STRICTER and LOOSER say
where nwf may differ, and why, as docs/compatibility.md does. A reason that no answer needs is a mistake, too."""
import argparse
import ctypes
import gzip
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from xml.sax.saxutils import quoteattr

HERE = pathlib.Path(__file__).resolve().parent
EXPECTED = HERE / "values-libvirt-9.0.json.gz"
LANGUAGE = HERE.parent.parent / "docs" / "language.md"
VALUES = ["", " ", "0", "1", "00", "-1", "+1", " 1", "1 ", "1.0", "1x", "x", "0x", "0x0", "0x1", "0X1", "0xg", "3", "16", "24", "31", "32", "33",
          "63", "64", "127", "128", "129", "255", "256", "0xff", "0x100", "600", "1535", "1536", "0x600", "0x5ff", "0x806", "0x0800", "2048", "0x8100", "0x86dd", "0x86DD", "59", "60", "0x3b", "0x3c", "4095", "4096", "0xfff",
          "0x1000", "65535", "65536", "0xffff", "0x10000", "4294967295", "4294967296", "0xffffffff", "0x100000000",
          "99999999999999999999", "tcp", "TCP", "udp", "icmp", "icmpv6", "igmp", "sctp", "udplite", "esp", "ah", "arp", "ARP", "rarp", "ipv4",
          "ipv6", "vlan", "Request", "Reply", "request", "Reply_Reverse", "DRARP_Error", "InARP_Request", "ARP_NAK", "true", "TRUE", "false", "yes",
          "no", "1.2.3.4", "1.2.3", "1.2.3.256", "1.2.3.4.5", "01.2.3.4", "1.2.3.4/24", "255.255.255.0", "255.255.0.255", "0.0.0.0",
          "255.255.255.255", "::", "::1", "fe80::1", "FE80::1", "fe80::1::2", "ffff::", "ffff:ffff::", "ffff:0:ffff::", "::1.2.3.4", "fe80::1%eth0",
          "52:54:00:00:00:01", "52:54:00:00:00", "52:54:00:00:00:01:02", "52:54:0:0:0:1", "52-54-00-00-00-01", "525400000001",
          "ff:ff:ff:00:00:00", "ff:00:ff:00:00:00", "01:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "5z:54:00:00:00:01",
          "NEW", "NEW,ESTABLISHED", "ESTABLISHED,RELATED", "INVALID", "NONE", "new", "NEW,", ",NEW", "NEW ESTABLISHED", "OPEN", "NEW,NEW",
          "SYN", "SYN/ALL", "SYN,ACK/SYN", "ALL/ALL", "NONE/ALL", "ALL/NONE", "syn/all", "SYN/", "/SYN", "SYN/SYN/SYN", "2/2", "0x2/0x3f", "SYN+ACK/ALL",
          "src", "dst", "src,dst", "src,src,src,src,src,src", "src,src,src,src,src,src,src", "source", "src,", "SRC", "my-set", "my/set", "a" * 31, "a" * 32,
          "$X", "$", "$X[0]", "$X[@1]", "$X[", "$X[]", "$X[@]", "$X[99999999999]", "$X Y", "$1", "$a-b", "$X[1]x", "a" * 256, "a" * 257, "ä", "a'b\"c<d>&",
          "; rm", "a\nb"]


def rows():
    """(protocol, attribute, {other attributes of its rule}), one protocol a row of the table: the others read it alike."""
    table = re.search(r"<!-- attributes -->(.*?)<!-- end", LANGUAGE.read_text(), re.S).group(1)
    for line in table.strip().splitlines()[2:]:
        attribute, _, _, protocols = [cell.strip() for cell in line.strip().strip("|").split("|")]
        attribute, protocol = attribute.strip("`"), protocols.split()[0]
        if attribute.startswith("ipset"):
            protocol = "all"  # libvirt 9.0 forgets it in <tcp>
        yield protocol, attribute, beside(protocol, attribute, "IPv6" in line or "0-128" in line)


def beside(protocol, attribute, v6):
    out = {}
    if attribute.endswith("mask"):
        base = attribute[:-5] if attribute.endswith("-mask") else attribute[:-4] + "addr"
        out[base] = "52:54:00:00:00:01" if "mac" in base or "-" in base else "fe80::1" if v6 else "1.2.3.4"
    elif attribute.endswith("-hi"):
        out[attribute[:-3]] = "0"
    elif attribute.endswith("portend"):
        out[attribute[:-3] + "start"] = "0"
    elif attribute in ("typeend", "codeend"):
        out.update({"type": "0", attribute[:-3]: "0"})
    elif attribute == "code":
        out["type"] = "3"
    elif attribute in ("srcipto", "dstipto"):
        out[attribute[:-2] + "from"] = "::" if v6 else "0.0.0.0"
    elif attribute == "ipsetflags":
        out["ipset"] = "s"
    elif attribute == "ipset":
        out["ipsetflags"] = "src"
    if protocol in ("ip", "ipv6") and "port" in attribute:
        out["protocol"] = "tcp"
    if protocol == "ipv6" and attribute in ("type", "typeend", "code", "codeend"):
        out["protocol"] = "icmpv6"
    return out


def filter_of(protocol, attribute, others, value):
    given = dict(others, **{attribute: value})
    text = " ".join("%s=%s" % (name, quoteattr(v, {"\n": "&#10;"})) for name, v in given.items())
    return "<filter name='own-value'><uuid>aaaaaaaa-0000-4000-8000-0000000000aa</uuid><rule action='drop' direction='out'><%s %s/></rule></filter>" % (
        protocol, text)


def answer(attribute, dumped):
    if dumped is None:
        return "refused"
    element = ET.fromstring(dumped).find("rule/*")
    value = None if element is None else element.get(attribute)
    return "ignored" if value is None else "is " + value


class Library:
    """Defines through nwf.h, in a folder of its own."""

    def __init__(self):
        self.root = tempfile.TemporaryDirectory()
        self.c = ctypes.CDLL(os.environ.get("NWF_LIBRARY", "libnwf.so.0"))
        for name in ("nwf_host_open", "nwf_filter_define_xml", "nwf_filter_get_xml_desc"):
            getattr(self.c, name).restype = ctypes.c_void_p
        self.c.nwf_filter_free.argtypes = self.c.free.argtypes = [ctypes.c_void_p]
        self.host = ctypes.c_void_p(self.c.nwf_host_open(self.root.name.encode(), 0, None))

    def define(self, text):
        made = self.c.nwf_filter_define_xml(self.host, text.encode(), None)
        if not made:
            return None
        dumped = ctypes.c_void_p(self.c.nwf_filter_get_xml_desc(ctypes.c_void_p(made), 0, None))
        out = ctypes.string_at(dumped).decode()
        self.c.free(dumped)
        self.c.nwf_filter_free(made)
        return out


class Virsh:
    """One virsh for all: it reads commands, and says after each that it is done."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.virsh = subprocess.Popen(["stdbuf", "-o0", "virsh", "-q", "-c", "nwfilter:///system"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT)

    def ask(self, command):
        """What the command says: virsh repeats what it reads, and `echo` ends no line."""
        self.virsh.stdin.write(("%s\necho done-with-it\n" % command).encode())
        self.virsh.stdin.flush()
        said = b""
        while b"\ndone-with-it" not in said:
            more = os.read(self.virsh.stdout.fileno(), 65536)
            if not more:
                raise RuntimeError("virsh ended")
            said += more
        return said.decode()

    def define(self, text):
        path = os.path.join(self.folder.name, "filter.xml")
        with open(path, "w") as out:
            out.write(text)
        if "error:" in self.ask("nwfilter-define " + path):
            return None
        dumped = self.ask("nwfilter-dumpxml own-value")
        self.ask("nwfilter-undefine own-value")
        return dumped[dumped.index("<filter"):dumped.index("</filter>") + 9]


def answers(engine):
    out = {}
    for protocol, attribute, others in rows():
        for value in VALUES:
            out.setdefault("%s %s" % (protocol, attribute), {})[value] = answer(attribute, engine.define(filter_of(protocol, attribute, others, value)))
    return out


def check(expected):
    wanted, got = json.loads(gzip.open(expected).read()), answers(Library())
    same, wrong, used = 0, [], {}
    for row, values in sorted(wanted.items()):
        for value, want in values.items():
            have = got.get(row, {}).get(value)
            if have == want:
                same += 1
            elif why(row, value, want, have):
                used[why(row, value, want, have)] = used.get(why(row, value, want, have), 0) + 1
            else:
                wrong.append("%s=%r: libvirt %s, nwf %s" % (row, value[:40], want[:60], (have or "no answer")[:60]))
    wrong += ["nothing needs the reason: " + reason for reason, _ in STRICTER + LOOSER if reason not in used]
    for line in wrong:
        print(line)
    for reason, times in used.items():
        print("%4d otherwise: %s" % (times, reason))
    print("%d answers as libvirt's, %d otherwise for a reason, %d wrong" % (same, sum(used.values()), len(wrong)))
    return 0 if same and not wrong else 1


# (reason, does it hold for this attribute and value). Stricter: libvirt takes it, nwf does not.
STRICTER = [
    ("a variable needs a name", lambda a, v: v == "$"),
    ("text behind a variable", lambda a, v: v == "$X[1]x"),
    ("no variable can stand here", lambda a, v: a in ("gratuitous", "flags", "state", "ipsetflags") and v.startswith("$")),
    ("a number with a sign or a blank before it", lambda a, v: re.fullmatch(r"[-+ ][0-9]+", v)),
    ("an IPv4 address is four decimal numbers", lambda a, v: a.endswith(("ipaddr", "ipfrom", "ipto")) and re.fullmatch(r"[0-9a-fA-FxX.]+", v)),
    ("a mask written as a hexadecimal number", lambda a, v: a.endswith("mask") and v.startswith("0x")),
    ("only truth values are truth values", lambda a, v: a == "gratuitous"),
    ("no mask of TCP flags", lambda a, v: a == "flags" and v == "/SYN"),
    ("an ipset has a name", lambda a, v: a == "ipset" and not v),
    ("no state at all", lambda a, v: a == "state" and not v.strip()),
    ("a comment too long is not cut", lambda a, v: a == "comment" and len(v) > 256)]
# Looser: libvirt refuses it, nwf takes it; or reads it otherwise.
LOOSER = [
    ("a comment is text, whatever it begins with", lambda a, v: a == "comment" and v.startswith("$")),
    ("a line break in a comment stays", lambda a, v: a == "comment" and "\n" in v),
    ("dstipto of IPv6 is an IPv6 address", lambda a, v: a == "dstipto" and ":" in v)]


def why(row, value, want, have):
    """The reason for another answer than libvirt's, or None."""
    attribute = row.split()[1]
    reasons = STRICTER if have == "refused" else LOOSER
    return next((reason for reason, holds in reasons if holds(attribute, value)), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["check", "record"])
    parser.add_argument("--expected", type=pathlib.Path, default=EXPECTED)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    if options.verb == "check":
        return check(options.expected)
    with open(options.out, "wb") as out, gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as packed:
        packed.write(json.dumps(answers(Virsh()), indent=0, sort_keys=True).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
