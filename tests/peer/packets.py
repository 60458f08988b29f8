# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets that probe an nwfilter rule set: for every rule, one packet that matches all of its
attributes and one for each attribute that does not, each sent out of and into the guest, as written
and mirrored; and the IP ones again between the guest and the host itself (tohost, fromhost). Deterministic: the same filters give the same packets."""
import ipaddress
import re
import struct
import xml.etree.ElementTree as ET

GUEST_MAC, GUEST_IP, GUEST_IP6 = "52:54:00:aa:bb:01", "10.99.0.11", "fd99::11"
PEER_MAC, PEER_IP, PEER_IP6 = "52:54:00:aa:bb:99", "10.99.0.99", "fd99::99"
HOST_MAC, HOST_IP, HOST_IP6 = "52:54:00:aa:bb:fe", "10.99.0.1", "fd99::1"
L4 = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "igmp": 2, "udplite": 136, "esp": 50, "ah": 51,
      "icmpv6": 58, "all": 253}
ETH = {"ipv4": 0x0800, "arp": 0x0806, "rarp": 0x8035, "ipv6": 0x86dd, "vlan": 0x8100}
ARPOPS = {n.lower(): i for i, n in enumerate(
    ["Request", "Reply", "Request_Reverse", "Reply_Reverse", "DRARP_Request", "DRARP_Reply",
     "DRARP_Error", "InARP_Request", "ARP_NAK"], 1)}
FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}


def num(text, default=0):
    if text is None:
        return default
    return int(text, 16) if text.lower().startswith("0x") else int(text)


def mac(text):
    return bytes(int(x, 16) for x in text.split(":"))


def csum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def crc32c(data):
    crc = 0xffffffff
    for b in data:
        crc ^= b
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def l4(proto, f, src, dst, v6, tag):
    """The transport header and payload, its checksum right."""
    sp, dp = f.get("sport", 40000), f.get("dport", 50000)
    pseudo = lambda n: (src + dst + struct.pack("!I3xB", n, proto)) if v6 else src + dst + struct.pack("!BBH", 0, proto, n)
    if proto == 6:
        opt = b""
        if f.get("option"):
            opt = bytes([f["option"], 2]) + b"\1\1"
        h = struct.pack("!HHIIBBHHH", sp, dp, f.get("seq", 1000), f.get("ack", 0), (5 + len(opt) // 4) << 4, f.get("flags", 2), 4096, 0, 0) + opt
        body = h + tag
        c = csum(pseudo(len(body)) + body)
        return body[:16] + struct.pack("!H", c) + body[18:]
    if proto in (17, 136):
        n = 8 + len(tag)
        body = struct.pack("!HHHH", sp, dp, n, 0) + tag
        c = csum(pseudo(n) + body) or 0xffff
        return body[:6] + struct.pack("!H", c) + body[8:]
    if proto == 132:
        chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 7, 4096, 1, 1, 1) + b""
        data = struct.pack("!BBHIHHI", 0, 3, 16 + len(tag), 1, 0, 0, 0) + tag
        body = struct.pack("!HHII", sp, dp, 0, 0) + chunk
        body += struct.pack("!BBH", 132, 0, 4 + len(tag)) + tag     # unknown chunk that carries the tag
        c = crc32c(body)
        return body[:8] + struct.pack("<I", c) + body[12:]
    if proto in (1, 58):
        t, code = f.get("type", 8 if proto == 1 else 128), f.get("code", 0)
        body = struct.pack("!BBHHH", t, code, 0, f.get("id", 77), 1)
        if "about" in f:    # an error about another packet: that packet, as far as an error quotes it
            body = struct.pack("!BBHI", t, code, 0, 0) + frame(f["about"], b"")[14:]
        body += tag
        c = csum((pseudo(len(body)) if proto == 58 else b"") + body)
        return body[:2] + struct.pack("!H", c) + body[4:]
    if proto == 2:
        body = struct.pack("!BBH4s", 0x16, 0, 0, b"\xef\1\2\3") + tag
        return body[:2] + struct.pack("!H", csum(body)) + body[4:]
    if proto == 50:
        return struct.pack("!II", 0x1234, 1) + tag
    if proto == 51:
        return struct.pack("!BBHII12s", 59 if v6 else 253, 4, 0, 0x1234, 1, b"") + tag
    return tag


def frame(f, tag):
    """A whole Ethernet frame from a dict of fields."""
    dst, src = mac(f["dmac"]), mac(f["smac"])
    kind = f["kind"]
    if kind == "stp":
        b = struct.pack("!HBBB", 0, 0, f.get("stptype", 0), f.get("stpflags", 0))
        b += struct.pack("!H6sIH6sHHHHH", f.get("rootprio", 1), mac(f.get("rootaddr", GUEST_MAC)), f.get("rootcost", 1),
                         f.get("sndprio", 1), mac(f.get("sndaddr", GUEST_MAC)), f.get("port", 1), f.get("age", 1),
                         f.get("maxage", 1), f.get("hello", 1), f.get("fwd", 1))
        llc = b"\x42\x42\x03" + b
        return dst + src + struct.pack("!H", len(llc)) + llc + tag
    if kind in ("arp", "rarp"):
        a = struct.pack("!HHBBH", f.get("hw", 1), f.get("pt", 0x0800), 6, 4, f.get("op", 1))
        a += mac(f.get("sha", f["smac"])) + ipaddress.ip_address(f.get("spa", GUEST_IP)).packed
        a += mac(f.get("tha", "00:00:00:00:00:00")) + ipaddress.ip_address(f.get("tpa", PEER_IP)).packed
        return dst + src + struct.pack("!H", f.get("ethertype", ETH[kind])) + a + tag + b"\0" * 12
    if kind in ("ip", "ipv6"):
        v6 = kind == "ipv6"
        s, d = ipaddress.ip_address(f["sip"]).packed, ipaddress.ip_address(f["dip"]).packed
        proto = f.get("proto", 17)
        body = l4(proto, f, s, d, v6, tag)
        dscp = f.get("dscp", 0) << 2
        if v6:
            h = struct.pack("!IHBB", 6 << 28 | dscp << 20, len(body), proto, 64) + s + d
        else:
            h = struct.pack("!BBHHHBBH", 0x45, dscp, 20 + len(body), 4242, 0, 64, proto, 0) + s + d
            h = h[:10] + struct.pack("!H", csum(h)) + h[12:]
        pkt = h + body
        et = 0x86dd if v6 else 0x0800
    else:
        pkt, et = tag * 4, f.get("ethertype", 0x88b5)
    if "vlan" in f:
        return dst + src + struct.pack("!HHH", 0x8100, f["vlan"], f.get("encap", et)) + pkt
    return dst + src + struct.pack("!H", f.get("ethertype", et)) + pkt


def base(kind):
    f = {"kind": kind, "smac": GUEST_MAC, "dmac": PEER_MAC}
    if kind in ("ip",):
        f.update(sip=GUEST_IP, dip=PEER_IP)
    if kind == "ipv6":
        f.update(sip=GUEST_IP6, dip=PEER_IP6)
    if kind == "stp":
        f.update(dmac="01:80:c2:00:00:00")
    return f


def other_mac(m):
    b = bytearray(mac(m)); b[5] ^= 0x81; b[1] ^= 0x10
    return ":".join("%02x" % x for x in b)


def flipped_mac(m, byte, bits):
    b = bytearray(mac(m)); b[byte] ^= bits
    return ":".join("%02x" % x for x in b)


def moved(a, by):
    ip = ipaddress.ip_address(a)
    return str(ip.__class__((int(ip) + by) % (1 << ip.max_prefixlen)))


def other_ip(a):
    ip = ipaddress.ip_address(a)
    return str(ip.__class__(int(ip) ^ (0x20 << (16 if ip.version == 4 else 112))))


def fields(proto, attrs, subst):
    """What the rule's attributes say: [(field, matching value, [values at its edges, matching or not])]"""
    v6 = proto.endswith("ipv6") or proto == "icmpv6"
    base_proto = proto.replace("-ipv6", "")
    a = {k: subst(v) for k, v in attrs.items()}
    out = []
    def add(field, value, *others):
        out.append((field, value, list(others)))
    def low(name, width):
        if name in a and a[name] is not None:
            v = num(a[name]); hi = num(a.get(name + "-hi"), v)
            add_name = {"root-priority": "rootprio", "root-cost": "rootcost", "sender-priority": "sndprio", "port": "port",
                        "age": "age", "max-age": "maxage", "hello-time": "hello", "forward-delay": "fwd",
                        "type": "stptype", "flags": "stpflags"}[name]
            add(add_name, v, (hi + 1) % (1 << width), hi, (v - 1) % (1 << width))
    for name, field in (("srcmacaddr", "smac"), ("dstmacaddr", "dmac")):
        if a.get(name):
            add(field, a[name], other_mac(a[name]), flipped_mac(a[name], 5, 1), flipped_mac(a[name], 3, 16))
    if base_proto == "mac" and a.get("protocolid"):
        p = ETH.get(a["protocolid"].lower()) or num(a["protocolid"])
        add("ethertype", p, 0x88b6)
    if base_proto == "vlan":
        if not a.get("vlanid"):
            add("vlan", 7)
        if a.get("vlanid"):
            add("vlan", num(a["vlanid"]), num(a["vlanid"]) ^ 1)
        if a.get("encap-protocol"):
            p = ETH.get(a["encap-protocol"].lower()) or num(a["encap-protocol"])
            add("encap", p, 0x88b6)
    if base_proto == "stp":
        for n, w in (("type", 8), ("flags", 8), ("root-priority", 16), ("root-cost", 32), ("sender-priority", 16), ("port", 16),
                     ("age", 16), ("max-age", 16), ("hello-time", 16), ("forward-delay", 16)):
            low(n, w)
        if a.get("root-address"):
            add("rootaddr", a["root-address"], other_mac(a["root-address"]))
        if a.get("sender-address"):
            add("sndaddr", a["sender-address"], other_mac(a["sender-address"]))
    if base_proto in ("arp", "rarp"):
        if a.get("hwtype"): add("hw", num(a["hwtype"]), num(a["hwtype"]) ^ 2)
        if a.get("protocoltype"): add("pt", num(a["protocoltype"]), num(a["protocoltype"]) ^ 2)
        if a.get("opcode"):
            o = ARPOPS.get(a["opcode"].lower()) or num(a["opcode"])
            add("op", o, o ^ 5)
        for n, fl in (("arpsrcmacaddr", "sha"), ("arpdstmacaddr", "tha")):
            if a.get(n): add(fl, a[n], other_mac(a[n]))
        for n, fl in (("arpsrcipaddr", "spa"), ("arpdstipaddr", "tpa")):
            if a.get(n): add(fl, a[n], other_ip(a[n]), moved(a[n], 1))
        if a.get("gratuitous", "").lower() in ("true", "1", "yes"):
            add("tpa", GUEST_IP, PEER_IP)
            add("spa", GUEST_IP)
    if base_proto in ("ip", "ipv6"):
        if a.get("protocol"):
            names = {"tcp": 6, "udp": 17, "udplite": 136, "esp": 50, "ah": 51, "icmp": 1, "igmp": 2, "sctp": 132, "icmpv6": 58}
            p = names.get(a["protocol"].lower()) or num(a["protocol"])
            add("proto", p, 253)
    elif base_proto in L4:
        add("proto", 58 if proto == "icmpv6" else (1 if base_proto == "icmp" else L4[base_proto]), 17 if base_proto != "udp" else 6)
    if base_proto in L4 or base_proto in ("ip", "ipv6"):
        for s, fl in (("srcip", "sip"), ("dstip", "dip")):
            if a.get(s + "addr"):
                add(fl, a[s + "addr"], other_ip(a[s + "addr"]), moved(a[s + "addr"], 1), moved(a[s + "addr"], 256))
            elif a.get(s + "from"):
                last = a.get(s + "to") or a[s + "from"]
                add(fl, a[s + "from"], other_ip(a[s + "from"]), last, moved(last, 1), moved(a[s + "from"], -1))
        for s, fl in (("srcport", "sport"), ("dstport", "dport")):
            if a.get(s + "start"):
                lo, hi = num(a[s + "start"]), num(a.get(s + "end"), num(a[s + "start"]))
                add(fl, hi if hi >= lo else lo, (hi + 7) % 65536, lo, (lo - 1) % 65536)
        if a.get("dscp"): add("dscp", num(a["dscp"]) & 63, (num(a["dscp"]) & 63) ^ 1, num(a["dscp"]) >> 2, 0)
        if a.get("type"):
            t = num(a["type"].split("-")[0]) if re.match(r"^(0x)?[0-9a-fA-F]+", a["type"]) else 8
            add("type", t, t ^ 1, num(a.get("typeend"), t), (num(a.get("typeend"), t) + 1) & 255)
        if a.get("code"): add("code", num(a["code"]), num(a["code"]) ^ 1, num(a.get("codeend"), num(a["code"])), 0)
        if a.get("flags") and base_proto == "tcp":
            setf = [x for x in a["flags"].split("/")[-1].upper().split(",") if x in FLAGS]
            want = sum(FLAGS[x] for x in setf)
            add("flags", want or 2, (want ^ 0x11) or 16, 0, 2, 18, 3, 0x3f)
        if a.get("option"): add("option", num(a["option"]), (num(a["option"]) + 1) & 0xff or 3)
    kind = {"mac": "raw", "vlan": "raw", "stp": "stp", "arp": "arp", "rarp": "rarp"}.get(base_proto, "ipv6" if v6 else "ip")
    return kind, out


