# SPDX-License-Identifier: Apache-2.0
"""Really reserved hugepages: taken when they are there, and a clear line when they are not."""

import contextlib
import unittest

from harness.case import NodeCase, ReachCase, note
from harness.node import Node
from harness.wait import wait_for

PAGES = "/proc/sys/vm/nr_hugepages"
ENOUGH = 64  # of 2 MB: the pools of one worker take 84 MB
POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec: {within: true}
"""


def meminfo():
    with open("/proc/meminfo", encoding="ascii") as lines:
        return {name: int(value.split()[0]) for name, value in (line.split(":") for line in lines)}


def reserve(count):
    with open(PAGES, "w", encoding="ascii") as out:
        out.write(str(count))
    return meminfo()


@contextlib.contextmanager
def reserved(free):
    """`free` hugepages more than others use; given back afterwards."""
    before = meminfo()
    if before["MemAvailable"] < 4 * free * before["Hugepagesize"]:
        raise unittest.SkipTest("too little memory is free to reserve hugepages")
    in_use = before["HugePages_Total"] - before["HugePages_Free"] + before["HugePages_Rsvd"]
    try:
        if reserve(in_use + free)["HugePages_Free"] < free:
            raise unittest.SkipTest("this machine gives no hugepages")
        yield
    finally:
        reserve(before["HugePages_Total"])


class _Reserved:
    PODS = {"lab/client": {"app": "client"}, "lab/server": {"app": "server"}, "stray/pod": {"app": "stray"}}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {"lab/server": (("TCP", 9000), ("UDP", 9000))}

    @classmethod
    def setUpClass(cls):
        pages = contextlib.ExitStack()
        cls.addClassCleanup(pages.close)
        pages.enter_context(reserved(ENOUGH))
        super().setUpClass()

    def test_the_data_plane_lives_in_them_and_enforces(self):
        self.assert_reach(allowed=[("lab/client", "lab/server", protocol, 9000) for protocol in ("TCP", "UDP")],
                          denied=[("stray/pod", "lab/server", protocol, 9000) for protocol in ("TCP", "UDP")])
        self.assertIn("memory hugepages", self.node.dataplane.log_text())
        used = meminfo()
        self.assertLess(used["HugePages_Free"], used["HugePages_Total"])
        note(f"{used['HugePages_Total'] - used['HugePages_Free']} hugepages in use")


class HugepagesDemanded(_Reserved, NodeCase):
    CONFIG = {"memory": "hugepages"}


class HugepagesFound(_Reserved, NodeCase):
    CONFIG = {"memory": "auto"}


class TooFewHugepages(ReachCase):
    def start(self, memory):
        node = Node(config={"memory": memory})
        self.addCleanup(node.close)
        node.start_dataplane()
        return node

    def test_demanded_in_vain_is_an_error_before_anything_starts(self):
        with reserved(8):
            node = self.start("hugepages")
            wait_for("it gives up", lambda: not node.dataplane.is_running())
            self.assertEqual(node.dataplane.child.returncode, 1)
            lines = node.dataplane.log_text().splitlines()
            self.assertEqual(len(lines), 1, lines)
            self.assertRegex(lines[0], r"memory: hugepages needs \d+ MB, \d+ MB are free; reserve them "
                                       r"\(sysctl vm.nr_hugepages=\d+\) or set memory: auto")

    def test_auto_runs_without(self):
        with reserved(8):
            node = self.start("auto")
            node.start_agent()
            node.wait_ready()
            self.assertIn("memory plain", node.dataplane.log_text())
