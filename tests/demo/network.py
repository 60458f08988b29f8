#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows a virtual network at work: defined and started, a guest with a real DHCP client, a name, an outside host. Everything
happens in namespaces that end with this process.

  network.py NWFCTL"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "network"))
sys.dont_write_bytecode = True
from scene import Scene, ask  # noqa: E402

NETWORK = """<network>
  <name>default</name>
  <bridge name='virbr0' stp='off'/>
  <forward mode='nat'/>
  <dns><host ip='203.0.113.1'><hostname>outside.example</hostname></host></dns>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp>
  </ip>
</network>
"""

scene = Scene(sys.argv[1])
wrong = 0


def line(what, how, right):
    global wrong
    wrong += not right
    print("%-52s %s%s" % (what, how, "" if right else "   WRONG"))


print("\nA virtual network, on a host with an outside neighbour 203.0.113.1:\n\n%s" % NETWORK)
print(scene.define(NETWORK).stdout.strip())
print(scene.nwfctl("net", "start", "default").stdout.strip())
print()
guest = scene.guest("one", "virbr0")
code, told = guest.dhcp()
line("a guest asks for an address", "%s, gateway %s" % (told.get("ip"), told.get("router")), code == 0)
answer = guest.run("busybox", "nslookup", "outside.example", "192.168.122.1", check=False).stdout
line("it asks for outside.example", "203.0.113.1", "203.0.113.1" in answer)
seen = ask(guest, "203.0.113.1", source_port=40000)
line("it sends there from %s" % told.get("ip"), "answered; the source seen there is %s" % (seen[1] if seen else "none"),
     isinstance(seen, tuple) and seen[1] == "203.0.113.2")
refused = ask(scene.out, told.get("ip", "192.168.122.2"))
line("the outside host sends to the guest", str(refused), refused == "refused")
scene.nwfctl("net", "stop", "default")
left = scene.nothing_left("virbr0")
line("the network is stopped", "nothing is left" if not left else str(left), not left)
scene.end()
sys.exit(1 if wrong else 0)