def mirrored(f):
    g = dict(f)
    for a, b in (("smac", "dmac"), ("sip", "dip"), ("sport", "dport"), ("sha", "tha"), ("spa", "tpa")):
        if a in f or b in f:
            if b in f: g[a] = f[b]
            else: g.pop(a, None)
            if a in f: g[b] = f[a]
            else: g.pop(b, None)
    return g


COMMON = [
    {"kind": "ip", "proto": 17, "sport": 68, "dport": 67, "sip": "0.0.0.0", "dip": "255.255.255.255", "smac": GUEST_MAC, "dmac": "ff:ff:ff:ff:ff:ff"},
    {"kind": "ip", "proto": 17, "sport": 67, "dport": 68, "sip": PEER_IP, "dip": GUEST_IP, "smac": PEER_MAC, "dmac": GUEST_MAC},
    {"kind": "ip", "proto": 6, "sport": 41000, "dport": 22, "sip": GUEST_IP, "dip": PEER_IP, "smac": GUEST_MAC, "dmac": PEER_MAC},
    {"kind": "ip", "proto": 1, "sip": GUEST_IP, "dip": PEER_IP, "smac": GUEST_MAC, "dmac": PEER_MAC},
    {"kind": "ip", "proto": 17, "sip": "10.99.0.77", "dip": PEER_IP, "smac": GUEST_MAC, "dmac": PEER_MAC},
    {"kind": "ip", "proto": 17, "sip": GUEST_IP, "dip": PEER_IP, "smac": "52:54:00:00:00:66", "dmac": PEER_MAC},
    {"kind": "ip", "proto": 17, "sip": GUEST_IP, "dip": "224.0.0.251", "smac": GUEST_MAC, "dmac": "01:00:5e:00:00:fb"},
    {"kind": "arp", "op": 1, "smac": GUEST_MAC, "dmac": "ff:ff:ff:ff:ff:ff", "sha": GUEST_MAC, "spa": GUEST_IP, "tpa": PEER_IP},
    {"kind": "arp", "op": 2, "smac": GUEST_MAC, "dmac": PEER_MAC, "sha": GUEST_MAC, "spa": GUEST_IP, "tha": PEER_MAC, "tpa": PEER_IP},
    {"kind": "arp", "op": 2, "smac": GUEST_MAC, "dmac": PEER_MAC, "sha": GUEST_MAC, "spa": "10.99.0.77", "tha": PEER_MAC, "tpa": PEER_IP},
    {"kind": "arp", "op": 2, "smac": GUEST_MAC, "dmac": PEER_MAC, "sha": "52:54:00:00:00:66", "spa": GUEST_IP, "tha": PEER_MAC, "tpa": PEER_IP},
    {"kind": "arp", "op": 7, "smac": GUEST_MAC, "dmac": PEER_MAC, "sha": GUEST_MAC, "spa": GUEST_IP, "tha": PEER_MAC, "tpa": PEER_IP},
    {"kind": "arp", "op": 1, "smac": GUEST_MAC, "dmac": "ff:ff:ff:ff:ff:ff", "sha": GUEST_MAC, "spa": "0.0.0.0", "tpa": GUEST_IP},
    {"kind": "rarp", "op": 3, "smac": GUEST_MAC, "dmac": "ff:ff:ff:ff:ff:ff", "sha": GUEST_MAC, "tha": GUEST_MAC, "spa": "0.0.0.0", "tpa": "0.0.0.0"},
    {"kind": "rarp", "op": 4, "smac": GUEST_MAC, "dmac": "ff:ff:ff:ff:ff:ff", "sha": GUEST_MAC, "tha": GUEST_MAC, "spa": "0.0.0.0", "tpa": "0.0.0.0"},
    {"kind": "arp", "ethertype": 0x835, "op": 3, "smac": GUEST_MAC, "dmac": "ff:ff:ff:ff:ff:ff", "sha": GUEST_MAC, "tha": GUEST_MAC, "spa": "0.0.0.0", "tpa": "0.0.0.0"},
    {"kind": "ipv6", "proto": 17, "sip": GUEST_IP6, "dip": PEER_IP6, "smac": GUEST_MAC, "dmac": PEER_MAC},
    {"kind": "ipv6", "proto": 17, "sip": "fd99::66", "dip": PEER_IP6, "smac": GUEST_MAC, "dmac": PEER_MAC},
    {"kind": "ipv6", "proto": 58, "type": 135, "sip": "fe80::5054:ff:feaa:bb01", "dip": "ff02::1:ff00:99", "smac": GUEST_MAC, "dmac": "33:33:ff:00:00:99"},
    {"kind": "ipv6", "proto": 58, "type": 134, "sip": "fe80::5054:ff:feaa:bb01", "dip": "ff02::1", "smac": GUEST_MAC, "dmac": "33:33:00:00:00:01"},
    {"kind": "ipv6", "proto": 17, "sport": 546, "dport": 547, "sip": "fe80::5054:ff:feaa:bb01", "dip": "ff02::1:2", "smac": GUEST_MAC, "dmac": "33:33:00:01:00:02"},
    {"kind": "raw", "ethertype": 0x88b5, "smac": GUEST_MAC, "dmac": PEER_MAC},
    {"kind": "raw", "ethertype": 0x88cc, "smac": GUEST_MAC, "dmac": "ff:ff:ff:ff:ff:ff"},
    {"kind": "stp", "smac": GUEST_MAC, "dmac": "01:80:c2:00:00:00"},
    {"kind": "ip", "vlan": 5, "proto": 17, "sip": GUEST_IP, "dip": PEER_IP, "smac": GUEST_MAC, "dmac": PEER_MAC},
]


