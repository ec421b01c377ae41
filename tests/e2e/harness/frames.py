# SPDX-License-Identifier: Apache-2.0
"""Frames made by hand, and sent from inside a pod with a virtio-net header of our choice."""

import socket
import struct

from harness.probe import checksum

GATEWAY_V4, GATEWAY_V6 = "169.254.1.1", "fe80::1"
IPV4, IPV6, ARP, VLAN = 0x0800, 0x86DD, 0x0806, 0x8100
TCP, UDP, ICMP, ICMPV6, FRAGMENT = 6, 17, 1, 58, 44
_SOL_PACKET, _PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 263, 15, 23
NEEDS_CSUM = 1
GSO_NONE, GSO_TCPV4, GSO_UDP, GSO_TCPV6 = 0, 1, 3, 4


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def packed(ip):
    return socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)


def ethernet(source, destination, kind, payload):
    return mac_bytes(destination) + mac_bytes(source) + struct.pack("!H", kind) + payload


def vlan(source, destination, tag, kind, payload):
    return mac_bytes(destination) + mac_bytes(source) + struct.pack("!HHH", VLAN, tag, kind) + payload


def ipv4(source, destination, protocol, payload, identity=0, fragment=0, more=False, ttl=64):
    """`fragment` is the offset in bytes, a multiple of 8."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identity,
                       (0x2000 if more else 0) | fragment // 8, ttl, protocol, 0, packed(source), packed(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(source, destination, protocol, payload, hop_limit=64):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, hop_limit, packed(source),
                       packed(destination)) + payload


def ipv6_fragment(source, destination, protocol, payload, identity, fragment, more):
    header = struct.pack("!BBHI", protocol, 0, fragment | (1 if more else 0), identity)
    return ipv6(source, destination, FRAGMENT, header + payload)


def pseudo(source, destination, protocol, length):
    if ":" in source:
        return packed(source) + packed(destination) + struct.pack("!IxxxB", length, protocol)
    return packed(source) + packed(destination) + struct.pack("!xBH", protocol, length)


def udp(source, destination, source_port, port, payload):
    """`source` and `destination` are addresses, for the checksum."""
    head = struct.pack("!HHHH", source_port, port, 8 + len(payload), 0)
    value = checksum(pseudo(source, destination, UDP, 8 + len(payload)) + head + payload) or 0xFFFF
    return head[:6] + struct.pack("!H", value) + payload


def tcp(source, destination, source_port, port, flags=0x02, payload=b"", sequence=1):
    head = struct.pack("!HHIIBBHHH", source_port, port, sequence, 0, 0x50, flags, 65535, 0, 0)
    value = checksum(pseudo(source, destination, TCP, len(head) + len(payload)) + head + payload)
    return head[:16] + struct.pack("!H", value) + head[18:] + payload


def icmpv6(source, destination, kind, body):
    message = struct.pack("!BBH", kind, 0, 0) + body
    value = checksum(pseudo(source, destination, ICMPV6, len(message)) + message)
    return message[:2] + struct.pack("!H", value) + message[4:]


def link_local(mac):
    """The address that the interface would give itself (RFC 4291, appendix A)."""
    octets = mac_bytes(mac)
    tail = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + tail)


def router_advertisement(source):
    return icmpv6(source, "ff02::1", 134, struct.pack("!BBHII", 64, 0, 1800, 0, 0))


def offload(flags=0, gso_type=GSO_NONE, header_bytes=0, gso_size=0, csum_start=0, csum_offset=0):
    """struct virtio_net_hdr, native byte order."""
    return struct.pack("=BBHHHH", flags, gso_type, header_bytes, gso_size, csum_start, csum_offset)


class FrameSender:
    """Sends whole frames out of a pod's eth0, as a container with CAP_NET_RAW can."""

    def __init__(self, pod):
        self.pod = pod
        self.socket = pod.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
        self.socket.bind(("eth0", 0))
        self.gateway_mac = self._gateway_mac()

    def _gateway_mac(self):
        for line in self.pod.netns.ip("neigh", "show", "dev", "eth0").stdout.splitlines():
            words = line.split()
            if words[0] in (GATEWAY_V4, GATEWAY_V6) and "lladdr" in words:
                return words[words.index("lladdr") + 1]
        raise AssertionError(f"{self.pod} has no neighbour entry for its gateway")

    def send(self, frame, header=None):
        self.socket.send((header or offload()) + frame)

    def send_ip(self, packet, header=None, source_mac=None):
        kind = IPV6 if packet[0] >> 4 == 6 else IPV4
        self.send(ethernet(source_mac or self.pod.mac, self.gateway_mac, kind, packet), header)

    def close(self):
        self.socket.close()


class Sniffer:
    """Counts frames that reach a pod's eth0 and fit."""

    def __init__(self, pod):
        self.socket = pod.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        self.socket.bind(("eth0", 3))
        self.socket.setblocking(False)

    def frames(self):
        """Everything that arrived since the last call."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(65536))
            except BlockingIOError:
                return found

    def close(self):
        self.socket.close()
