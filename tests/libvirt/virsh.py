#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The same virsh commands and the same libvirt-python calls against libvirt 9.0 and against nwf.

  ../peer/libvirt-ns virsh.py record      writes what a real libvirt 9.0 answered beside this file
  virsh.py check SERVER...                runs them against `SERVER... --root ROOT --sockets ROOT` and compares

VIRSH, a command, names another libvirt's virsh.

UUIDs that were made up, the order of attributes and runs of empty lines are not compared. Where libvirt's own words for a mistake in a text
are not nwf's, only virsh's first line and the exit code are. Needs root, and virsh."""
import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "virsh-libvirt-9.0.json")
UUID = "8d9a5f10-6a1c-4c1e-9c55-0d6f6a1b2c3d"
VIRSH = os.environ.get("VIRSH", "virsh").split()
FILES = {
    "web.xml": """<filter name='web' chain='root'>
  <uuid>%s</uuid>
  <filterref filter='clean-traffic'/>
  <rule action='accept' direction='in' priority='100'><tcp dstportstart='80'/></rule>
  <rule action='drop' direction='inout' priority='1000'><all/></rule>
</filter>""" % UUID,
    "web2.xml": """<filter name='web' chain='root'>
  <uuid>%s</uuid>
  <rule action='accept' direction='in'><tcp dstportstart='443' dstportend='444' state='NEW'/></rule>
  <rule action='drop' direction='inout' priority='1000' statematch='false'><all/></rule>
</filter>""" % UUID,
    "new.xml": "<filter name='new' chain='ipv4-new'><rule action='drop' direction='out'><ip srcipaddr='10.1.2.3' match='no'/></rule></filter>",
    "rich.xml": """<filter name='rich' chain='root' priority='-5'>
  <rule action='return' direction='out' priority='-100'><mac match='no' srcmacaddr='$MAC'/></rule>
  <rule action='accept' direction='out'><arp opcode='Request' arpsrcipaddr='$IP' arpsrcmacaddr='$MAC'/></rule>
  <rule action='accept' direction='in'><udp srcportstart='$PORTS[@1]' dstportstart='$OTHERS[@1]' comment='two &lt; three'/></rule>
  <rule action='reject' direction='in'><tcp-ipv6 dscp='0x20'/></rule>
  <rule action='continue' direction='inout'/>
  <filterref filter='no-mac-spoofing'><parameter name='A' value='1'/><parameter name='A' value='2'/></filterref>
