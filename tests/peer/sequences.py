# SPDX-License-Identifier: GPL-2.0-or-later
"""Conversations: packets one after the other, and filters that change in between.

A step is (direction, packet, what it is) or ("define", XML): direction as in wire.py, out from the guest, in to it,
tohost and fromhost between guest and host."""
import uuid

from packets import (GUEST_IP, GUEST_MAC, HOST_IP, HOST_MAC, PEER_IP, PEER_MAC, mirrored)

SYN, SYNACK, ACK, FINACK, RST = 2, 18, 16, 17, 4


def rules(name, *lines):
    # With a UUID, so that libvirt takes a second definition as a change of the first.
    return "<filter name='%s'><uuid>%s</uuid>%s</filter>" % (name, uuid.uuid5(uuid.NAMESPACE_OID, name), "".join(lines))


def rule(action, direction, inside, priority=500, more=""):
    return "<rule action='%s' direction='%s' priority='%d' %s><%s/></rule>" % (action, direction, priority, more, inside)


CLOSED = rule("drop", "inout", "all", 900)


def ip(proto, to_host=False, **fields):
    ends = {"smac": GUEST_MAC, "dmac": HOST_MAC if to_host else PEER_MAC, "sip": GUEST_IP, "dip": HOST_IP if to_host else PEER_IP}
    return dict(ends, kind="ip", proto=proto, **fields)


def tcp(flags, seq, ack=0, sport=40100, dport=22, to_host=False):
    return ip(6, to_host, flags=flags, seq=seq, ack=ack, sport=sport, dport=dport)


def conversation(out="out", back="in", sport=40100, dport=22, to_host=False, opened_by_guest=True):
    """A handshake, data each way, a close: opened by the guest, or by the other side."""
    def step(mine, flags, seq, ack, what):
        packet = tcp(flags, seq, ack, sport, dport, to_host)
        if opened_by_guest:
            return (out, packet, what) if mine else (back, mirrored(packet), what)
        # The ports stay with who opens, the addresses with where they are.
        turned = dict(packet, sport=dport, dport=sport)
        return (back, mirrored(turned), what) if mine else (out, turned, what)
    return [step(True, SYN, 1000, 0, "syn"), step(False, SYNACK, 5000, 1001, "syn ack"), step(True, ACK, 1001, 5001, "ack"),
            step(True, ACK, 1001, 5001, "data"), step(False, ACK, 5001, 1001, "data back"), step(False, FINACK, 5001, 1001, "fin"),
            step(True, FINACK, 1001, 5002, "fin back")]


def udp(sport=40200, dport=53, to_host=False):
    return ip(17, to_host, sport=sport, dport=dport)


def error_about(packet, code=3):
    """Port unreachable, from the one the packet went to."""
    back = mirrored(packet)
    about = {k: v for k, v in packet.items()}
    return {"kind": "ip", "proto": 1, "type": 3, "code": code, "smac": back["smac"], "dmac": back["dmac"], "sip": back["sip"],
            "dip": back["dip"], "about": about}


def ping(type=8, id=99, to_host=False):
    return ip(1, to_host, type=type, id=id)


def named(direction, packet, what):
    return (direction, packet, what)


SEQUENCES = {}


def sequence(name, filter_lines, *steps):
    flat = []
    for step in steps:
        flat.extend(step if isinstance(step, list) else [step])
    SEQUENCES[name] = {"filter": rules("own-" + name, *filter_lines), "steps": flat}


sequence("tcp-out-allowed", [rule("accept", "out", "tcp dstportstart='22'"), CLOSED],
         conversation(), conversation(dport=80, sport=40101), conversation(opened_by_guest=False, sport=40102))
sequence("tcp-in-allowed", [rule("accept", "in", "tcp dstportstart='22'"), CLOSED],
         conversation(opened_by_guest=False), conversation(sport=40103), conversation(opened_by_guest=False, dport=80, sport=40104))
sequence("tcp-stateless", [rule("accept", "out", "tcp dstportstart='22'", more="statematch='false'"), CLOSED],
         conversation(), conversation(opened_by_guest=False, sport=40105))
sequence("tcp-midstream", [rule("accept", "out", "tcp dstportstart='22'"), CLOSED],
         named("out", tcp(ACK, 7000, 9000), "ack of nothing"), named("in", mirrored(tcp(ACK, 9000, 7000)), "its answer"),
         named("in", mirrored(tcp(SYNACK, 1, 1, sport=40106)), "syn ack of nothing"), named("out", tcp(RST, 1, 0, sport=40107), "rst of nothing"))
sequence("tcp-reset", [rule("accept", "out", "tcp dstportstart='22'"), CLOSED],
         conversation()[:4], named("in", mirrored(tcp(RST, 5001, 0)), "reset"), named("in", mirrored(tcp(ACK, 5001, 1001)), "data after the reset"))
sequence("udp-both-ways", [rule("accept", "out", "udp dstportstart='53'"), CLOSED],
         named("in", mirrored(udp()), "reply before"), named("out", udp(), "query"), named("in", mirrored(udp()), "reply"),
         named("out", udp(), "again"), named("in", mirrored(udp(sport=40201)), "reply to another"), named("in", mirrored(udp()), "second reply"))
