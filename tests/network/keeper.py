#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nwf-networkd beside networks that are up: what ends, goes or is taken away comes back by itself.

  keeper.py NWFCTL NWF_NETWORKD"""
import json
import os
import signal
import sys

from scene import Report, Scene, ask, network, run, wait_for

scene, check = Scene(sys.argv[1]), Report()
RANGE = "<dhcp><range start='192.168.122.2' end='192.168.122.99'/></dhcp>"
LAB = network("lab", "virbr0", "192.168.122.1", "nat", dhcp=RANGE)


def in_sync():
    return "In sync:           yes" in scene.nwfctl("status").stdout


def keeper():
    return scene.beside(sys.argv[2], "--root", scene.root)


scene.define(LAB)
scene.nwfctl("net", "autostart", "lab")
running = keeper()
wait_for(scene.dnsmasqs)
wait_for(in_sync)
check("at the first time after boot it starts what is marked", "active" in scene.nwfctl("net", "list").stdout)
guest = scene.guest("a", "virbr0")
address = guest.dhcp()[1]["ip"]
check("a network that it started works", ask(guest, "203.0.113.1")[:2], ("out", "203.0.113.2"))

old = scene.dnsmasqs()
os.kill(old[0], signal.SIGKILL)
wait_for(lambda: scene.dnsmasqs() not in ([], old))
check("dnsmasq killed: it is started again", old[0] in scene.dnsmasqs(), False)
check("the leases are kept", (address in scene.nwfctl("net", "leases", "lab").stdout, guest.dhcp()[1]["ip"]), (True, address))

for words in (["flush", "ruleset"], ["flush", "chain", "inet", "nwf_networks", "guest-in"],
              ["delete", "element", "inet", "nwf_networks", "bridges", "{", "virbr0", "}"]):
    run("nft", *words)
    wait_for(in_sync)
    check("nft %s: mended" % " ".join(words[:2]), ask(scene.out, address), "refused")

run("ip", "link", "del", "virbr0")
wait_for(in_sync)
guest.join("virbr0")
check("the bridge deleted: it is back", ask(guest, "203.0.113.1")[:2], ("out", "203.0.113.2"))

scene.define(network("apart", "virbr1", "192.168.123.1", "nat", extra="<port isolated='yes'/>"))
scene.nwfctl("net", "start", "apart")
one = scene.guest("b", "virbr1", "192.168.123.10/24", "192.168.123.1")
isolated = lambda: json.loads(run("bridge", "-j", "-d", "link", "show", "dev", one.port).stdout)[0].get("isolated")
wait_for(isolated)
check("a port that joins later is isolated, too", isolated())
wait_for(lambda: len(scene.dnsmasqs()) == 2)
ended = scene.dnsmasqs()
for pid in ended:
    os.kill(pid, signal.SIGKILL)
wait_for(lambda: len(scene.dnsmasqs()) == 2 and not set(scene.dnsmasqs()) & set(ended))
check("a network that nwfctl started beside it is kept, too", in_sync())

scene.nwfctl("net", "stop", "apart")
check("what is stopped stays stopped", "virbr1" in run("ip", "link").stdout, False)

scene.define(network("lan", "virbr3", "203.0.113.5", "route", extra="<nwf:proxy-arp dev='W'/>",
                     dhcp="<dhcp><range start='203.0.113.50' end='203.0.113.59'/></dhcp>"))
scene.nwfctl("net", "start", "lan")
wait_for(in_sync)
neighbour = scene.guest("d", "virbr3")
leased = neighbour.dhcp()[1]["ip"]
wait_for(lambda: leased in run("ip", "neigh", "show", "proxy").stdout)
check("a guest with an address of the LAN is reached there", ask(scene.out, leased)[:2], ("d", "203.0.113.1"))
neighbour.give_back(leased, "203.0.113.5")
wait_for(lambda: leased not in run("ip", "neigh", "show", "proxy").stdout)
check("its lease given back: it is the LAN's again", leased in run("ip", "route").stdout, False)
scene.nwfctl("net", "stop", "lan")

if run("iptables-nft", "-S", check=False).returncode == 0:
    scene.define(network("beside", "virbr2", "192.168.124.1", "nat", extra="<nwf:cooperate/>"))
    scene.nwfctl("net", "start", "beside")
    third = scene.guest("c", "virbr2", "192.168.124.10/24", "192.168.124.1")
    for line in ("-P FORWARD DROP", "-N DOCKER-USER", "-A DOCKER-USER -j RETURN", "-A FORWARD -j DOCKER-USER"):
        run("iptables-nft", *line.split())
    led = lambda: "-j NWF-FORWARD" in run("iptables-nft", "-S", "DOCKER-USER").stdout
    wait_for(led)
    check("Docker comes later: a network that cooperates passes", ask(third, "203.0.113.1")[0], "out")
    check("one that does not is dropped", ask(guest, "203.0.113.1"), None)
    run("iptables-nft", "-F", "DOCKER-USER")
    wait_for(led)
    check("its chain filled again: it passes again", ask(third, "203.0.113.1")[0], "out")
    # In one transaction: between two the keeper would put its jump back, and a chain with a rule cannot be deleted.
    run("iptables-nft-restore", "--noflush",
        stdin="*filter\n:FORWARD ACCEPT\n-D FORWARD -j DOCKER-USER\n-F DOCKER-USER\n-X DOCKER-USER\nCOMMIT\n")
    wait_for(lambda: "NWF" not in run("iptables-nft", "-S").stdout)
    check("Docker gone: nothing of it is left", "NWF" in run("iptables-nft", "-S").stdout, False)
    scene.nwfctl("net", "stop", "beside")

running.send_signal(signal.SIGTERM)
check("it ends", running.wait(), 0)
check("and the network goes on", ask(guest, "203.0.113.1")[:2], ("out", "203.0.113.2"))
os.kill(scene.dnsmasqs()[0], signal.SIGKILL)
wait_for(lambda: not scene.dnsmasqs())
running = keeper()
wait_for(lambda: scene.dnsmasqs() and in_sync())
check("the next one mends what it finds", guest.dhcp()[1]["ip"], address)
running.kill()
running.wait()
scene.nwfctl("net", "stop", "lab")
check("nothing is left", scene.nothing_left("virbr0", "virbr1"), [])
check.end(scene)