def probes(filters_xml, params):
    """All probes for the rules in these filters: [(name, direction, frame)]; params: {NAME: [values]}"""
    seen, out = set(), []
    def subst_first(v):
        if v is None or "$" not in v:
            return v
        m = re.match(r"^\$\s*([A-Za-z0-9_]+)\s*(\[.*\])?\s*$", v.strip())
        vals = params.get(m.group(1)) if m else None
        if not vals:
            return None
        idx = re.match(r"^\[\s*(\d+)\s*\]$", m.group(2) or "")
        return vals[int(idx.group(1)) % len(vals)] if idx else vals[0]
    def emit(f):
        for g in (f, mirrored(f)):
            for d in ("out", "in"):
                key = (d, repr(sorted(g.items())))
                if key in seen:
                    continue
                seen.add(key)
                out.append((d, g))
    def with_host(f):
        """The same packet between guest and host: sent to the host's own address, and by the host's IP stack"""
        if f["kind"] not in ("ip", "ipv6") or "vlan" in f or "ethertype" in f:
            return
        own, other = (HOST_IP, PEER_IP) if f["kind"] == "ip" else (HOST_IP6, PEER_IP6)
        to = dict(f, dmac=HOST_MAC if f["dmac"] == PEER_MAC else f["dmac"], dip=own if f["dip"] == other else f["dip"])
        back = mirrored(to)
        for d, g in (("tohost", to), ("fromhost", back)):
            key = (d, repr(sorted(g.items())))
            ends = g["dip"] == own if d == "tohost" else g["sip"] == own and g["dip"] in (GUEST_IP, GUEST_IP6)
            if ends and key not in seen:
                seen.add(key); out.append((d, g))
    for f in COMMON:
        emit(f)
        with_host(f)
    for text in filters_xml:
        root = ET.fromstring(text)
        for rule in root.findall("rule"):
            for el in rule:
                kind, fl = fields(el.tag, el.attrib, subst_first)
                good = base(kind)
                for name, v, _ in fl:
                    good[name] = v
                emit(good); with_host(good)
                for name, _, others in fl:
                    for other in others:
                        edge = dict(good); edge[name] = other
                        emit(edge); with_host(edge)
    result = []
    for i, (d, f) in enumerate(out):
        tag = b"NWFP" + struct.pack("!I", i) + b"PROBETAG"
        try:
            result.append(("%s %s" % (d, " ".join("%s=%s" % kv for kv in sorted(f.items()))), d, frame(f, tag), tag))
        except (ValueError, struct.error, OverflowError) as e:
            result.append(("%s UNBUILDABLE %s %s" % (d, e, f), d, None, tag))
    return result

