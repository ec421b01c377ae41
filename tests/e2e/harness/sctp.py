# SPDX-License-Identifier: Apache-2.0
"""SCTP without the kernel's: raw sockets that open associations as far as INIT and INIT ACK."""

import selectors
import socket
import struct
import time

from harness.probe import OPEN, TIMEOUT

_INIT, _INIT_ACK = 1, 2


def crc32c(data):
    """RFC 9260, appendix A."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return ~crc & 0xFFFFFFFF


def packet(source_port, destination_port, tag, kind):
    """One INIT or INIT ACK chunk without parameters (RFC 9260, sections 3.1 to 3.3.3)."""
    chunk = struct.pack("!BBHIIHHI", kind, 0, 20, 0x1234, 65536, 1, 1, 1)
    header = struct.pack("!HHI", source_port, destination_port, tag)
    checked = crc32c(header + b"\0\0\0\0" + chunk)
    return header + struct.pack("<I", checked) + chunk


class _Ends:
    """One raw socket a pod and family: it answers INIT and hears INIT ACK."""

    def __init__(self, pods):
        self.selector = selectors.DefaultSelector()
        self.sockets = {}
        self.heard = set()  # (client pod, family, source port)
        for pod in pods:
            for family, kind in ((4, socket.AF_INET), (6, socket.AF_INET6)):
                raw = pod.socket(kind, socket.SOCK_RAW, socket.IPPROTO_SCTP)
                raw.setblocking(False)
                self.sockets[pod, family] = raw
                self.selector.register(raw, selectors.EVENT_READ, (pod, family))

    def serve(self, seconds):
        for key, _ in self.selector.select(seconds):
            pod, family = key.data
            data, sender = key.fileobj.recvfrom(2048)
            data = data[(data[0] & 15) * 4:] if family == 4 else data
            if len(data) < 32:
                continue
            source_port, destination_port = struct.unpack("!HH", data[:4])
            if data[12] == _INIT:
                key.fileobj.sendto(packet(destination_port, source_port, 0x1234, _INIT_ACK), (sender[0], 0))
            elif data[12] == _INIT_ACK:
                self.heard.add((pod, family, destination_port))

    def close(self):
        self.selector.close()
        for raw in self.sockets.values():
            raw.close()


def probe_all(targets, timeout=1.0):
    """targets: (source pod, destination pod, port, family). Returns outcomes in the same order."""
    ends = _Ends({pod for target in targets for pod in target[:2]})
    try:
        waiting = {(source, family, 20000 + index): (destination.ip(family), port)
                   for index, (source, destination, port, family) in enumerate(targets)}
        keys = list(waiting)
        started = time.monotonic()
        repeats = [0.0, timeout / 3, timeout * 2 / 3]
        while waiting.keys() - ends.heard and time.monotonic() < started + timeout:
            if repeats and time.monotonic() >= started + repeats[0]:
                repeats.pop(0)
                for key in waiting.keys() - ends.heard:
                    ip, port = waiting[key]
                    ends.sockets[key[:2]].sendto(packet(key[2], port, 0, _INIT), (ip, 0))
                    ends.serve(0)
            ends.serve(0.05)
        return [OPEN if key in ends.heard else TIMEOUT for key in keys]
    finally:
        ends.close()
