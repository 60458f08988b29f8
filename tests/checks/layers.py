#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads every #include of the product and fails on one that its room may not have; and on a call that starts a process.

  layers.py ROOT          checks the tree
  layers.py --self-test   checks that bad lines are caught"""
import pathlib
import re
import sys

# Which rooms a room may include, and which libraries' headers. ARCHITECTURE.md has the same table.
ROOMS = {
    "engine": ({"engine"}, {"fmt", "tl"}),
    "xml": ({"xml", "engine"}, {"fmt", "libxml"}),
    "netlink": ({"netlink", "engine"}, {"fmt", "libmnl", "libnftnl", "linux", "netlink", "net", "sys", "arpa", "fcntl.h", "unistd.h"}),
    "legacy": ({"legacy", "engine"}, {"fmt", "libiptc", "linux", "sys", "netinet", "fcntl.h", "unistd.h"}),
    "learn": ({"learn", "engine"}, {"fmt", "pcap", "linux", "sys"}),
    "store": ({"store", "engine"}, {"fmt", "sys", "dirent.h", "fcntl.h", "unistd.h"}),
    "host": ({"host", "store", "netlink", "legacy", "xml", "engine", "learn"}, {"fmt", "nlohmann", "sys", "dirent.h", "fcntl.h", "poll.h", "signal.h", "spawn.h", "unistd.h"}),
    "rpc": ({"rpc", "host", "engine"}, {"fmt", "systemd", "rpc", "sys", "fcntl.h", "poll.h", "unistd.h"}),
    "tools": ({"tools", "host", "rpc", "engine"}, {"fmt", "nlohmann", "CLI", "systemd", "seccomp.h", "cap-ng.h", "sys", "dlfcn.h", "fcntl.h", "grp.h", "malloc.h", "poll.h", "signal.h", "stdlib.h", "unistd.h"}),
}
# Inside the engine the way is model, program, ruleset, network, legacy, simulate, print.
ENGINE_ORDER = ["model", "program", "ruleset", "network", "legacy", "simulate", "print"]
# expression.h and ruleset.h are the vocabulary of both, plain data without functions.
SHARED = {"engine/ruleset/expression.h", "engine/ruleset/ruleset.h"}
# C headers that only compute; <arpa/inet.h> is inet_pton.
PLAIN = re.compile(r"^(c[a-z]+|[a-z_]+|arpa/inet\.h)$")
STARTS = re.compile(r"\b(system|popen|execl|execlp|execle|execv|execvp|execve|execvpe|posix_spawnp?|vfork|fork)\s*\(")
EDITOR = "tools/nwfctl/editor.cc"
DNSMASQ = "host/dnsmasq.cc"


def wrong_lines(path, text):
    room = path.split("/")[0]
    rooms, libraries = ROOMS[room]
    test = path.endswith("_test.cc")
    for number, line in enumerate(text.splitlines(), 1):
        ours = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        theirs = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        if ours:
            target = ours.group(1)
            to = target.split("/")[0]
            if to not in rooms:
                yield number, "%s may not include %s" % (room, target)
            elif room == to == "engine" and target not in SHARED:
                a, b = path.split("/")[1], target.split("/")[1]
                if a in ENGINE_ORDER and b in ENGINE_ORDER and ENGINE_ORDER.index(b) > ENGINE_ORDER.index(a):
                    yield number, "engine/%s may not include engine/%s" % (a, b)
        elif theirs and not test:
            target = theirs.group(1)
            library = target.split("/")[0]
            if library not in libraries and not PLAIN.match(target):
                yield number, "%s may not include <%s>" % (room, target)
        code = line.split("//")[0]
        if STARTS.search(code) and path not in (EDITOR, DNSMASQ) and not test:
            yield number, "only %s and %s may start a process" % (EDITOR, DNSMASQ)


def self_test():
    bad = [("engine/model/x.cc", '#include "xml/filter.h"'), ("engine/model/x.cc", '#include "engine/program/program.h"'),
           ("engine/x.cc", "#include <unistd.h>"), ("xml/x.cc", "#include <libnftnl/rule.h>"), ("store/x.cc", '#include "host/host.h"'),
           ("host/x.cc", "  system(\"nft\");"), ("tools/nwfctl/x.cc", "  execvp(a, b);"), ("tools/x.cc", '#include "store/store.h"'),
           ("rpc/x.cc", '#include "netlink/channel.h"'), ("host/x.cc", '#include "rpc/client.h"')]
    good = [("host/x.cc", '#include "store/store.h"'), ("engine/program/x.cc", '#include "engine/model/filter.h"'),
            (EDITOR, "  execvp(a, b);"), ("netlink/x.cc", "#include <libmnl/libmnl.h>"), ("engine/x.cc", "#include <vector>")]
    for path, line in bad:
        assert list(wrong_lines(path, line)), "not caught: %s: %s" % (path, line)
    for path, line in good:
        assert not list(wrong_lines(path, line)), "wrongly caught: %s: %s" % (path, line)


def main():
    self_test()
    if sys.argv[1] == "--self-test":
        return 0
    root = pathlib.Path(sys.argv[1])
    wrong = files = 0
    for room in ROOMS:
        for file in sorted((root / room).rglob("*")):
            if file.suffix not in (".h", ".cc"):
                continue
            files += 1
            path = str(file.relative_to(root))
            for number, what in wrong_lines(path, file.read_text()):
                print("%s:%d: %s" % (path, number, what))
                wrong += 1
    print("%d files, %d lines against the stream" % (files, wrong))
    return 1 if wrong or not files else 0


sys.exit(main())
