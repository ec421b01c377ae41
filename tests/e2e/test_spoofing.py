# SPDX-License-Identifier: Apache-2.0
"""What no pod may send is dropped, with the reason that fits, although policy allows everything."""

from harness import frames
from harness.case import NodeCase
from harness.frames import ICMPV6, TCP, UDP, ipv4, ipv6, ipv6_fragment, offload, udp
from harness.wait import wait_for

ALLOW_ALL = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all, namespace: lab}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}
"""


class Spoofing(NodeCase):
    PODS = {"lab/attacker": {"app": "attacker"}, "lab/victim": {"app": "victim"}, "lab/other": {"app": "other"}}
    POLICIES = {"lab.yaml": ALLOW_ALL}
    SERVERS = {"lab/victim": (("UDP", 9000), ("TCP", 9000))}

    def setUp(self):
        self.attacker, self.victim, self.other = (self.pods[f"lab/{name}"]
                                                  for name in ("attacker", "victim", "other"))
        self.sender = frames.FrameSender(self.attacker)
        self.sniffer = frames.Sniffer(self.victim)
        self.addCleanup(self.sender.close)
        self.addCleanup(self.sniffer.close)

    def datagram(self, family, source=None, payload=b"hello", port=9000):
        source = source or self.attacker.ip(family)
        make = ipv6 if family == 6 else ipv4
        target = self.victim.ip(family)
        return make(source, target, UDP, udp(source, target, 4242, port, payload))

    def assert_victim_saw(self, marker, expected):
        """Frames that hold `marker` and reached the victim: before an honest one that followed them did."""
        self.sender.send_ip(self.datagram(4, None, b"after " + marker[::-1]))
        frames_seen = []

        def has_followed():
            frames_seen.extend(self.sniffer.frames())
            return any(b"after " + marker[::-1] in frame for frame in frames_seen)
        wait_for("the frame that follows arrives", has_followed)
        self.assertEqual(sum(marker in frame for frame in frames_seen), expected)

    def test_honest_frames_pass(self):
        for family in (4, 6):
            with self.subTest(f"IPv{family}"):
                before = self.echo.count("lab/victim", 9000, "UDP")
                self.sender.send_ip(self.datagram(family))
                wait_for("the datagram arrives", lambda: self.echo.count("lab/victim", 9000, "UDP") > before)

    def test_spoofed_ip(self):
        for family in (4, 6):
            with self.subTest(f"IPv{family}"):
                packet = self.datagram(family, self.other.ip(family), b"spoofed-ip")
                self.assert_dropped("spoofed_ip", lambda: self.sender.send_ip(packet))
        self.assert_victim_saw(b"spoofed-ip", 0)

    def test_spoofed_mac(self):
        for family in (4, 6):
            with self.subTest(f"IPv{family}"):
                packet = self.datagram(family, None, b"spoofed-mac")
                self.assert_dropped("spoofed_mac", lambda: self.sender.send_ip(packet, source_mac=self.other.mac))
        self.assert_victim_saw(b"spoofed-mac", 0)

    def test_vlan_tagged(self):
        for family, kind in ((4, frames.IPV4), (6, frames.IPV6)):
            for tag in (0, 100):
                with self.subTest(f"IPv{family}, tag {tag}"):
                    frame = frames.vlan(self.attacker.mac, self.sender.gateway_mac, tag, kind,
                                        self.datagram(family, None, b"in-a-vlan"))
                    self.assert_dropped("vlan_tagged", lambda: self.sender.send(frame))
        self.assert_victim_saw(b"in-a-vlan", 0)

    def test_router_advertisement(self):
        sources = {"its own link-local address": frames.link_local(self.attacker.mac),
                   "its own address": self.attacker.ip(6), "a stranger's": "fe80::bad"}
        for whose, source in sources.items():
            with self.subTest(whose):
                packet = ipv6(source, "ff02::1", ICMPV6, frames.router_advertisement(source), hop_limit=255)
                frame = frames.ethernet(self.attacker.mac, "33:33:00:00:00:01", frames.IPV6, packet)
                self.assert_dropped("rogue_router_advertisement", lambda: self.sender.send(frame))
        self.assertFalse([frame for frame in self.sniffer.frames() if frame[12:14] == b"\x86\xdd"
                          and frame[20] == ICMPV6 and frame[54] == 134])

    def test_arp_for_another_pod(self):
        body = (b"\0\1\x08\0\6\4\0\2" + frames.mac_bytes(self.attacker.mac) + frames.packed(self.other.ip(4))
                + frames.mac_bytes(self.victim.mac) + frames.packed(self.victim.ip(4)))
        frame = frames.ethernet(self.attacker.mac, self.sender.gateway_mac, frames.ARP, body)
        self.assert_dropped("bad_arp", lambda: self.sender.send(frame))

    def test_tiny_first_fragment(self):
        source, target = self.attacker.ip(4), self.victim.ip(4)
        self.assert_dropped("fragment_tiny", lambda: self.sender.send_ip(
            ipv4(source, target, TCP, frames.tcp(source, target, 1, 9000)[:8], identity=1, more=True)))
        source, target = self.attacker.ip(6), self.victim.ip(6)
        self.assert_dropped("fragment_tiny", lambda: self.sender.send_ip(
            ipv6_fragment(source, target, TCP, frames.tcp(source, target, 1, 9000)[:8], 1, 0, True)))

    def fragments(self, family, identity, payload):
        """A datagram in three: bytes 0-63, 64-127, the rest; as send(offset, more) and its bytes."""
        source, target = self.attacker.ip(family), self.victim.ip(family)
        whole = udp(source, target, 4242, 9000, payload)

        def piece(start, end, more):
            if family == 4:
                return ipv4(source, target, UDP, whole[start:end], identity, start, more)
            return ipv6_fragment(source, target, UDP, whole[start:end], identity, start, more)
        return piece

    def test_overlapping_fragments_poison_the_datagram(self):
        for family in (4, 6):
            with self.subTest(f"IPv{family}"):
                piece = self.fragments(family, 70 + family, b"o" * 192)
                before = self.echo.count("lab/victim", 9000, "UDP")

                def send():
                    self.sender.send_ip(piece(0, 64, True))
                    self.sender.send_ip(piece(56, 128, True))
                    self.sender.send_ip(piece(128, 200, False))
                self.assert_dropped("fragment_overlap", send, at_least=2)
                self.assertEqual(self.echo.count("lab/victim", 9000, "UDP"), before)

    def test_a_later_fragment_that_comes_first_waits_for_the_first(self):
        for family in (4, 6):
            with self.subTest(f"IPv{family}"):
                piece = self.fragments(family, 80 + family, b"l" * 192)
                before = self.echo.count("lab/victim", 9000, "UDP")
                self.sender.send_ip(piece(128, 200, False))
                self.sender.send_ip(piece(64, 128, True))
                self.sender.send_ip(piece(0, 64, True))
                wait_for("the datagram arrives whole", lambda: self.echo.count("lab/victim", 9000, "UDP") > before)

    def test_a_later_fragment_without_a_first_is_dropped(self):
        for family in (4, 6):
            with self.subTest(f"IPv{family}"):
                piece = self.fragments(family, 90 + family, b"orphan" * 32)
                self.assert_dropped("fragment_orphan", lambda: self.sender.send_ip(piece(64, 128, True)))
        self.assert_victim_saw(b"orphan", 0)

    def test_an_offload_that_would_overwrite_the_port_is_dropped(self):
        for family, network in ((4, 20), (6, 40)):
            with self.subTest(f"IPv{family}"):
                evil = offload(frames.NEEDS_CSUM, csum_start=14 + network, csum_offset=2)
                packet = self.datagram(family, None, b"evil-offset")
                self.assert_dropped("bad_offload", lambda: self.sender.send_ip(packet, evil))
        self.assert_victim_saw(b"evil-offset", 0)

    def test_a_segment_size_of_one_is_dropped(self):
        for family, network, gso in ((4, 20, frames.GSO_TCPV4), (6, 40, frames.GSO_TCPV6)):
            with self.subTest(f"IPv{family}"):
                source, target = self.attacker.ip(family), self.victim.ip(family)
                segment = frames.tcp(source, target, 4243, 9000, 0x10, b"gso-of-one" * 2000)
                packet = (ipv6 if family == 6 else ipv4)(source, target, TCP, segment)
                evil = offload(frames.NEEDS_CSUM, gso, 14 + network + 20, 1, 14 + network, 16)
                self.assert_dropped("bad_offload", lambda: self.sender.send_ip(packet, evil))
        self.assert_victim_saw(b"gso-of-one", 0)

    def test_frames_of_no_known_kind(self):
        frame = frames.ethernet(self.attacker.mac, self.sender.gateway_mac, 0x88CC, b"lldp" * 20)
        self.assert_dropped("bad_ethernet", lambda: self.sender.send(frame))

    def test_tunnels(self):
        source, target = self.attacker.ip(4), self.victim.ip(4)
        inner = self.datagram(4, None, b"in-a-tunnel")
        self.assert_dropped("tunnel", lambda: self.sender.send_ip(ipv4(source, target, 4, inner)))
        self.assert_victim_saw(b"in-a-tunnel", 0)

    def test_sources_that_no_packet_may_have(self):
        for source in ("::ffff:10.88.0.9", "::10.88.0.9", "::1", "ff02::1", "127.0.0.1", "224.0.0.1"):
            with self.subTest(source):
                packet = self.datagram(6 if ":" in source else 4, source, b"bad-source")
                self.assert_dropped("bad_source", lambda: self.sender.send_ip(packet))
        self.assert_victim_saw(b"bad-source", 0)
