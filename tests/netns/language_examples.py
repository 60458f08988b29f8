#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every example of docs/language.md is taken: filters are defined and bound, bindings made.

  language_examples.py NWFCTL SOURCE"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
from through_nwfd import through_nwfd  # noqa: E402

PARAMETERS = {"IP": ["192.0.2.1", "192.0.2.2"], "SERVER": ["192.0.2.3", "192.0.2.4"], "PORT": ["80", "443"]}


def examples(text):
    """The indented blocks that are XML, in their order."""
    blocks = re.findall(r"(?:^    .*\n)+", text, re.M)
    return [block for block in blocks if block.lstrip().startswith("<")]


def main():
    if os.geteuid() != 0:
        print("skipped: needs root")
        return 77
    if len(sys.argv) == 3:
        return subprocess.run(["unshare", "--net", sys.executable, __file__] + sys.argv[1:] + ["inside"]).returncode
    nwfctl, source = sys.argv[1], pathlib.Path(sys.argv[2])
    failed = taken = 0
    with tempfile.TemporaryDirectory() as root, through_nwfd(nwfctl, root):
        def run(*words):
            return subprocess.run([nwfctl, "--root", root] + list(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        def file(text):
            path = os.path.join(root, "example.xml")
            pathlib.Path(path).write_text(text)
            return path

        for example in examples((source / "docs" / "language.md").read_text()):
            kind = ET.fromstring(example).tag
            steps = []
            if kind == "filter":
                steps.append(run("filter", "define", file(example)))
                rows = "".join("<parameter name='%s' value='%s'/>" % (n, v) for n, vs in PARAMETERS.items() for v in vs)
                steps.append(run("binding", "create", file("<filterbinding><portdev name='vnet9'/><mac address='52:54:00:00:00:01'/>"
                             "<filterref filter='%s'>%s</filterref></filterbinding>" % (ET.fromstring(example).get("name"), rows))))
                steps.append(run("binding", "delete", "vnet9"))
            elif kind in ("filterbinding", "interface"):
                steps.append(run("binding", "create", file(example)))
            wrong = [step.stdout for step in steps if step.returncode or "warning" in step.stdout] if steps else ["what is a <%s>?" % kind]
            taken, failed = taken + (not wrong), failed + bool(wrong)
            if wrong:
                print("FAILED: %s\n%s" % (example, "".join(wrong)))
    print("%d examples taken, %d not" % (taken, failed))
    return 0 if taken > 5 and not failed else 1


sys.exit(main())