sequence("udp-inout", [rule("accept", "inout", "udp dstportstart='53'"), CLOSED],
         named("out", udp(), "query"), named("in", mirrored(udp()), "reply"), named("in", mirrored(udp(sport=53, dport=40202)), "query to the guest"),
         named("out", udp(sport=53, dport=40202), "its reply"))
sequence("wrong-way-first", [rule("accept", "out", "udp dstportstart='53'"), CLOSED],
         named("in", mirrored(udp()), "wrong way"), named("in", mirrored(udp()), "wrong way again"), named("out", udp(), "query"),
         named("in", mirrored(udp()), "reply"))
sequence("ping", [rule("accept", "out", "icmp type='8'"), rule("accept", "in", "icmp type='0'"), CLOSED],
         named("out", ping(), "request"), named("in", mirrored(ping(0)), "answer"), named("in", mirrored(ping(8, 98)), "request to the guest"),
         named("out", ping(0, 98), "its answer"))
sequence("ping-any", [rule("accept", "out", "icmp"), CLOSED],
         named("in", mirrored(ping(0)), "answer to nothing"), named("out", ping(), "request"), named("in", mirrored(ping(0)), "answer"),
         named("in", mirrored(ping(8, 98)), "request to the guest"))
sequence("error-of-a-flow", [rule("accept", "out", "udp"), rule("accept", "in", "icmp state='RELATED'"), CLOSED],
         named("out", udp(), "query"), named("in", error_about(udp()), "error about it"), named("in", error_about(udp(sport=40299)), "error about nothing"))
sequence("error-not-asked-for", [rule("accept", "out", "udp"), CLOSED],
         named("out", udp(), "query"), named("in", error_about(udp()), "error about it"))
sequence("error-by-all", [rule("accept", "inout", "all state='ESTABLISHED,RELATED'"), rule("accept", "out", "udp state='NEW'"), CLOSED],
         named("out", udp(), "query"), named("in", error_about(udp()), "error about it"), named("in", mirrored(udp()), "reply"),
         named("in", mirrored(udp(sport=40298)), "not asked for"))
sequence("rule-removed", [rule("accept", "out", "tcp dstportstart='22'"), CLOSED],
         conversation()[:5], ("define", rules("own-rule-removed", CLOSED)),
         named("out", tcp(ACK, 1001, 5001), "data after"), named("in", mirrored(tcp(ACK, 5001, 1001)), "data back after"),
         named("out", tcp(SYN, 1, 0, sport=40110), "a new one"))
sequence("rule-added", [CLOSED], named("out", tcp(SYN, 1000), "syn"),
         ("define", rules("own-rule-added", rule("accept", "out", "tcp dstportstart='22'"), CLOSED)), conversation(sport=40111))
sequence("only-replies-go-on", [rule("accept", "inout", "udp"), CLOSED],
         named("out", udp(), "query"), ("define", rules("own-only-replies-go-on", rule("accept", "in", "udp state='ESTABLISHED'"), CLOSED)),
         named("in", mirrored(udp()), "reply after the rule is gone"), named("out", udp(), "query after"))
sequence("drop-before-established", [rule("accept", "out", "tcp"), CLOSED],
         conversation()[:5], ("define", rules("own-drop-before-established", rule("drop", "out", "tcp dstportstart='22'", 100), rule("accept", "out", "tcp"), CLOSED)),
         named("out", tcp(ACK, 1001, 5001), "data after"), named("in", mirrored(tcp(ACK, 5001, 1001)), "data back after"))
sequence("to-the-host", [rule("accept", "out", "udp dstportstart='53'"), CLOSED],
         named("tohost", udp(to_host=True), "query"), named("fromhost", mirrored(udp(to_host=True)), "reply"),
         named("tohost", udp(40210, 54, to_host=True), "another port"), named("fromhost", mirrored(udp(40211, to_host=True)), "not asked for"))
sequence("from-the-host", [rule("accept", "in", "udp dstportstart='53'"), CLOSED],
         named("fromhost", mirrored(udp(53, 40212, to_host=True)), "query"), named("tohost", udp(53, 40212, to_host=True), "reply"),
         named("tohost", udp(40213, 53, to_host=True), "query to the host"))
sequence("ping-the-host", [rule("accept", "out", "icmp"), CLOSED], named("tohost", ping(to_host=True), "request"))
sequence("connection-limit", [rule("drop", "out", "tcp connlimit-above='2'"), rule("accept", "out", "tcp"), CLOSED],
         [named("out", tcp(SYN, 1000, sport=40300 + i), "connection %d" % (i + 1)) for i in range(4)])
sequence("connection-limit-in", [rule("drop", "in", "tcp connlimit-above='1'"), rule("accept", "in", "tcp"), CLOSED],
         [named("in", mirrored(tcp(SYN, 1000, sport=22, dport=40310 + i)), "connection %d" % (i + 1)) for i in range(3)])
sequence("return-is-no-verdict", [rule("return", "out", "udp dstportstart='53'"), rule("drop", "out", "udp")],
         named("out", udp(), "query"), named("out", udp(dport=54), "another port"))
