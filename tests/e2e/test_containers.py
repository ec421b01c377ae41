# SPDX-License-Identifier: Apache-2.0
"""Real containers through containerd and the same plugin."""

import shutil
import unittest

from harness.case import NodeCase
from harness.containerd import Containerd
from harness.wait import wait_for

POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: shop, namespace: shop}
spec:
  ingress: [{from: [{namespace: visitors, pods: {app: guest}}], ports: [TCP/8080]}]
---
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: visitors, namespace: visitors}
spec: {egress: [{to: [{namespace: shop}]}]}
"""
LABELS = {"shop/till": {"app": "till"}, "visitors/guest": {"app": "guest"}, "visitors/thief": {"app": "thief"}}


@unittest.skipUnless(shutil.which("containerd") and shutil.which("runc"), "containerd and runc are not installed")
class Containers(NodeCase):
    POLICIES = {"shop.yaml": POLICY}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node.declare(LABELS)
        cls.runtime = Containerd(cls.node)
        cls.containers = {"shop/till": cls.runtime.start("shop/till", "nc", "-ll", "-p", "8080", "-e", "echo", "paid"),
                          "visitors/guest": cls.runtime.start("visitors/guest"),
                          "visitors/thief": cls.runtime.start("visitors/thief")}

    @classmethod
    def tearDownClass(cls):
        cls.runtime.close()
        super().tearDownClass()

    def addresses(self, pod):
        return next(e["ips"] for e in self.node.endpoints() if f"{e['pod_namespace']}/{e['pod_name']}" == pod)

    def ask(self, client, ip):
        return self.runtime.run_in(self.containers[client], "nc", "-w", "2", ip, "8080").stdout

    def test_containers_obey_policy_in_both_families(self):
        for ip in self.addresses("shop/till"):
            with self.subTest(ip):
                wait_for("the guest is served", lambda: "paid" in self.ask("visitors/guest", ip))
                self.assertNotIn("paid", self.ask("visitors/thief", ip))

    def test_a_container_whose_delete_was_lost_is_noticed(self):
        """`ctr run -d` never calls DEL."""
        container = self.runtime.start("visitors/passing")
        self.assertTrue(self.addresses("visitors/passing"))
        self.runtime.remove(container)
        wait_for("the endpoint is gone", lambda: all(e["pod_name"] != "passing" for e in self.node.endpoints()),
                 timeout=10, interval=0.1)
