#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nwfd from outside: on a message bus of its own, its signals, its figures, who may do what, and what it gave up.

  nwfd.py NWFCTL SOURCE NWFD [OPTION OF NWFD…]

Needs root: works in a network namespace and a temporary root of its own."""
import ctypes
import grp
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

NWFCTL, SOURCE, NWFD = sys.argv[1:4]
OPTIONS = sys.argv[4:]
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000  # linux/sched.h
if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
    print("0 passed, 0 failed, 1 skipped: needs root for a network namespace")
    sys.exit(77)
# A journal of our own where systemd's would be, in a /run that nobody else sees.
subprocess.run(["mount", "--make-rprivate", "/"], check=True)
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
os.makedirs("/run/systemd/journal")
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("/run/systemd/journal/socket")

BINDING = ("<filterbinding><portdev name='%s'/><mac address='52:54:00:00:00:01'/><filterref filter='clean-traffic'>"
           "<parameter name='IP' value='192.0.2.1'/></filterref></filterbinding>")
NAME = "org.nwf.Firewall1"
MEMBERS = 100  # a group of each Debian system
CALL = (NAME, "/org/nwf/Firewall1", NAME)
failed = passed = skipped = 0


def check(name, ok, detail=""):
    global failed, passed
    print("%-70s %s %s" % (name, "ok" if ok else "FAILED", detail if not ok else ""), flush=True)
    passed, failed = passed + bool(ok), failed + (not ok)


def skip(name, why):
    global skipped
    print("%-70s skipped: %s" % (name, why))
    skipped += 1


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def run(*words, **options):
    return subprocess.run(list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, **options)


def status_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def metrics(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = b""
        while part := s.recv(65536):
            text += part
    return text.decode()


entries = []  # of the journal


def read_journal():
    """systemd's native protocol: fields as lines."""
    while True:
        entries.append(dict(line.split("=", 1) for line in journal.recv(65536).decode().splitlines() if "=" in line))


def end_all():
    """What was started here ends with us, however we end."""
    for process in reversed(started):
        process.kill()
        process.wait()


started = []
threading.Thread(target=read_journal, daemon=True).start()


def start(*words, **options):
    process = subprocess.Popen(list(words), **options)
    started.append(process)
    return process