</filter>""",
    "clash.xml": "<filter name='other'><uuid>%s</uuid><rule action='drop' direction='out'><all/></rule></filter>" % UUID,
    "bad.xml": "<filter name='bad'><rule action='nothing' direction='out'><all/></rule></filter>",
    "broken.xml": "<filter name='broken'>",
    "wrong.xml": "<network/>",
    "b0.xml": """<filterbinding><owner><name>one</name><uuid>00000000-0000-4000-8000-000000000001</uuid></owner>
  <portdev name='vnet0'/><mac address='52:54:00:00:00:01'/>
  <filterref filter='web'><parameter name='IP' value='192.0.2.1'/></filterref></filterbinding>""",
    "b1.xml": """<filterbinding><owner><name>two &amp; three</name><uuid>00000000-0000-4000-8000-000000000002</uuid></owner>
  <portdev name='vnet1'/><mac address='52:54:00:00:00:02'/>
  <filterref filter='clean-traffic'><parameter name='IP' value='192.0.2.2'/><parameter name='IP' value='192.0.2.3'/></filterref></filterbinding>""",
    "b-nofilter.xml": """<filterbinding><owner><name>x</name><uuid>00000000-0000-4000-8000-000000000003</uuid></owner>
  <portdev name='vnet2'/><mac address='52:54:00:00:00:03'/><filterref filter='nobody'/></filterbinding>""",
    "b-nomac.xml": """<filterbinding><owner><name>x</name><uuid>00000000-0000-4000-8000-000000000003</uuid></owner>
  <portdev name='vnet2'/><filterref filter='clean-traffic'/></filterbinding>""",
}
# (how much of the errors is compared: "all", "first" line; words). %URI stands before all of them; -r asks the read-only socket.
COMMANDS = [
    ("all", "nwfilter-list"), ("all", "nwfilter-binding-list"), ("all", "uri"), ("all", "nwfilter-list --help"),
    ("all", "nwfilter-define web.xml"), ("all", "nwfilter-define web.xml"), ("all", "nwfilter-list"),
    ("all", "nwfilter-dumpxml web"), ("all", "nwfilter-dumpxml %s" % UUID), ("all", "nwfilter-dumpxml nobody"),
    ("all", "nwfilter-dumpxml 00000000-0000-4000-8000-00000000000f"), ("all", "nwfilter-dumpxml web --xpath //rule/tcp"),
    ("all", "nwfilter-define web2.xml --validate"), ("all", "nwfilter-dumpxml web"),
    ("all", "nwfilter-define new.xml"), ("all", "nwfilter-dumpxml new"), ("all", "nwfilter-define rich.xml"), ("all", "nwfilter-dumpxml rich"),
    ("first", "nwfilter-define clash.xml"), ("first", "nwfilter-define bad.xml"), ("first", "nwfilter-define broken.xml"),
    ("first", "nwfilter-define wrong.xml"), ("all", "nwfilter-define missing.xml"), ("all", "nwfilter-define"),
    ("all", "nwfilter-edit new"), ("all", "nwfilter-dumpxml new"), ("all", "nwfilter-edit nobody"),
    ("all", "nwfilter-binding-create b0.xml"), ("all", "nwfilter-binding-create b1.xml --validate"), ("all", "nwfilter-binding-list"),
    ("all", "nwfilter-binding-dumpxml vnet0"), ("all", "nwfilter-binding-dumpxml vnet1"), ("all", "nwfilter-binding-dumpxml vnet9"),
    ("all", "nwfilter-binding-dumpxml vnet1 --xpath //owner/name"),
    ("first", "nwfilter-binding-create b0.xml"), ("first", "nwfilter-binding-create b-nofilter.xml"),
    ("first", "nwfilter-binding-create b-nomac.xml"), ("first", "nwfilter-binding-create broken.xml"), ("all", "nwfilter-binding-list"),
    ("all", "nwfilter-undefine web"), ("all", "nwfilter-undefine clean-traffic"), ("all", "nwfilter-undefine nobody"),
    ("all", "-r nwfilter-list"), ("all", "-r nwfilter-binding-list"), ("all", "-r nwfilter-dumpxml web"),
    ("all", "-r nwfilter-define web.xml"), ("all", "-r nwfilter-undefine new"), ("all", "-r nwfilter-binding-delete vnet0"),
    ("all", "-r nwfilter-binding-create b1.xml"),
    ("all", "nwfilter-binding-delete vnet9"), ("all", "nwfilter-binding-delete vnet0"), ("all", "nwfilter-binding-delete vnet1"),
    ("all", "nwfilter-binding-list"), ("all", "nwfilter-undefine web"), ("all", "nwfilter-undefine new"), ("all", "nwfilter-undefine rich"),
    ("all", "nwfilter-list"), ("first", "list --all"), ("first", "net-list"), ("first", "hostname"),
]


def without_made_up(text):
    """Without what differs from run to run, and attributes in alphabetical order."""
    kept = {UUID, *re.findall(r"[0-9a-f-]{36}", FILES["b0.xml"] + FILES["b1.xml"]), "00000000-0000-4000-8000-00000000000f"}
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda m: m.group() if m.group() in kept else "UUID", text)
    text = re.sub(r"nwfilter(\+unix)?:///system(\?socket=\S+)?", "URI", text)

    def ordered(match):
        attributes = re.findall(r"\s+[\w:]+='[^']*'", match.group(2))
        return "<" + match.group(1) + "".join(sorted(a.rstrip() for a in attributes)) + match.group(3)
    text = re.sub(r"\n\n+", "\n\n", text)
    return re.sub(r"<(\w[\w-]*)((?:\s+[\w:]+='[^']*')+)(\s*/?>)", ordered, text)


def run_commands(uri, uri_read_only):
    rows = []
    for how, words in COMMANDS:
        read_only = words.startswith("-r ")
        words_given = [word for word in words.split() if word != "-r"]
        command = VIRSH + (["-r"] if read_only else []) + ["-c", uri_read_only if read_only else uri] + words_given
        environment = dict(os.environ, EDITOR="sed -i s/10.1.2.3/10.3.2.1/", LC_ALL="C")
        environment.pop("VISUAL", None)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        rows.append({"how": how, "words": words, "code": done.returncode, "out": without_made_up(done.stdout), "err": without_made_up(done.stderr)})
    return rows


def run_python(uri):
    """What libvirt-python gives back: one row for each call, its value or the error's code and domain."""
    import libvirt
    libvirt.registerErrorHandler(lambda *_: None, None)
    connection = libvirt.open(uri)
    rows = []

    def row(name, call, parts=3):
        try:
            value = call()
        except libvirt.libvirtError as error:
            value = ["error", error.get_error_code(), error.get_error_domain(), error.get_error_level()][:1 + parts]
        rows.append({"call": name, "value": value if not isinstance(value, str) else without_made_up(value)})

    def text(name):
        with open(name) as f:
            return f.read()
    row("numOfNWFilters", connection.numOfNWFilters)
    row("listNWFilters", lambda: sorted(connection.listNWFilters()))
    row("listAllNWFilters", lambda: sorted(f.name() for f in connection.listAllNWFilters()))
    row("define", lambda: connection.nwfilterDefineXML(text("web.xml")).UUIDString())
    row("define flags", lambda: connection.nwfilterDefineXMLFlags(text("web.xml"), libvirt.VIR_NWFILTER_DEFINE_VALIDATE).name())
    row("define, unknown flag", lambda: connection.nwfilterDefineXMLFlags(text("web.xml"), 64).name())
    row("define bad", lambda: connection.nwfilterDefineXML(text("bad.xml")).name(), parts=0)
    row("define clash", lambda: connection.nwfilterDefineXML(text("clash.xml")).name())
    row("by name", lambda: connection.nwfilterLookupByName("web").UUIDString())
    row("by UUID", lambda: connection.nwfilterLookupByUUIDString(UUID).name())
    row("by name, nobody", lambda: connection.nwfilterLookupByName("nobody").name())
    row("by UUID, nobody", lambda: connection.nwfilterLookupByUUIDString("00000000-0000-4000-8000-00000000000f").name())
    web = connection.nwfilterLookupByName("web")
    row("XMLDesc", lambda: web.XMLDesc(0))
    row("XMLDesc, unknown flag", lambda: web.XMLDesc(8))
    row("binding create", lambda: connection.nwfilterBindingCreateXML(text("b0.xml"), 0).portDev())
    row("binding again", lambda: connection.nwfilterBindingCreateXML(text("b0.xml"), 0).portDev())
    row("binding list", lambda: [(b.portDev(), b.filterName()) for b in connection.listAllNWFilterBindings()])
    binding = connection.nwfilterBindingLookupByPortDev("vnet0")
    row("binding XMLDesc", lambda: binding.XMLDesc(0))
    row("binding, nobody", lambda: connection.nwfilterBindingLookupByPortDev("vnet9").portDev())
    row("undefine in use", web.undefine)
    row("binding delete", binding.delete)
    row("binding delete again", binding.delete)
    row("undefine", web.undefine)
    row("undefine again", web.undefine)
    row("XMLDesc of what is gone", lambda: web.XMLDesc(0))
    row("getURI", connection.getURI)
    row("getType", connection.getType)
    row("getLibVersion", connection.getLibVersion)
    row("isAlive", connection.isAlive)
    row("a call of another driver", connection.listAllDomains, parts=1)
    row("close", connection.close)
    return rows


