# SPDX-License-Identifier: Apache-2.0
"""The plugin against the real agent: add, check, delete, and what goes wrong with each."""

from harness.case import NodeCase
from harness.pod import CniError, Pod
from harness.probe import probe
from harness.wait import wait_for

POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec: {within: true}
"""


class Cni(NodeCase):
    PODS = {"lab/fixed": {"app": "fixed"}}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {"lab/fixed": (("TCP", 80),)}

    def new_pod(self, full_name="lab/passing"):
        pod = Pod(self.node, full_name)
        self.addCleanup(pod.close)
        return pod

    def is_attached(self, pod):
        return any(endpoint["container_id"] == pod.container for endpoint in self.node.endpoints())

    def test_version_names_the_versions_of_the_specification(self):
        reply = self.pods["lab/fixed"].cni("VERSION")
        for version in ("0.3.1", "0.4.0", "1.0.0"):
            self.assertIn(version, reply["supportedVersions"])

    def test_add_check_and_delete(self):
        pod = self.new_pod()
        added = pod.cni("ADD")
        pod.is_added = True
        pod.ips = [entry["address"].split("/")[0] for entry in added["ips"]]
        self.assertEqual({"." in ip for ip in pod.ips}, {True, False})
        self.assertLessEqual(set(pod.ips), self.node.leases())
        pod.cni("CHECK", conf={**self.node.cni_conf(), "prevResult": added})
        for family in (4, 6):
            self.assert_open(pod, self.pods["lab/fixed"].ip(family), "TCP", 80)
        pod.delete()
        self.assertFalse(self.is_attached(pod))
        self.assertFalse(set(pod.ips) & self.node.leases())
        self.assertNotIn("eth0", pod.netns.ip("link", "show").stdout)

    def test_delete_succeeds_twice_and_for_the_unknown(self):
        pod = self.new_pod().add()
        pod.delete()
        pod.delete()
        self.new_pod().delete()

    def test_delete_works_after_the_namespace_is_gone(self):
        pod = self.new_pod().add()
        pod.netns.close()
        pod.delete(netns="")
        self.assertFalse(self.is_attached(pod))
        self.assertFalse(set(pod.ips) & self.node.leases())

    def test_a_refused_add_leaves_nothing_behind(self):
        pod = self.new_pod()
        pod.netns.ip("link", "add", "eth0", "type", "bridge")
        leases = self.node.leases()
        with self.assertRaises(CniError) as refused:
            pod.cni("ADD")
        self.assertIn("eth0", refused.exception.message)
        self.assertEqual(self.node.leases(), leases)
        self.assertFalse(self.is_attached(pod))

    def test_a_pod_without_a_name_is_refused_with_code_7(self):
        leases = self.node.leases()
        with self.assertRaises(CniError) as refused:
            self.new_pod().cni("ADD", name=False)
        self.assertEqual(refused.exception.code, 7)
        self.assertIn("BULKHEAD_POD", refused.exception.message)
        self.assertEqual(self.node.leases(), leases)

    def test_the_environment_names_a_pod(self):
        pod = self.new_pod()
        pod.add(name=False, extra={"BULKHEAD_POD": "lab/by-environment"})
        endpoint = next(e for e in self.node.endpoints() if e["container_id"] == pod.container)
        self.assertEqual((endpoint["pod_namespace"], endpoint["pod_name"]), ("lab", "by-environment"))

    def test_a_lost_delete_is_noticed_and_the_address_freed(self):
        pod = self.new_pod().add()
        fixed = self.pods["lab/fixed"]
        addresses = {family: pod.ip(family) for family in (4, 6)}
        for family in (4, 6):
            self.assert_open(pod, fixed.ip(family), "TCP", 80)
        pod.netns.close()
        wait_for("the endpoint is gone", lambda: not self.is_attached(pod), timeout=10, interval=0.1)
        for family in (4, 6):
            self.assert_dropped("unknown_peer", lambda: probe(fixed, addresses[family], "TCP", 80, 0.5))
        successor = self.new_pod("lab/successor")
        conf = self.node.cni_conf()
        conf["ipam"] = {"type": "static", "addresses": [{"address": f"{addresses[4]}/16"},
                                                        {"address": f"{addresses[6]}/64"}]}
        successor.add(conf=conf)
        for family in (4, 6):
            self.assertEqual(successor.ip(family), addresses[family])
            self.assert_open(successor, fixed.ip(family), "TCP", 80)
        successor.cni("DEL", conf=conf)
        successor.is_added = False
        pod.delete(netns="")
        self.assertFalse(set(addresses.values()) & self.node.leases())

    def test_an_undeclared_namespace_is_closed(self):
        pod = self.new_pod("nobody/wrote-a-policy").add()
        for family in (4, 6):
            self.assert_silent(pod, self.pods["lab/fixed"].ip(family), "TCP", 80)


class AgentDead(NodeCase):
    PODS = {"lab/fixed": {"app": "fixed"}}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {"lab/fixed": (("TCP", 80),)}

    def test_delete_with_the_agent_dead_succeeds_and_is_applied_later(self):
        pod = Pod(self.node, "lab/passing").add()
        self.addCleanup(pod.close)
        self.node.agent.kill()
        pod.delete()
        self.assertFalse(set(pod.ips) & self.node.leases())
        early = Pod(self.node, "lab/too-early")
        self.addCleanup(early.netns.close)
        with self.assertRaises(CniError) as refused:
            early.add()
        self.assertEqual(refused.exception.code, 11)
        self.assertEqual(self.node.leases(), set(self.pods["lab/fixed"].ips))
        self.node.start_agent()
        self.node.wait_ready()
        wait_for("the tombstone is applied",
                 lambda: all(e["container_id"] != pod.container for e in self.node.endpoints()))
        self.assertEqual(len(self.node.endpoints()), 1)
        again = self.node.pod("lab/again")
        for family in (4, 6):
            self.assert_open(again, self.pods["lab/fixed"].ip(family), "TCP", 80)