with tempfile.TemporaryDirectory() as root:
    try:
        os.chmod(root, 0o755)
        bus = None
        if shutil.which("dbus-daemon") and shutil.which("busctl"):
            config = os.path.join(root, "bus.conf")
            bus = "unix:path=" + os.path.join(root, "bus")
            policy = os.path.join(SOURCE, "tools/nwfd/systemd/org.nwf.Firewall1.conf")
            with open(config, "w") as f:
                f.write("<busconfig><type>system</type><listen>%s</listen><policy context='default'><allow user='*'/>"
                        "<deny own='*'/><allow send_type='signal'/><allow send_requested_reply='true' send_type='method_return'/>"
                        "<allow send_requested_reply='true' send_type='error'/><allow receive_type='method_call'/>"
                        "<allow receive_type='method_return'/><allow receive_type='error'/><allow receive_type='signal'/>"
                        "<allow send_destination='org.freedesktop.DBus'/></policy><include>%s</include></busconfig>" % (bus, policy))
            bus_daemon = start("dbus-daemon", "--config-file=" + config, "--nofork", "--nopidfile")
            check("a message bus of our own", wait_for(lambda: os.path.exists(os.path.join(root, "bus"))))
        # systemd.exec(5): so a service learns that its standard error is the journal.
        null = os.stat("/dev/null")
        stream = {"JOURNAL_STREAM": "%d:%d" % (null.st_dev, null.st_ino)}
        daemon = start(NWFD, "--root", root, "--bus", bus or "none", "--others-read", "--group", grp.getgrgid(MEMBERS).gr_name, *OPTIONS, stderr=subprocess.DEVNULL,
                       env={**os.environ, **stream})
        at = os.path.join(root, "run/nwf/nwfd.socket")
        check("it answers", wait_for(lambda: os.path.exists(at) and run(NWFCTL, "--root", root, "top", "--interval", "0.01").returncode == 0))

        def nwfctl(*words, **options):
            return run(NWFCTL, "--root", root, *words, **options)

        def bound(port):
            path = os.path.join(root, port + ".xml")
            with open(path, "w") as f:
                f.write(BINDING % port)
            return nwfctl("binding", "create", path)

        # Events, live, one object a line.
        monitor = start(NWFCTL, "--root", root, "--json", "monitor", stdout=subprocess.PIPE, text=True)
        # Until its Subscribe has come through: something that is told each time.
        check("monitor tells", wait_for(lambda: nwfctl("binding", "delete", "nobody").returncode == 3 and
                                        select.select([monitor.stdout], [], [], 0.05)[0]))
        check("bind", bound("vnet0").returncode == 0)
        check("bound twice is refused", bound("vnet0").returncode == 4)
        subprocess.run(["ip", "link", "add", "vnet0", "type", "veth", "peer", "name", "peer0"], check=True)
        subprocess.run(["ip", "link", "add", "br0", "type", "bridge"], check=True)
        subprocess.run(["ip", "link", "set", "vnet0", "master", "br0"], check=True)
        subprocess.run(["ip", "link", "set", "vnet0", "name", "vnet9"], check=True)
        subprocess.run(["ip", "link", "set", "vnet9", "name", "vnet0"], check=True)
        subprocess.run(["ip", "link", "set", "vnet0", "nomaster"], check=True)
        subprocess.run(["ip", "link", "delete", "vnet0"], check=True)
        check("unbind", nwfctl("binding", "delete", "vnet0").returncode == 0)
        seen = []
        while not seen or seen[-1]["event"] != "unbound":
            event = json.loads(monitor.stdout.readline())
            if event["port"] != "nobody":
                seen.append(event)
        kinds = [event["event"] for event in seen]
        check("each event is told, in order", kinds == ["bound", "refused", "port-appeared", "port-moved", "port-renamed", "port-renamed",
                                                        "port-moved", "port-gone", "unbound"], kinds)
        check("with what is known", seen[0]["port"] == "vnet0" and seen[0]["filter"] == "clean-traffic" and
              seen[3]["more"].get("bridge") == "br0" and seen[1]["more"].get("verb") == "binding create", seen)

        def logged():
            return [e for e in entries if "NWF_EVENT" in e and e.get("NWF_PORT") != "nobody"]
        check("the journal has each, too", wait_for(lambda: [e["NWF_EVENT"] for e in logged()] == kinds), entries)
        said = {e["NWF_EVENT"]: e for e in logged()}
        check("with fields", said["bound"]["NWF_FILTER"] == "clean-traffic" and said["bound"]["PRIORITY"] == "5" and
              said["refused"]["PRIORITY"] == "4" and said["bound"]["MESSAGE"] == "port vnet0 is guarded by filter clean-traffic", said)

        check("bind again", bound("vnet0").returncode == 0)
        text = metrics(os.path.join(root, "run/nwf/metrics.socket"))
        check("metrics are OpenMetrics", text.startswith("HTTP/1.0 200") and "application/openmetrics-text" in text and
              text.endswith("# EOF\n") and 'nwf_events_total{kind="bound"} 2' in text and
              re.search(r"^nwf_transaction_seconds_count [1-9]", text, re.M) is not None, text)
        top = json.loads(nwfctl("--json", "top", "--interval", "0.01").stdout)
        check("top counts the same", top["events"]["bound"] == 2 and top["ports"][0]["port"] == "vnet0", top)

        # What it gave up.
        status = status_of(daemon.pid)
        if "--no-sandbox" in OPTIONS:
            skip("the sandbox", "this build runs without")
        else:
            kept = 1 << 12 | 1 << 13  # CAP_NET_ADMIN, CAP_NET_RAW: linux/capability.h
            check("two capabilities are kept", all(int(status[name], 16) == kept for name in ("CapPrm", "CapEff", "CapBnd")) and
                  int(status["CapInh"], 16) == 0, status)
            check("system calls are filtered, no privileges gained", status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", status)
        check("one thread", status["Threads"] == "1", status["Threads"])
        check("the state directory is root's alone", os.stat(os.path.join(root, "run/nwf/state")).st_mode & 0o777 == 0o700)

        # A reload compares everything, and is no end.
        os.kill(daemon.pid, signal.SIGHUP)
        check("SIGHUP", nwfctl("status").returncode == 0 and daemon.poll() is None)

        # A network's filter is its ports', as they come and as it changes.
        def network(inside):
            path = os.path.join(root, "n.xml")
            with open(path, "w") as f:
                f.write("<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/>%s</network>" % inside)
            return nwfctl("net", "define", path).returncode

        def filters():
            return {b["port"]: b["filter"] for b in json.loads(nwfctl("--json", "binding", "list").stdout)["bindings"]}
        check("a network with a filter", network("<filterref filter='no-ip-multicast'/>") == 0 and
              nwfctl("net", "start", "lan").returncode == 0)
        subprocess.run(["ip", "tuntap", "add", "tap7", "mode", "tap"], check=True)
        subprocess.run(["ip", "link", "set", "tap7", "master", "br0"], check=True)
        check("its port is bound as it comes", wait_for(lambda: filters().get("tap7") == "no-ip-multicast"), filters())
        check("and again as the network says", network("<filterref filter='no-mac-broadcast'/>") == 0 and
              nwfctl("net", "restart", "lan").returncode == 0 and wait_for(lambda: filters().get("tap7") == "no-mac-broadcast"), filters())
        subprocess.run(["ip", "link", "delete", "tap7"], check=True)
        check("until it goes", wait_for(lambda: "tap7" not in filters()), filters())
        nwfctl("net", "stop", "lan")

        # Strangers may see, not change; the kernel says who they are.
        program = os.open(NWFCTL, os.O_RDONLY)

        def stranger(*words, groups=()):
            return run("nwfctl", "--root", root, *words, executable="/proc/self/fd/%d" % program, pass_fds=[program], user=65534,
                       group=65534, extra_groups=groups)
        check("a stranger sees", "vnet0" in stranger("binding", "list").stdout)
        refused = stranger("binding", "delete", "vnet0")
        check("a stranger changes nothing", refused.returncode == 1 and "not permitted" in refused.stderr and
              nwfctl("binding", "dumpxml", "vnet0").returncode == 0, refused.stderr)
        member = stranger("binding", "set", "vnet0", "IP=192.0.2.7", groups=[MEMBERS])
        check("a member of the group does", member.returncode == 0 and "192.0.2.7" in nwfctl("binding", "dumpxml", "vnet0").stdout, member.stderr)

        def knock():
            s = socket.socket(socket.AF_UNIX)
            s.connect(at)
            return s

        def turned_away(s):
            return bool(select.select([s], [], [], 0)[0]) and s.recv(1) == b""
        os.seteuid(65534)
        try:
            knocking = [knock() for _ in range(17)]
        finally:
            os.seteuid(0)
        check("sixteen connections are enough for a stranger", wait_for(lambda: sum(map(turned_away, knocking)) == 1))
        check("and keep nobody else out", nwfctl("status").returncode == 0)
        for s in knocking:
            s.close()

        if bus is None:
            skip("the message bus", "needs dbus-daemon and busctl")
        else:
            def busctl(*words, **options):
                return run("busctl", "--address=" + bus, *words, **options)
            told = busctl("introspect", "--xml-interface", *CALL[:2]).stdout
            with open(os.path.join(SOURCE, "docs/dbus.md")) as f:
                documented = f.read()
            names = re.findall(r'<(method|signal) name="(\w+)"', told[told.find('interface name="%s"' % NAME):])
            check("introspection tells methods and signals", ("method", "BindingCreate") in names and ("signal", "Healed") in names, told)
            absent = [name for _, name in names if "`%s`" % name not in documented]
            check("each is documented", not absent, absent)
            check("arguments have names", 'name="xml"' in told and 'name="time_us"' in told)
            check("a call over the bus", "vnet0" in busctl("call", *CALL, "BindingList").stdout)
            error = busctl("call", *CALL, "FilterDumpXml", "s", "nobody")
            check("an error over the bus", error.returncode != 0 and "there is no filter 'nobody'" in error.stderr, error.stderr)
            check("malformed arguments are refused", busctl("call", *CALL, "GuestUnbind", "sas", "x", "1", "no-mac").returncode != 0 and
                  daemon.poll() is None)
            denied = busctl("call", *CALL, "BindingDelete", "s", "vnet0", user=65534, group=65534, extra_groups=[])
            check("the bus's word on who asks is heard", denied.returncode != 0 and "not permitted" in denied.stderr, denied.stderr)
            check("and root may", busctl("call", *CALL, "BindingDelete", "s", "vnet0").returncode == 0)
            heard = start("busctl", "--address=" + bus, "--match=type='signal',interface='%s'" % NAME, "--json=short", "monitor",
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            check("signals are on the bus", wait_for(lambda: nwfctl("binding", "delete", "nobody").returncode == 3 and
                                                     select.select([heard.stdout], [], [], 0.05)[0]))
            told = json.loads(heard.stdout.readline())
            check("with their arguments", told["member"] == "Refused" and told["payload"]["data"][1] == "nobody" and
                  told["payload"]["data"][4] == {"verb": "binding delete"}, told)
            bus_daemon.kill()
            bus_daemon.wait()
            check("without the bus it goes on", nwfctl("status").returncode == 0 and daemon.poll() is None)
            start("dbus-daemon", "--config-file=" + config, "--nofork", "--nopidfile")
            check("and joins it when it is back", wait_for(lambda: busctl("call", *CALL, "BindingList").returncode == 0))

        # A host full of guests.
        many = os.path.join(root, "many")
        os.mkdir(many)
        for i in range(1000):
            with open(os.path.join(many, "%d.xml" % i), "w") as f:
                f.write(BINDING.replace("52:54:00:00:00:01", "52:54:00:01:%02x:%02x" % divmod(i, 256))
                        .replace("192.0.2.1", "198.51.%d.%d" % divmod(i, 256)) % ("many%d" % i))
        applied = nwfctl("apply", many)
        check("1,000 ports at once", applied.returncode == 0, applied.stderr)
        resident = json.loads(nwfctl("--json", "top", "--interval", "0.01").stdout)["resident_bytes"]
        print("%.1f MiB resident with 1,000 ports bound" % (resident / (1 << 20)))
        if "--no-sandbox" in OPTIONS:
            skip("its memory", "a sanitizer has its own")
        else:
            check("in 20 MiB", resident <= 20 << 20, resident)
        woken = status_of(daemon.pid)["voluntary_ctxt_switches"]
        time.sleep(1)
        check("while nothing happens it sleeps", status_of(daemon.pid)["voluntary_ctxt_switches"] == woken)

        # Without a word it ends, and the rules stay.
        bound("vnet5")
        daemon.terminate()
        check("it ends", daemon.wait(20) == 0)
        check("its sockets are gone", not os.path.exists(at))
        check("its rules are not", "vnet5" in run("nft", "list", "table", "bridge", "nwf").stdout)
        check("nwfctl works without it", nwfctl("binding", "delete", "vnet5").returncode == 0)
    finally:
        end_all()

unit = os.path.join(os.path.dirname(NWFD), "nwfd.service")
if shutil.which("systemd-analyze"):
    # The threshold is in tenths.
    judged = run("systemd-analyze", "security", "--offline=yes", "--threshold=20", unit)
    check("the unit is exposed 2.0 at most", judged.returncode == 0, judged.stdout[-200:])
    print(judged.stdout.strip().splitlines()[-1])
else:
    skip("the unit's exposure", "needs systemd-analyze")
print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
sys.exit(1 if failed else 0)
