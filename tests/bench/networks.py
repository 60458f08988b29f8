#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a start of a network costs with many of them up, and what a packet costs: figures, no test.

  networks.py NWFCTL [NETWORKS [PORTS]]"""
import pathlib
import resource
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "network"))
sys.dont_write_bytecode = True
from scene import Scene, network, run  # noqa: E402

scene = Scene(sys.argv[1])
count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
ports = int(sys.argv[3]) if len(sys.argv) > 3 else 2000


def xml(number):
    # Without dnsmasq: its process would be the whole figure.
    return network("n%d" % number, "br%d" % number, "10.%d.%d.1" % (100 + number // 250, number % 250), ("nat", "route", None)[number % 3],
                   extra="<dns enable='no'/>")


def packets(guest, seconds=2.0):
    """Echoes a second through the host, one after the other."""
    sent, end = 0, time.monotonic() + seconds
    import socket
    client = guest.socket()
    client.connect(("203.0.113.1", 9300))
    client.settimeout(1)
    while time.monotonic() < end:
        client.send(b"x")
        client.recv(10)
        sent += 1
    return sent / seconds


def echo_server():
    import subprocess
    target = scene.out.socket()
    target.bind(("203.0.113.1", 9300))
    return subprocess.Popen([sys.executable, "-c", "import socket\ns=socket.socket(fileno=0)\nwhile True:\n d,w=s.recvfrom(10); s.sendto(d,w)"],
                            stdin=target.fileno())


for number in range(count):
    scene.define(xml(number))
server, costs, busy = echo_server(), [], []


def processor():
    """Milliseconds that processes which have ended took of a processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


guest, batch = None, []
for number in range(count):
    begin, before = time.monotonic(), processor()
    scene.nwfctl("net", "start", "n%d" % number)
    costs.append((time.monotonic() - begin) * 1000)
    busy.append(processor() - before)
    if number == 0:
        guest = scene.guest("g", "br0", "10.100.0.10/24", "10.100.0.1")
        alone = statistics.median(packets(guest) for _ in range(3))
per = ports // count
if run("ip", "link", "add", "dummy-or-tap", "type", "dummy", check=False).returncode == 0:
    made = "link add %s type dummy\n"
else:
    made = "tuntap add dev %s mode tap\n"
for number in range(count):
    for port in range(per):
        name = "p%d-%d" % (number, port)
        batch.append(made % name + "link set %s master br%d\n" % (name, number))
run("ip", "-batch", "-", stdin="".join(batch))
placed = "%d ports" % (per * count)
crowded = statistics.median(packets(guest) for _ in range(3))
tenth = max(1, count // 10)
for what, taken in (("", costs), (" of a processor", busy)):
    first, last = statistics.median(taken[:tenth]), statistics.median(taken[-tenth:])
    print("net start, median of the first %d: %.1f ms%s; of the last %d of %d: %.1f ms (ratio %.2f)" % (tenth, first, what, tenth, count, last, last / first))
print("echoes a second through a nat network: alone %.0f, with %d networks and %s %.0f (ratio %.2f)" % (alone, count, placed, crowded, crowded / alone))
server.kill()
scene.end()
