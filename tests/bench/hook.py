#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What libvirt waits for nwf-hook when a guest starts and ends: the whole process, with nwfd and without one, beside the
least that any hook costs (a process that does nothing). As root; a network namespace and a root of its own.

  hook.py NWF_HOOK NWFCTL [--nwfd NWFD] [--bound 0,1000] [--runs 50] [--json]"""
import argparse
import ctypes
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

GUEST = ("<domain type='qemu'><name>d1</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><devices>"
         "<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/><target dev='vnet0'/>"
         "<filterref filter='clean-traffic'><parameter name='IP' value='192.0.2.9'/></filterref></interface>"
         "</devices></domain>")


def binding(i):
    return ("<filterbinding><owner><name>vm%d</name><uuid>00000000-0000-4000-8000-%012x</uuid></owner><portdev name='port%d'/>"
            "<mac address='52:54:00:01:%02x:%02x'/><filterref filter='clean-traffic'><parameter name='IP' value='10.0.%d.%d'/>"
            "</filterref></filterbinding>" % (i, i, i, i >> 8, i & 255, i >> 8, i & 255))


def timed(words, environment, text):
    actions = [(os.POSIX_SPAWN_OPEN, 0, text, os.O_RDONLY, 0)]
    start = time.monotonic()
    pid = os.posix_spawn(words[0], words, environment, file_actions=actions)
    status = os.waitpid(pid, 0)[1]
    took = 1000 * (time.monotonic() - start)
    if status != 0:
        sys.exit("%s: wait status %d" % (" ".join(words), status))
    return took


def measure(options, root, text):
    environment = dict(os.environ, NWF_ROOT=root)
    hook = os.path.join(root, "qemu")
    starts, ends, least = [], [], []
    for _ in range(options.runs + 1):
        least.append(timed(["/bin/true"], environment, text))
        starts.append(timed([hook, "d1", "start", "begin", "-"], environment, text))
        ends.append(timed([hook, "d1", "release", "end", "-"], environment, text))
    # Once before the clock counts.
    return {what: {"median": statistics.median(times[1:]), "most": max(times[1:])}
            for what, times in (("a process that does nothing", least), ("guest starts", starts), ("guest ends", ends))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hook")
    parser.add_argument("nwfctl")
    parser.add_argument("--nwfd")
    parser.add_argument("--bound", default="0,1000")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000 | 0x00020000) != 0:  # CLONE_NEWNET | CLONE_NEWNS
        print("skipped: needs root for a network namespace")
        return 77
    libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None)  # MS_REC | MS_PRIVATE
    rows = []
    for bound in (int(n) for n in options.bound.split(",")):
        for daemon in (None, options.nwfd) if options.nwfd else (None,):
            with tempfile.TemporaryDirectory() as root:
                shutil.copy(options.hook, os.path.join(root, "qemu"))
                # As on a host, where /run is in memory.
                run = os.path.join(root, "run")
                os.mkdir(run)
                if libc.mount(b"tmpfs", run.encode(), b"tmpfs", 0, None) != 0:
                    sys.exit("cannot mount a tmpfs: " + os.strerror(ctypes.get_errno()))
                text = os.path.join(root, "d1.xml")
                with open(text, "w") as f:
                    f.write(GUEST)
                many = os.path.join(root, "many")
                os.mkdir(many)
                for i in range(bound):
                    with open(os.path.join(many, "%d.xml" % i), "w") as f:
                        f.write(binding(i))
                if bound:
                    subprocess.run([options.nwfctl, "--root", root, "apply", many], check=True, stdout=subprocess.DEVNULL)
                nwfd = subprocess.Popen([daemon, "--root", root, "--bus", "none"], stderr=subprocess.DEVNULL) if daemon else None
                try:
                    while nwfd and not os.path.exists(os.path.join(root, "run/nwf/nwfd.socket")):
                        time.sleep(0.05)
                    rows.append({"bound": bound, "nwfd": bool(daemon), **measure(options, root, text)})
                finally:
                    if nwfd:
                        nwfd.send_signal(signal.SIGTERM)
                        nwfd.wait()
                    libc.umount2(run.encode(), 2)  # MNT_DETACH
    if options.json:
        print(json.dumps(rows))
        return 0
    print("| ms, medians (most) | ports bound | with nwfd | in process |\n| --- | ---: | ---: | ---: |")
    for what in ("a process that does nothing", "guest starts", "guest ends"):
        for bound in sorted({row["bound"] for row in rows}):
            by = {row["nwfd"]: "%.1f (%.1f)" % (row[what]["median"], row[what]["most"]) for row in rows if row["bound"] == bound}
            print("| %s | %d | %s | %s |" % (what, bound, by.get(True, "–"), by[False]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
