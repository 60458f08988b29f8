#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts IPv4 packets by source that come to an interface.  sniff.py INTERFACE FILE: FILE holds `ADDRESS COUNT` lines, the newest state."""
import os
import socket
import sys
import time

sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
sniffer.bind((sys.argv[1], 0))
sniffer.settimeout(0.1)
counts, written = {}, 0.0
while True:
    try:
        frame, (_, _, kind, *_rest) = sniffer.recvfrom(2048)
        if kind != 4 and len(frame) >= 34:  # PACKET_OUTGOING: the host's own answers
            source = socket.inet_ntoa(frame[26:30])
            counts[source] = counts.get(source, 0) + 1
    except socket.timeout:
        pass
    if time.monotonic() - written > 0.1:
        written = time.monotonic()
        with open(sys.argv[2] + ".new", "w") as f:
            f.writelines("%s %d\n" % row for row in sorted(counts.items()))
        os.rename(sys.argv[2] + ".new", sys.argv[2])
