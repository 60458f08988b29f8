#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which packets pass a filter: recorded from a real libvirt, and compared with what nwfctl does.

  verdicts.py check  [--expected FILE] [CASE ...]          nwfctl ($NWFCTL) against the recorded verdicts
  verdicts.py record --engine libvirt|nwfctl --out FILE [CASE ...]

With CASEs, record replaces theirs in FILE and keeps the others. Cases are the filters of filters/, each once more closed
at its end where that shows more, and the sequences of sequences.py. To record from libvirt, a libvirtd must be reachable
by virsh in this network namespace (libvirt-ns gives one). Root; other network namespaces of its own."""
import argparse
import contextlib
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from through_nwfd import through_nwfd  # noqa: E402
from packets import GUEST_IP, GUEST_IP6, GUEST_MAC, frame, probes
from sequences import SEQUENCES
from wire import Wire, came

HERE = pathlib.Path(__file__).resolve().parent
STOCK = HERE.parent.parent / "host" / "stock"
EXPECTED = HERE / "libvirt-9.0.json.gz"
PARAMETERS = {"IP": [GUEST_IP], "IPV6": [GUEST_IP6], "A": ["1.1.1.1", "2.2.2.2", "3.3.3.3", "3.3.3.3"],
              "B": ["80", "90", "80", "80"], "C": ["1080", "1090", "1100", "1110"], "GATEWAY_MAC": ["52:54:00:aa:bb:99"]}
ETHERNET = {"mac", "vlan", "stp", "arp", "rarp", "ip", "ipv6"}
CLOSING = {"+ethernet-closed": "<rule action='drop' direction='inout' priority='1000'><mac/></rule>",
           "+inet-closed": "<rule action='drop' direction='inout' priority='1000'><all/></rule>"
                           "<rule action='drop' direction='inout' priority='1000'><all-ipv6/></rule>"}


def filter_cases():
    """{name: XML}: an open filter hides what its accept rules miss, so each is there closed as well."""
    cases = {}
    for path in sorted((HERE / "filters").glob("*.xml")):
        text = path.read_text()
        cases[path.stem] = text
        protocols = {el.tag for rule in ET.fromstring(text).findall("rule") for el in rule}
        accepts = "'accept'" in text or "'return'" in text
        for suffix, rules in CLOSING.items():
            if accepts and (protocols & ETHERNET if suffix.startswith("+e") else protocols - ETHERNET):
                cases[path.stem + suffix] = text.replace("</filter>", rules + "</filter>")
    # The stock filters as each engine has its own: alone, and before a rule that stops the rest.
    for path in sorted(STOCK.glob("*.xml")):
        for suffix, rules in dict(CLOSING, **{"": ""}).items():
            cases["stock:" + path.stem + suffix] = "<filter name='own-stock-%s'><filterref filter='%s'/>%s</filter>" % (path.stem, path.stem, rules)
    return cases


def whole_text(text):
    """The filter, and those of host/stock that it refers to."""
    texts = [text]
    for name in re.findall(r"<filterref filter='([^']+)'", text):
        if (STOCK / (name + ".xml")).exists():
            texts += whole_text((STOCK / (name + ".xml")).read_text())
    return texts


def parameters_of(text):
    names = set(re.findall(r"\$\s*([A-Za-z0-9_]+)", text))
    given = {name: PARAMETERS[name] for name in sorted(names) if name in PARAMETERS}
    return dict(given, IP=[GUEST_IP])


def binding(name, parameters):
    rows = "".join("<parameter name='%s' value='%s'/>" % (n, v) for n, vs in parameters.items() for v in vs)
    return ("<filterbinding><owner><uuid>aaaaaaaa-0000-4000-8000-000000000001</uuid><name>g</name></owner>"
            "<portdev name='vnet0'/><mac address='%s'/><filterref filter='%s'>%s</filterref></filterbinding>"
            % (GUEST_MAC, name, rows))


class Engine:
    def __init__(self):
        self.files = tempfile.mkdtemp()

    def file(self, text):
        path = os.path.join(self.files, "text.xml")
        with open(path, "w") as out:
            out.write(text)
        return path

    def close(self):
        shutil.rmtree(self.files)

    def checked(self, done):
        if done.returncode:
            raise RuntimeError(done.stdout.strip())

    def define(self, text): self.run("nwfilter-define", self.file(text))
    def undefine(self, name): self.run("nwfilter-undefine", name)
    def bind(self, text): self.run("nwfilter-binding-create", self.file(text))
    def unbind(self): self.run("nwfilter-binding-delete", "vnet0")


class Libvirt(Engine):
    def run(self, *words):
        self.checked(subprocess.run(("virsh", "-c", "nwfilter:///system") + words, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True))


class Nwfctl(Engine):
    program = os.environ.get("NWFCTL", "nwfctl")

    def __init__(self, wire):
        super().__init__()
        self.wire = wire
        self.daemon = contextlib.ExitStack()
        self.daemon.enter_context(through_nwfd(self.program, self.files, ("ip", "netns", "exec", wire.ns["host"])))

    def close(self):
        self.daemon.close()
        super().close()

    def run(self, *words):
        self.checked(self.wire.host(self.program, "--root", self.files, *words))


def run_filter(wire, engine, text, expected):
    texts = whole_text(text)
    parameters = parameters_of("".join(texts))
    if "DHCPSERVER" in "".join(texts):
        parameters["DHCPSERVER"] = ["fd99::99" if "dhcpv6" in text else "10.99.0.99"]
    name = ET.fromstring(text).get("name")
    sent = probes(texts, dict(parameters, MAC=[GUEST_MAC]))
    engine.define(text)
    try:
        engine.bind(binding(name, parameters))
        try:
            wire.host("conntrack", "-F")
            return wire.verdicts(sent, expected)
        finally:
            engine.unbind()
    finally:
        engine.undefine(name)


def run_sequence(wire, engine, sequence, expected):
    """{step: verdict}: each packet sent when the one before has come, or has had its time."""
    name = ET.fromstring(sequence["filter"]).get("name")
    engine.define(sequence["filter"])
    result = {}
    try:
        engine.bind(binding(name, {"IP": [GUEST_IP]}))
        try:
            wire.host("conntrack", "-F")
            for number, step in enumerate(sequence["steps"], 1):
                if step[0] == "define":
                    engine.define(step[1])
                    continue
                tag = b"NWFS%04dSEQUENCE" % number
                label = "%d %s %s" % (number, step[0], step[2] if len(step) > 2 else "")
                sent = frame(step[1], tag)
                wire.send(step[0], sent)
                wanted = [(step[0], sent, tag)] if expected and expected.get(label) == "pass" else None
                at = wire.arrived(wanted, 0.5 if wanted else 0.1)
                result[label] = "pass" if came(sent, tag, at[step[0]]) else "drop"
        finally:
            engine.unbind()
    finally:
        engine.undefine(name)
    return result


def run(engine_name, names, expected):
    verdicts, errors = {}, {}
    filters = filter_cases()
    wanted = names or list(filters) + ["sequence:" + name for name in SEQUENCES]
    with Wire(here=engine_name == "libvirt") as wire:
        engine = Libvirt() if engine_name == "libvirt" else Nwfctl(wire)
        try:
            for name in wanted:
                known = None if expected is None else expected.get(name, {})
                try:
                    if name.startswith("sequence:"):
                        verdicts[name] = run_sequence(wire, engine, SEQUENCES[name.split(":")[1]], known)
                    else:
                        verdicts[name] = run_filter(wire, engine, filters[name], known)
                except RuntimeError as error:
                    errors[name] = str(error)
                if expected is None:
                    there = verdicts.get(name, {}).values()
                    print(name, len(there), "packets,", sum(v == "pass" for v in there), "pass", errors.get(name, ""), flush=True)
        finally:
            engine.close()
    return verdicts, errors


def check(expected_file, names, show):
    expected = json.loads(gzip.open(expected_file).read())["verdicts"]
    verdicts, errors = run("nwfctl", names or sorted(expected), expected)
    agreed = packets = whole = 0
    for name in names or sorted(expected):
        want, got = expected[name], verdicts.get(name, {})
        differ = [packet for packet in want if got.get(packet) != want[packet]]
        packets, agreed, whole = packets + len(want), agreed + len(want) - len(differ), whole + (not differ)
        if differ:
            print("%s: %d of %d packets differ %s" % (name, len(differ), len(want), errors.get(name, "")))
            for packet in differ[:0 if name in errors else show]:
                print("    libvirt %s, nwf %s: %s" % (want[packet], got.get(packet, "nothing"), packet))
    print("agree %d of %d packets in %d of %d cases" % (agreed, packets, whole, len(names or expected)))
    return 0 if packets and agreed == packets else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["check", "record"])
    parser.add_argument("--engine", choices=["libvirt", "nwfctl"], default="nwfctl")
    parser.add_argument("--expected", type=pathlib.Path, default=EXPECTED)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--show", type=int, default=5)
    parser.add_argument("case", nargs="*")
    options = parser.parse_intermixed_args()
    if os.geteuid() != 0 or not all(shutil.which(p) for p in ("ip", "conntrack", "sysctl")):
        print("skipped: needs root, ip, conntrack and sysctl")
        return 77
    if options.verb == "check":
        return check(options.expected, options.case, options.show)
    started = time.time()
    verdicts, errors = run(options.engine, options.case, None)
    if options.case and options.out.exists():
        before = json.loads(gzip.open(options.out).read())
        errors = dict({name: text for name, text in before["errors"].items() if name not in verdicts}, **errors)
        verdicts = dict(before["verdicts"], **verdicts)
    text = json.dumps({"engine": options.engine, "verdicts": verdicts, "errors": errors}, indent=0, sort_keys=True)
    with open(options.out, "wb") as out, gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as packed:
        packed.write(text.encode())
    print("%d cases, %d refused, %d s" % (len(verdicts), len(errors), time.time() - started))
    return 0


if __name__ == "__main__":
    sys.exit(main())
