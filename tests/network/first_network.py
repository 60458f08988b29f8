#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A network as a user has it first: defined and started, a guest with a real DHCP client, a name resolved, an outside host
reached and not reached from; stopped, nothing is left.

  first_network.py NWFCTL"""
import sys

from scene import Report, Scene, Echo, ask

DEFAULT = """<network><name>default</name><bridge name='virbr0' stp='off'/><forward mode='nat'/>
<dns><host ip='203.0.113.1'><hostname>outside.example</hostname></host></dns>
<ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip></network>"""
ISOLATED = """<network><name>closed</name><bridge name='virbr1' stp='off'/>
<ip address='192.168.100.1' netmask='255.255.255.0'><dhcp><range start='192.168.100.2' end='192.168.100.254'/></dhcp></ip></network>"""

scene, check = Scene(sys.argv[1]), Report()
check("net define", scene.define(DEFAULT).stdout, "Network default defined from -\n")
check("net start", scene.nwfctl("net", "start", "default").stdout, "Network default started\n")
guest = scene.guest("one", "virbr0")
code, told = guest.dhcp()
check("a lease", (code, told.get("router")), (0, "192.168.122.1"))
address = told.get("ip", "")
check("the lease is listed", address in scene.nwfctl("net", "leases", "default").stdout)
answer = guest.run("busybox", "nslookup", "outside.example", "192.168.122.1", check=False).stdout
check("a name is resolved", "203.0.113.1" in answer)
check("an outside host is reached, masqueraded", ask(guest, "203.0.113.1", source_port=40000), ("out", "203.0.113.2", 40000))
check("the guest is not reached from outside", ask(scene.out, address), "refused")
check("a second start is refused", scene.nwfctl("net", "start", "default", check=False).returncode, 4)
scene.start(ISOLATED)
other = scene.guest("two", "virbr1")
code, told = other.dhcp()
check("a lease without a router in an isolated network", (code, "router" in told and told["router"]), (0, ""))
other.ip("route", "add", "default", "via", "192.168.100.1")
check("an isolated guest reaches nobody outside", ask(other, "203.0.113.1"), "refused")
check("nor another network", ask(other, address), "refused")
check("status agrees", "In sync:           yes" in scene.nwfctl("status").stdout)
scene.nwfctl("net", "stop", "closed")
check("net stop", scene.nwfctl("net", "stop", "default").stdout, "Network default stopped\n")
check("nothing is left", scene.nothing_left("virbr0", "virbr1"), [])
check.end(scene)
