#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What nwfctl installs, the distribution's nft can list, as text and as JSON, and would take again.

  nft_reads_back.py [--every N] NWFCTL SOURCE

Every filter of tests/peer, the stock filters, and for each protocol a filter whose attributes are all variables; or
every N-th of them."""
import argparse
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
from through_nwfd import through_nwfd  # noqa: E402

VALUES = {"MAC address": ["52:54:00:00:00:01", "52:54:00:00:00:02"], "MAC mask": ["ff:ff:ff:00:00:00"], "IPv4 address": ["192.0.2.1", "192.0.2.2"],
          "IPv6 address": ["2001:db8::1", "2001:db8::2"], "0-32, or dotted": ["24"], "0-128, or an address": ["64"]}


def variable_filters(source):
    """{protocol: (filter, parameters)}: a rule for each attribute that takes a variable."""
    table = re.search(r"<!-- attributes -->(.*?)<!-- end", (source / "docs" / "language.md").read_text(), re.S).group(1)
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table.strip().splitlines()[2:]]
    filters, parameters = {}, {}
    for attribute, kind, variables, protocols in rows:
        attribute = attribute.strip("`")
        if variables != "yes" or attribute == "ipset":
            continue
        for protocol in protocols.split():
            name = "V%d" % len(parameters.setdefault(protocol, {}))
            number = re.match(r"(0x[0-9a-f]+|[0-9]+)-", kind)
            parameters[protocol][name] = VALUES.get(kind) or (["2048", "2049"] if number and number.group(1).startswith("0x") else ["6", "17"])
            base = next((b for b in (attribute.replace("mask", "addr"), attribute[:-5] if attribute.endswith("-mask") else "", attribute[:-3] if
                                     attribute.endswith("-hi") else "", attribute.replace("portend", "portstart"), attribute.replace("ipto", "ipfrom"),
                                     attribute.replace("end", "")) if b and b != attribute and any(r[0] == "`%s`" % b for r in rows)), None)
            more = ""
            if base:
                v6 = "IPv6" in kind or "128" in kind
                more = " %s='%s'" % (base, "52:54:00:00:00:01" if "mac" in base or "address" in base else
                                     "2001:db8::" if v6 else "192.0.2.0" if "ip" in base else "1")
            if attribute == "code" or attribute == "codeend":
                more += " type='3'"
            if protocol in ("ip", "ipv6") and "port" in attribute:
                more += " protocol='udp'"
            if protocol == "ipv6" and re.match("type|code", attribute):
                more += " protocol='icmpv6'"
            direction = "out" if protocol == "stp" or attribute == "srcmacaddr" else "inout"
            filters.setdefault(protocol, []).append("<rule action='drop' direction='%s'><%s %s='$%s'%s/></rule>" % (direction, protocol, attribute, name, more))
    return {p: ("<filter name='variables-%s'>%s</filter>" % (p, "\n".join(rules)), parameters[p]) for p, rules in filters.items()}


def stepping_filters():
    """{case: (filter, parameters)}: ever more variables of one rule that step together, in ARP and in RARP, which nft has no names for."""
    attributes = {"hwtype": "1", "protocoltype": "2048", "opcode": "3", "arpsrcmacaddr": "52:54:00:00:00:01", "arpsrcipaddr": "192.0.2.1",
                  "arpdstmacaddr": "52:54:00:00:00:02", "arpdstipaddr": "192.0.2.2", "srcmacaddr": "52:54:00:00:00:01"}
    for protocol, count in itertools.product(("arp", "rarp"), range(2, len(attributes) + 1)):
        taken = list(attributes.items())[:count]
        text = " ".join("%s='$V%d'" % (name, i) for i, (name, _) in enumerate(taken))
        yield "%d of %s that step together" % (count, protocol), (
            "<filter name='steps'><rule action='drop' direction='out'><%s %s/></rule></filter>" % (protocol, text),
            {"V%d" % i: [value] for i, (_, value) in enumerate(taken)})


def main():
    if os.geteuid() != 0 or not shutil.which("nft"):
        print("skipped: needs root and nft")
        return 77
    if sys.argv[-1] != "inside":  # once more, in a network namespace that ends with it
        return subprocess.run(["unshare", "--net", sys.executable, __file__] + sys.argv[1:] + ["inside"]).returncode
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    for name in ("nwfctl", "source", "inside"):
        parser.add_argument(name)
    given = parser.parse_args()
    nwfctl, source = given.nwfctl, pathlib.Path(given.source)
    # The addresses bridged packets have in a namespace need the host's switches on, as far as there are any.
    subprocess.run(["sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1", "net.bridge.bridge-nf-call-ip6tables=1"], stderr=subprocess.DEVNULL)
    cases = {"peer " + p.stem: (p.read_text(), {"IP": ["192.0.2.1"], "IPV6": ["2001:db8::1"], "A": ["192.0.2.1", "192.0.2.2"],
                                                "B": ["80", "90"], "C": ["1080", "1090"]})
             for p in sorted((source / "tests" / "peer" / "filters").glob("*.xml"))}
    cases.update({"stock " + p.stem: (p.read_text(), {"IP": ["192.0.2.1", "192.0.2.2"], "IPV6": ["2001:db8::1"], "DHCPSERVER": ["2001:db8::9" if "v6" in p.stem else "192.0.2.9"],
                                                      "GATEWAY_MAC": ["52:54:00:00:00:09"]})
                  for p in sorted((source / "host" / "stock").glob("*.xml"))})
    cases.update({"variables of " + p: case for p, case in variable_filters(source).items()})
    cases.update({"variables: " + name: case for name, case in stepping_filters()})
    bad = taken = refused = nowhere = 0
    with tempfile.TemporaryDirectory() as root, through_nwfd(nwfctl, root):
        def run(*words, stdin=None):
            return subprocess.run(words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        def file(name, text):
            path = os.path.join(root, name)
            pathlib.Path(path).write_text(text)
            return path

        for name, (text, parameters) in list(cases.items())[::given.every]:
            wrong = None
            filter_name = ET.fromstring(text).get("name")
            rows = "".join("<parameter name='%s' value='%s'/>" % (n, v) for n, vs in parameters.items() for v in vs)
            defined = run(nwfctl, "--root", root, "filter", "define", file("f.xml", text))
            bound = run(nwfctl, "--root", root, "binding", "create", file("b.xml",
                        "<filterbinding><portdev name='vnet0'/><mac address='52:54:00:00:00:01'/><filterref filter='%s'>%s</filterref></filterbinding>"
                        % (filter_name, rows)))
            if defined.returncode or bound.returncode:
                refused += 1
                if name.startswith(("stock", "variables")):
                    wrong = (defined.stdout if defined.returncode else bound.stdout)
            else:
                listed = run("nft", "list", "ruleset")
                again = run("nft", "-c", "-f", "-", stdin=listed.stdout)
                json = run("nft", "-j", "list", "ruleset")
                reconciled = run(nwfctl, "--root", root, "reconcile")
                taken += 1
                nowhere += "table" not in listed.stdout  # what stops nothing
                if listed.returncode or again.returncode:
                    wrong = listed.stdout if listed.returncode else again.stdout
                elif "[invalid" in listed.stdout or "unknown" in listed.stdout or json.returncode or ('"table"' in json.stdout) != ("table" in listed.stdout):
                    wrong = "nft cannot say all of it"
                elif "already holds" not in reconciled.stdout:
                    wrong = "what was just bound is not what is wanted: " + reconciled.stdout
                run(nwfctl, "--root", root, "binding", "delete", "vnet0")
            if wrong:
                bad += 1
                print("FAILED %s: %s" % (name, wrong[:600]))
    print("%d rulesets nft takes again (%d of filters that need none), %d it does not, %d filters refused" %
          (taken - bad, nowhere, bad, refused))
    return 0 if taken - nowhere > 100 / given.every and not bad else 1


sys.exit(main())
