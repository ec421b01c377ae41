# SPDX-License-Identifier: Apache-2.0
"""Pods are closed before they start: not one packet slips out while a pod is being wired."""

import errno
import socket
import threading

from harness.case import NodeCase, note
from harness.pod import Pod
from harness.wait import wait_for

STARTS = 200

POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: friends, namespace: friends}
spec: {egress: [{to: [{namespace: servers}], ports: [UDP/9000]}]}
---
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: strangers, namespace: strangers}
spec: {egress: [{to: [{namespace: servers}], ports: [UDP/9000]}]}
---
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: servers, namespace: servers}
spec: {ingress: [{from: [{namespace: friends}], ports: [UDP/9000]}]}
"""


class EagerSender:
    """Sends datagrams from inside a namespace from before it has an interface until stop()."""

    def __init__(self, namespace, targets, port):
        self.sockets = [(namespace.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM),
                         (ip, port)) for ip in targets]
        self.sent = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._send, daemon=True)
        self.thread.start()

    def _send(self):
        while not self.stopping.is_set():
            for sender, target in self.sockets:
                try:
                    sender.sendto(b"first", target)
                    self.sent += 1
                except OSError as error:
                    if error.errno not in (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.EHOSTUNREACH,
                                           errno.ENOBUFS, errno.EACCES, errno.EINVAL):
                        raise
            self.stopping.wait(0.0005)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        for sender, _ in self.sockets:
            sender.close()


class FirstPacket(NodeCase):
    PODS = {"servers/echo": {"app": "echo"}}
    POLICIES = {"policy.yaml": POLICY}
    SERVERS = {"servers/echo": (("UDP", 9000),)}

    def start_and_send(self, full_name, until):
        """One start of a pod that sends from its first millisecond; returns what it sent."""
        pod = Pod(self.node, full_name)
        target = self.pods["servers/echo"]
        eager = EagerSender(pod.netns, [target.ip(4), target.ip(6)], 9000)
        try:
            pod.add()
            wait_for("the pod has sent something", lambda: until(eager), interval=0.002)
        finally:
            eager.stop()
            pod.close()
        return eager.sent

    def test_a_forbidden_pod_leaks_nothing_over_200_starts(self):
        before = self.echo.count("servers/echo", 9000, "UDP")
        dropped = self.node.metrics().drops("denied_ingress")
        sent = sum(self.start_and_send("strangers/pod", lambda eager: eager.sent >= 4) for _ in range(STARTS))
        self.assertEqual(self.echo.count("servers/echo", 9000, "UDP"), before)
        self.assertGreater(self.node.metrics().drops("denied_ingress"), dropped)
        note(f"{STARTS} starts, {sent} packets sent to a forbidden peer, 0 arrived")

    def test_an_allowed_pod_gets_through(self):
        before = self.echo.count("servers/echo", 9000, "UDP")
        self.start_and_send("friends/pod", lambda eager: self.echo.count("servers/echo", 9000, "UDP") > before)
        self.assertGreater(self.echo.count("servers/echo", 9000, "UDP"), before)
