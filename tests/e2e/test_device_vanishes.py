# SPDX-License-Identifier: Apache-2.0
"""What is at the other end of a DPDK device goes away: for a while, or for good. Everybody else goes on."""

from harness.probe import TIMEOUT, probe
from harness.stream import Stream
from harness.wait import wait_for
from test_device_ports import IPS, DeviceCase

PODS = {"lab/server": {"app": "server"}, "lab/other": {"app": "other"}, "stray/pod": {"app": "stray"}}


class _Devices(DeviceCase):
    PODS = PODS
    SERVERS = {name: (("TCP", 9000), ("UDP", 9000)) for name in PODS}


class DevicePeerRestarts(_Devices):
    def test_a_peer_that_comes_back_is_reached_again(self):
        streams = {family: Stream(self.pods["lab/server"], IPS[family], "UDP", 9000, per_second=200)
                   for family in (4, 6)}
        for stream in streams.values():
            self.addCleanup(stream.stop, drain=0)
            wait_for("the stream flows", lambda s=stream: s.replies > 50)
        self.node.host.ip("link", "set", "dpdk0", "down")
        for stream in streams.values():
            wait_for("the stream stops", lambda s=stream: s.is_quiet_for(0.3))
        self.assert_silent(self.pods["lab/server"], IPS[4], "UDP", 9000)
        self.assert_open(self.pods["lab/server"], self.pods["lab/other"].ip(4), "TCP", 9000)
        self.node.host.ip("link", "set", "dpdk0", "up")
        for family, stream in streams.items():
            at_return = stream.replies
            wait_for(f"the IPv{family} stream goes on", lambda s=stream, n=at_return: s.replies > n + 50)
        self.assert_enforced()
        self.node.conservation()


class DeviceVanishes(_Devices):
    def test_the_others_go_on_and_nothing_is_unaccounted_for(self):
        streams = [Stream(self.pods["lab/server"], self.pods["lab/other"].ip(family), "UDP", 9000, per_second=300)
                   for family in (4, 6)]
        for stream in streams:
            self.addCleanup(stream.stop, drain=0)
            wait_for("the stream flows", lambda s=stream: s.replies > 50)
        self.node.host.ip("link", "del", "dpdk0")
        for family in (4, 6):
            for protocol in ("TCP", "UDP"):
                self.assertEqual(probe(self.pods["lab/server"], IPS[family], protocol, 9000), TIMEOUT)
        self.assertTrue(self.node.dataplane.is_running())
        for stream in streams:
            at_end = stream.replies
            wait_for("the others go on", lambda s=stream, n=at_end: s.replies > n + 50)
            self.assertEqual(stream.stop(), 0)
        self.assert_silent(self.pods["stray/pod"], self.pods["lab/server"].ip(4), "TCP", 9000)
        self.node.conservation()
