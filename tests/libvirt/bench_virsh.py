#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long `virsh nwfilter-binding-create` takes against libvirt and against nwf: the same client, the same binding, in one run.

  ../peer/libvirt-ns bench_virsh.py SERVER...      SERVER... --root ROOT --sockets ROOT serves nwf

Prints medians of 20, with `virsh uri` on the same connection as the client's own part."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

BINDING = ("<filterbinding><owner><name>one</name><uuid>00000000-0000-4000-8000-000000000001</uuid></owner><portdev name='vnet0'/>"
           "<mac address='52:54:00:00:00:01'/><filterref filter='clean-traffic'><parameter name='IP' value='192.0.2.1'/></filterref></filterbinding>")


def took(*command):
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.monotonic() - start) * 1000


with tempfile.TemporaryDirectory() as root:
    subprocess.run(["ip", "tuntap", "add", "vnet0", "mode", "tap"], check=True)
    binding = os.path.join(root, "b.xml")
    with open(binding, "w") as f:
        f.write(BINDING)
    server = subprocess.Popen(sys.argv[1:] + ["--root", root, "--sockets", root], stdout=subprocess.DEVNULL)
    while not os.path.exists(root + "/virtnwfilterd-sock-ro"):
        time.sleep(0.02)
    rows = {}
    for name, uri in (("libvirt 9.0", "nwfilter:///system"), ("nwf", "nwfilter+unix:///system?socket=" + root + "/virtnwfilterd-sock")):
        client, create, delete = [], [], []
        for _ in range(20):
            client.append(took("virsh", "-q", "-c", uri, "uri"))
            create.append(took("virsh", "-q", "-c", uri, "nwfilter-binding-create", binding))
            delete.append(took("virsh", "-q", "-c", uri, "nwfilter-binding-delete", "vnet0"))
        rows[name] = [statistics.median(v) for v in (client, create, delete)]
        print("%-12s virsh alone %6.1f ms, binding-create %7.1f ms, binding-delete %7.1f ms" % tuple([name] + rows[name]))
    a, b = rows.values()
    print("binding-create, libvirt to nwf: %.1f times; without the client's own part %.1f times" % (a[1] / b[1], (a[1] - a[0]) / max(b[1] - b[0], 0.01)))
    server.terminate()
