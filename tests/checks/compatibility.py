#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every row of docs/compatibility.md that has a last column `shown by` names a test that is there.

  compatibility.py SOURCE"""
import pathlib
import re
import sys


def main():
    source = pathlib.Path(sys.argv[1])
    filters = {p.stem for p in (source / "tests" / "peer" / "filters").glob("*.xml")}
    conversations = set(re.findall(r'^sequence\("([a-z-]+)"', (source / "tests" / "peer" / "sequences.py").read_text(), re.M))
    tests = set()
    for path in source.glob("*/**/*_test.cc"):
        if "build" not in path.parts:
            tests.update(".".join(found) for found in re.findall(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", path.read_text(), re.M))
    added = set(re.findall(r"add_test\(NAME ([\w.]+)", (source / "tests" / "peer" / "CMakeLists.txt").read_text()))
    wrong, named, shown = [], 0, False
    for number, line in enumerate((source / "docs" / "compatibility.md").read_text().splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and cells[0] == "what":
            shown = cells[-1] == "shown by"
        if not line.startswith("|"):
            shown = False
        if not shown or cells[0] in ("what", "---"):
            continue
        names = re.findall(r"`([^`]+)`", cells[-1])
        if not names:
            wrong.append("%d: nothing shows it" % number)
        for name in names:
            kind, _, rest = name.rpartition(" ")
            there = rest in {"peer": filters, "conversation": conversations, "": tests | added}.get(kind, set())
            named += there
            if not there:
                wrong.append("%d: there is no %s" % (number, name))
    for line in wrong:
        print("docs/compatibility.md:" + line)
    print("%d tests named, %d mistakes" % (named, len(wrong)))
    return 0 if named > 30 and not wrong else 1


sys.exit(main())
