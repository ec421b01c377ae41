# SPDX-License-Identifier: Apache-2.0
"""Chosen conformance cases on real pods, step by step: policies, labels and namespaces are edited under live
pods, and every cell of each truth table is tried, in both families."""

import resource
import unittest

from harness import conformance, sctp
from harness.case import PATIENCE, note
from harness.echo import Echo
from harness.node import Node
from harness.pod import Pod
from harness.probe import OPEN, TIMEOUT, probe_all

CASES = (
    "upstream/01_default_deny_ingress.yaml",
    "upstream/08_namespaceselector_with_matchexpressions.yaml",
    "upstream/10_podselector_and_namespaceselector.yaml",
    "upstream/15_stacked_policies_with_overlapping_podselectors.yaml",
    "upstream/18_ingress_from_a_namespace_on_one_named_port.yaml",
    "upstream/19_egress_on_one_named_port.yaml",
    "upstream/20_an_updated_policy.yaml",
    "upstream/21_ingress_from_an_updated_namespace.yaml",
    "upstream/22_ingress_from_an_updated_pod.yaml",
    "upstream/24_ingress_denied_to_an_updated_pod.yaml",
    "upstream/27_ingress_and_egress_together.yaml",
    "upstream/31_ingress_allow_all_takes_precedence.yaml",
    "upstream/32_egress_allow_all_takes_precedence.yaml",
    "upstream/33_a_policy_stops_when_it_is_deleted.yaml",
    "upstream/35_the_except_clause_of_a_block.yaml",
    "upstream/36_an_address_that_one_block_excepts_and_another_allows.yaml",
    "upstream/37_ingress_and_egress_controlled_independently.yaml",
    "upstream/44_udp_ports.yaml",
    "upstream/47_sctp_ports.yaml",
    "upstream/egress_to_cidr_with_except.yaml",
    "upstream/end_port.yaml",
    "upstream/end_port_egress.yaml",
    "upstream/sctp_named_port.yaml",
    "tiers/admin_gress.yaml",
    "tiers/admin_ingress_named_port.yaml",
    "tiers/admin_integration.yaml",
    "tiers/admin_priority.yaml",
    "tiers/baseline_egress_cidr.yaml",
    "tiers/baseline_gress.yaml",
)
INVENTORIES = ("xyz.yaml", "houses.yaml")
BATCH = 400  # sockets at once


class ConformanceOnTheWire(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        cls.cases = {path: conformance.Case(path) for path in CASES}
        cls.echo = Echo()
        # Plain Kubernetes, as the suites expect it; the inventories' own addresses.
        cls.node = Node(config={"default": "allow"}, cidrs=("10.0.0.0/13", "fd00::/13"))
        try:
            cls.names, cls.pods, cls.start = {}, {}, conformance.Objects()
            for name in INVENTORIES:
                objects, addresses = conformance.inventory(name)
                cls.start.by_key.update(objects.by_key)
                cls.names[name] = addresses
            # One file holds everything, so that an edit of several objects is one change.
            cls.written = cls.start.text()
            cls.node.write_policy("cluster.yaml", cls.written)
            cls.node.start()
            for addresses in cls.names.values():
                for name, ips in addresses.items():
                    cls.pods[name] = cls.make_pod(name, ips)
            cls.listen()
        except BaseException:
            cls.echo.close()
            cls.node.close()
            raise

    @classmethod
    def make_pod(cls, name, ips):
        pod = Pod(cls.node, name)
        cls.node.pods.append(pod)
        conf = cls.node.cni_conf()
        conf["ipam"] = {"type": "static", "addresses": [{"address": f"{ip}/{128 if ':' in ip else 32}"} for ip in ips]}
        return pod.add(conf=conf)

    @classmethod
    def listen(cls):
        services = {(case.inventory, protocol, int(port)) for case in cls.cases.values()
                    for stage in case.stages for probes, _ in stage.blocks
                    for protocol, port in probes if protocol != "SCTP"}
        for inventory, protocol, port in sorted(services):
            for name in cls.names[inventory]:
                cls.echo.listen(cls.pods[name].netns, name, port, protocol)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.node.conservation()
        finally:
            cls.echo.close()
            cls.node.close()

    def observe(self, checks, timeout):
        """checks: (source, destination, protocol, port, family) -> outcomes by check."""
        observed = {}
        for start in range(0, len(checks), BATCH):
            batch = checks[start:start + BATCH]
            streams = [check for check in batch if check[2] != "SCTP"]
            targets = [(self.pods[source], self.pods[destination].ip(family), protocol, port)
                       for source, destination, protocol, port, family in streams]
            observed.update(zip(streams, probe_all(targets, timeout) if targets else ()))
            raw = [check for check in batch if check[2] == "SCTP"]
            targets = [(self.pods[source], self.pods[destination], port, family)
                       for source, destination, _, port, family in raw]
            observed.update(zip(raw, sctp.probe_all(targets, timeout) if targets else ()))
        return observed

    def put(self, text):
        """What is there already makes no new revision to wait for."""
        if text != self.written:
            self.node.apply("cluster.yaml", text)
            type(self).written = text

    def check_stage(self, pods, stage):
        """Tries every cell in both families; the outcomes expected, by check."""
        expected = {(*cell, family): OPEN if is_allowed else TIMEOUT
                    for cell, is_allowed in stage.cells(pods).items() for family in (4, 6)}
        observed = self.observe(list(expected), 1.0)
        late = [check for check, outcome in expected.items() if outcome == OPEN and observed[check] == TIMEOUT]
        if late:
            observed.update(self.observe(late, PATIENCE))
        wrong = [f"{check}: expected {outcome}, observed {observed[check]}"
                 for check, outcome in expected.items() if observed[check] != outcome]
        self.assertEqual(wrong[:20], [], f"{len(wrong)} of {len(expected)} cells")
        return expected

    def test_every_cell_of_each_truth_table(self):
        cells = steps = 0
        for path, case in self.cases.items():
            outcomes = set()
            for number, stage in enumerate(case.stages):
                with self.subTest(path, step=number):
                    self.put(stage.objects(self.start).text())
                    expected = self.check_stage(self.names[case.inventory], stage)
                    cells, steps = cells + len(expected), steps + 1
                    outcomes.update(expected.values())
            with self.subTest(path):
                self.assertEqual({OPEN, TIMEOUT}, outcomes, "a case that cannot fail both ways")
        note(f"{len(self.cases)} cases, {steps} steps, {cells} cells tried on the wire, both families")