def python_with_libvirt():
    """A Python that has the module: this one, or Debian's own."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import libvirt"], stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return None


def python_rows(uri):
    done = subprocess.run([python_with_libvirt(), os.path.abspath(__file__), "python", uri], stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else []


def in_folder(function):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in FILES.items():
            with open(os.path.join(folder, name), "w") as f:
                f.write(content)
        os.chdir(folder)
        try:
            return function()
        finally:
            os.chdir("/")


def record():
    for port in ("vnet0", "vnet1", "vnet2"):
        subprocess.run(["ip", "tuntap", "add", port, "mode", "tap"], check=True)
    uri = "nwfilter:///system"
    found = in_folder(lambda: {"commands": run_commands(uri, uri), "python": python_rows(uri)})
    with open(RECORDED, "w") as f:
        json.dump(found, f, indent=1)
    print("%d commands and %d calls recorded" % (len(found["commands"]), len(found["python"])))


def check(server):
    if shutil.which(VIRSH[0]) is None:
        print("0 passed, 0 failed, 1 skipped: needs virsh (libvirt-clients)")
        return 77
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
        print("0 passed, 0 failed, 1 skipped: needs root for a network namespace")
        return 77
    with open(RECORDED) as f:
        wanted = json.load(f)
    passed = failed = skipped = 0
    with tempfile.TemporaryDirectory() as root:
        sockets = [os.path.join(root, "virtnwfilterd-sock"), os.path.join(root, "virtnwfilterd-sock-ro")]
        daemon = subprocess.Popen(server + ["--root", root, "--sockets", root], stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 20
            while not os.path.exists(sockets[1]):
                if daemon.poll() is not None or time.monotonic() > until:
                    print("the server does not start")
                    return 1
                time.sleep(0.02)
            uris = ["nwfilter+unix:///system?socket=" + s for s in sockets]
            found = {"commands": in_folder(lambda: run_commands(*uris))}
            if python_with_libvirt():
                found["python"] = in_folder(lambda: python_rows(uris[0]))
            else:
                print("skipped: needs libvirt-python (python3-libvirt)")
                found["python"], wanted["python"] = [], []
                skipped += 1
        finally:
            daemon.terminate()
            daemon.wait()
    for want, got in zip(wanted["commands"], found["commands"]):
        want = dict(want, out=without_made_up(want["out"]), err=without_made_up(want["err"]))
        if want["how"] == "first":
            want, got = [dict(r, err=r["err"].split("\n")[0]) for r in (want, got)]
        if want == got:
            passed += 1
            continue
        failed += 1
        print("virsh %s: FAILED" % want["words"])
        for key in ("code", "out", "err"):
            if want[key] != got[key]:
                print("  %s of libvirt: %s\n  %s of nwf:     %s" % (key, want[key], key, got[key]))
    for want, got in zip(wanted["python"], found["python"]):
        if json.loads(json.dumps(got)) == want:
            passed += 1
            continue
        failed += 1
        print("python %s: FAILED\n  libvirt: %s\n  nwf:     %s" % (want["call"], want["value"], got["value"]))
    same = len(wanted["commands"]) == len(found["commands"]) and len(wanted["python"]) == len(found["python"])
    if not same:
        print("the recording is of other commands: record it anew")
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed or not same else 0


if sys.argv[1:2] == ["record"]:
    record()
elif sys.argv[1:2] == ["python"]:
    json.dump(run_python(sys.argv[2]), sys.stdout)
else:
    sys.exit(check(sys.argv[2:]))
