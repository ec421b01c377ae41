# SPDX-License-Identifier: Apache-2.0
"""A pod behind a DPDK device (`ports` of the configuration): AF_PACKET on a veth pair, real traffic."""

import array
import fcntl
import os
import socket
import struct

from harness import frames
from harness.case import NodeCase, note
from harness.netns import Namespace, inside
from harness.node import Node
from harness.stream import Stream
from harness.wait import wait_for

DEVICE = "net_af_packet0"
MAC = "02:00:00:00:99:01"
IPS = {4: "10.88.99.1", 6: "fd88::99:1"}
POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec:
  within: true
"""
_SIOCETHTOOL, _ETHTOOL_STXCSUM, _ETHTOOL_STSO, _ETHTOOL_SGSO = 0x8946, 0x17, 0x1F, 0x24


def switch_offloads_off(namespace, device):
    """As who wires such a port must: the kernel leaves checksums to a device that is none."""
    with inside(namespace.path), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in (_ETHTOOL_STXCSUM, _ETHTOOL_STSO, _ETHTOOL_SGSO):
            value = array.array("B", struct.pack("II", command, 0))
            request = struct.pack("16sP", device.encode(), value.buffer_info()[0])
            fcntl.ioctl(control, _SIOCETHTOOL, request)


class DeviceNode(Node):
    """Its data plane opens one end of a veth pair; a namespace with the other end plays the pod."""

    def __init__(self, **options):
        super().__init__(**options)
        self.device_pod = Namespace("dpdk")
        self.host.ip("link", "add", "dpdk0", "type", "veth", "peer", "name", "eth0", "netns", self.device_pod.name)
        self.host.ip("link", "set", "dpdk0", "up")
        for device, namespace in (("dpdk0", self.host), ("eth0", self.device_pod)):
            switch_offloads_off(namespace, device)
        pod = self.device_pod
        pod.ip("link", "set", "eth0", "address", MAC, "up")
        pod.ip("addr", "add", f"{IPS[4]}/32", "dev", "eth0")
        pod.ip("addr", "add", f"{IPS[6]}/128", "dev", "eth0", "nodad")
        pod.ip("route", "add", frames.GATEWAY_V4, "dev", "eth0", "scope", "link")
        pod.ip("route", "add", "default", "via", frames.GATEWAY_V4, "dev", "eth0")
        pod.ip("-6", "route", "add", "default", "via", frames.GATEWAY_V6, "dev", "eth0")

    def start_dataplane(self):
        command = [os.path.join(self.binaries, "bulkhead-dataplane"), "--root", self.root, "--workers", "1",
                   "--port", f"{DEVICE},iface=dpdk0"]
        self.dataplane = self.process("bulkhead-dataplane", command)

    def process(self, name, command):
        from harness.process import Process
        return Process(name, command, self.path("dataplane.out"), self.host.path)

    def close(self, keep_logs=False):
        super().close(keep_logs)
        self.device_pod.close()


class DevicePod:
    """What the probes need of a pod."""

    mac = MAC

    def __init__(self, namespace):
        self.netns = namespace

    def ip(self, family):
        return IPS[family]

    def socket(self, *arguments):
        return self.netns.socket(*arguments)

    def __repr__(self):
        return "lab/device"


class DeviceCase(NodeCase):
    """The pod lab/device, its servers, and others."""

    NODE = DeviceNode
    CONFIG = {"ports": [{"devargs": f"{DEVICE},iface=dpdk0", "pod": "lab/device", "mac": MAC, "ips": list(IPS.values())}]}
    PODS = {"lab/server": {"app": "server"}, "stray/pod": {"app": "stray"}}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {name: (("TCP", 9000), ("UDP", 9000)) for name in PODS}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pods["lab/device"] = DevicePod(cls.node.device_pod)
        for protocol in ("TCP", "UDP"):
            cls.echo.listen(cls.node.device_pod, "lab/device", 9000, protocol)

    def assert_enforced(self):
        self.assert_reach(
            allowed=[(*pair, protocol, 9000) for protocol in ("TCP", "UDP")
                     for pair in (("lab/device", "lab/server"), ("lab/server", "lab/device"))],
            denied=[(*pair, protocol, 9000) for protocol in ("TCP", "UDP")
                    for pair in (("stray/pod", "lab/device"), ("lab/device", "stray/pod"))])


class DevicePorts(DeviceCase):
    def test_allowed_passes_and_denied_times_out_both_ways(self):
        self.assert_enforced()

    def test_what_the_pod_forges_is_dropped(self):
        server = self.pods["lab/server"]
        self.assert_open(self.pods["lab/device"], server.ip(4), "TCP", 9000)  # it has met its gateway
        sender = frames.FrameSender(self.pods["lab/device"])
        self.addCleanup(sender.close)
        for family, make, forged in ((4, frames.ipv4, "10.88.99.2"), (6, frames.ipv6, "fd88::99:2")):
            datagram = frames.udp(forged, server.ip(family), 4000, 9000, b"not me")
            before = self.echo.count("lab/server", 9000, "UDP")
            self.assert_dropped("spoofed_ip", lambda: sender.send_ip(make(forged, server.ip(family), frames.UDP, datagram)))
            self.assertEqual(self.echo.count("lab/server", 9000, "UDP"), before)

    def test_what_would_need_segmentation_is_dropped_and_the_connection_goes_on(self):
        """A pod's TAP hands over large segments; the device has no hardware to cut them."""
        source = self.pods["lab/server"].socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(source.close)
        source.settimeout(20)
        source.connect((IPS[4], 9000))
        self.assert_dropped("needs_segmentation", lambda: source.sendall(b"x" * 60000))
        # Retransmissions are cut by the sender's own kernel: slow, but nothing is lost.
        wait_for("the data comes back", lambda: len(source.recv(65536)) > 0)

    def test_a_restarted_agent_adopts_the_device_without_a_loss(self):
        stream = Stream(self.pods["lab/server"], IPS[4], "UDP", 9000, per_second=500)
        self.addCleanup(stream.stop, drain=0)
        wait_for("the stream flows", lambda: stream.replies > 100)
        self.node.agent.kill()
        self.node.start_agent()
        self.node.wait_ready()
        at_restart = stream.sent
        wait_for("the stream outlives the restart", lambda: stream.sent > at_restart + 200)
        lost = stream.stop()
        note(f"agent restarted, to a device: {stream.sent} sent, {lost} lost")
        self.assertEqual(lost, 0)
        self.assert_enforced()

    def test_a_killed_data_plane_opens_the_device_again(self):
        self.node.dataplane.kill()
        self.node.start_dataplane()
        self.node.wait_ready()
        self.assert_enforced()

    def test_the_address_of_the_device_is_nobody_elses(self):
        from harness.pod import CniError, Pod
        conf = self.node.cni_conf()
        conf["ipam"]["ranges"] = [[{"subnet": "10.88.0.0/16", "rangeStart": IPS[4], "rangeEnd": IPS[4]}]]
        thief = Pod(self.node, "lab/thief")
        self.addCleanup(thief.close)
        with self.assertRaises(CniError) as refused:
            thief.add(conf=conf)
        self.assertIn("lab/device", str(refused.exception))
        self.assert_open(self.pods["lab/server"], IPS[4], "TCP", 9000)
