#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every call of a start, stop and update that changes something, made to fail in turn; and the program killed at random ones.

  faults.py NWFCTL FAIL_AT.so [KILLS [SEED]]"""
import json
import os
import pathlib
import random
import subprocess
import sys

from scene import Report, Scene, network, run

scene, check = Scene(sys.argv[1]), Report()
library, kills = sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 20
seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 30)
HIT = "/mnt/hit"
MANY = 10  # with fewer calls the library was not there, and nothing was shown
HOST = "<host mac='52:54:00:00:00:01' ip='192.168.122.200'/>"
XML = network("lab", "virbr0", ["192.168.122.1", "2001:db8:1::1"], "nat", dhcp="<dhcp><range start='192.168.122.2' end='192.168.122.99'/></dhcp>",
              extra="<route address='10.9.0.0' prefix='16' gateway='192.168.122.2'/><nwf:port-forward proto='tcp' start='80' to='192.168.122.5'/><nwf:cooperate/>")
FORWARD = "<nwf:port-forward xmlns:nwf='https://nwf.dev/xmlns/network/1.0' proto='udp' start='%d' to='192.168.122.6'/>"


def failing(at, how, *words):
    """(exit code, whether it came to the call)"""
    if os.path.exists(HIT):
        os.unlink(HIT)
    done = subprocess.run([scene.nwfctl_path, "--root", scene.root] + list(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=dict(os.environ, LD_PRELOAD=library, NWF_FAIL_AT=str(at), NWF_FAIL_HOW=how, NWF_FAIL_HIT=HIT))
    return done.returncode, os.path.exists(HIT), done.stdout


def switches():
    return [scene.host.sysctl("net/" + name) for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv6/conf/W/proxy_ndp")]


def state():
    """What the kernel and the store have, for comparison."""
    rules = run("nft", "-s", "list", "ruleset").stdout
    addresses = sorted((a["local"], a["prefixlen"]) for l in json.loads(run("ip", "-j", "addr", "show", "dev", "virbr0", check=False).stdout or "[]")
                       for a in l.get("addr_info", []) if a["scope"] != "link") if "virbr0" in run("ip", "link").stdout else None
    files = {str(f): f.read_text() for below in ("run", "etc") for f in sorted(pathlib.Path(scene.root, below, "nwf/networks").rglob("*.xml"))}
    return rules, addresses, files, len(scene.dnsmasqs())


for line in ("-N DOCKER-USER", "-A DOCKER-USER -j RETURN"):  # what the network is to tell others of, where iptables is
    if run("iptables-nft", "-S", check=False).returncode == 0:
        run("iptables-nft", *line.split())
scene.define(XML)
run("sysctl", "-qw", "net.ipv4.ip_forward=0")
clean = switches()

LAN = network("lan", "virbr1", ["203.0.113.5", "2001:db8:ffff::5"], "route", extra="<nwf:proxy-arp dev='W'/>",
              dhcp="<dhcp><host mac='52:54:00:00:00:60' ip='203.0.113.60'/></dhcp>").replace(
                  "prefix='64'></ip>", "prefix='64'><dhcp><host id='00:03:00:01:52:54:00:00:00:60' ip='2001:db8:ffff::60'/></dhcp></ip>")
scene.define(LAN)


def each_call_of_a_start_fails(name):
    wrong, at = [], 0
    while True:
        at += 1
        code, hit, told = failing(at, "error", "net", "start", name)
        if not hit:
            break
        left = scene.nothing_left("virbr0", "virbr1")
        if code == 0:  # what failed was not needed, or tried again
            if scene.nwfctl("net", "stop", name, check=False).returncode:
                wrong.append((at, "started, but cannot be stopped"))
            run("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
        elif left:
            # What could not be taken away is said, and the next reconcile takes it.
            scene.nwfctl("reconcile")
            if "could not all be taken away" not in told or scene.nothing_left("virbr0", "virbr1"):
                wrong.append((at, left, told))
        elif switches() != clean:
            wrong.append((at, switches(), told))
    check("%s: a start with each of its %d calls failing leaves nothing behind" % (name, at - 1), (at > MANY, wrong), (True, []))
    check("%s: without a failure it starts" % name, code, 0)


# Every step in turn.
each_call_of_a_start_fails("lan")
scene.nwfctl("net", "stop", "lan")
check("stopped, nothing is left", (scene.nothing_left("virbr1"), scene.host.sysctl("net/ipv6/conf/W/proxy_ndp")), ([], "0"))
run("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
each_call_of_a_start_fails("lab")
started = state()

wrong, at = [], 0
while True:
    at += 1
    code, hit, told = failing(at, "error", "net", "update", "lab", "add", "port-forward", FORWARD % 1000)
    after = state()
    if not hit:
        break
    if code == 0:
        scene.nwfctl("net", "update", "lab", "delete", "port-forward", FORWARD % 1000)
    elif after != started:
        scene.nwfctl("reconcile")
        if state() != started:
            wrong.append((at, told))
check("an update with each of its %d calls failing changes nothing" % (at - 1), (at > MANY, wrong), (True, []))
changed = state()
check("without a failure it changes", changed != started)
scene.nwfctl("net", "update", "lab", "delete", "port-forward", FORWARD % 1000)

# Killed at each call of an update in turn: what is up and what is defined are both old or both new.
wrong, at = [], 0
while True:
    at += 1
    code, hit, told = failing(at, "kill", "net", "update", "lab", "add", "port-forward", FORWARD % 1000)
    if hit:
        scene.nwfctl("reconcile")
    if state() not in (started, changed) or not hit and code:
        wrong.append((at, [f for f, text in state()[2].items() if (text == started[2].get(f)) == (text == changed[2].get(f))], told))
    scene.nwfctl("net", "update", "lab", "delete", "port-forward", FORWARD % 1000, check=False)
    if not hit:
        break
check("an update killed at each of its %d calls, reconciled: the old or the new" % (at - 1), (at > MANY, wrong), (True, []))

# Killed at random calls, then reconciled: the old or the new, nothing else.
dice = random.Random(seed)
wrong, points = [], {"start": 0, "stop": 0, "update": 0}
stopped = None
for _ in range(kills):
    verb = dice.choice(list(points))
    words = {"start": ("net", "start", "lab"), "stop": ("net", "stop", "lab"),
             "update": ("net", "update", "lab", "add", "port-forward", FORWARD % 1000)}[verb]
    if verb == "start":
        scene.nwfctl("net", "stop", "lab", check=False)
    else:
        scene.nwfctl("net", "start", "lab", check=False)
    code, hit, told = failing(dice.randrange(1, 90), "kill", *words)
    points[verb] += hit
    scene.nwfctl("reconcile")
    now = state()
    up = any("/run/" in f for f in now[2])
    if not up and scene.nothing_left("virbr0"):
        wrong.append((verb, scene.nothing_left("virbr0")))
    if up and now != started and not (verb == "update" and now == changed):
        wrong.append((verb, "neither old nor new"))
    if "In sync:           yes" not in scene.nwfctl("status").stdout:
        wrong.append((verb, scene.nwfctl("status").stdout))
    scene.nwfctl("net", "update", "lab", "delete", "port-forward", FORWARD % 1000, check=False)
check("killed %d times (%s; seed %d): the old or the new" % (kills, ", ".join("%s %d" % p for p in points.items()), seed),
      (sum(points.values()) > 0, wrong), (True, []))
check.end(scene)
