# SPDX-License-Identifier: Apache-2.0
"""A second agent or data plane on a root that has one: refused by one clear line, the first undisturbed."""

import os
import threading

from harness.case import NodeCase
from harness.process import Process
from harness.wait import wait_for

POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec: {within: true}
"""


class SecondStart(NodeCase):
    PODS = {"lab/client": {"app": "client"}, "lab/server": {"app": "server"}, "stray/pod": {"app": "stray"}}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {"lab/server": (("TCP", 9000),)}

    def assert_enforcement(self):
        self.assert_reach(allowed=[("lab/client", "lab/server", "TCP", 9000)],
                          denied=[("stray/pod", "lab/server", "TCP", 9000)])

    def start_again(self, program, *flags):
        return self.node.host.run(os.path.join(self.node.binaries, program), "--root", self.node.root, *flags,
                                  check=False, timeout=30)

    def assert_refused_start(self, done, program, pid):
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(f"another {program} (process {pid}) runs on this root", lines[0])

    def test_a_second_data_plane_is_refused(self):
        self.assert_refused_start(self.start_again("bulkhead-dataplane"), "bulkhead-dataplane",
                                  self.node.dataplane.pid)
        self.assert_enforcement()

    def test_a_second_agent_is_refused(self):
        for flags in ([], ["--supervise"], ["--unwire"]):
            with self.subTest(flags=flags):
                self.assert_refused_start(self.start_again("bulkhead-agent", *flags), "bulkhead-agent",
                                          self.node.agent.pid)
        self.assert_enforcement()

    def test_the_node_is_not_unwired_under_a_data_plane(self):
        self.assertEqual(self.node.agent.stop(), 0)
        self.assert_refused_start(self.start_again("bulkhead-agent", "--unwire"), "bulkhead-dataplane",
                                  self.node.dataplane.pid)
        self.node.start_agent()
        self.node.wait_ready()
        self.assert_enforcement()

    def test_of_many_that_start_at_once_one_runs(self):
        self.assertEqual(self.node.agent.stop(), 0)
        self.assertEqual(self.node.dataplane.stop(), 0)
        processes = {"bulkhead-dataplane": [], "bulkhead-agent": []}
        gate = threading.Barrier(8)

        def start(program):
            gate.wait()
            log = self.node.path(f"{program}.{threading.get_ident()}.out")
            command = [os.path.join(self.node.binaries, program), "--root", self.node.root]
            processes[program].append(Process(program, command, log, self.node.host.path))

        threads = [threading.Thread(target=start, args=(program,)) for program in processes for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for program, started in processes.items():
            wait_for(f"three of four {program} gave up",
                     lambda s=started: sum(p.is_running() for p in s) == 1, timeout=30)
            for process in started:
                if not process.is_running():
                    self.assertEqual(process.child.returncode, 1, process.log_text())
                    self.assertIn(f"another {program} (process ", process.log_text())
        self.node.dataplane = next(p for p in processes["bulkhead-dataplane"] if p.is_running())
        self.node.agent = next(p for p in processes["bulkhead-agent"] if p.is_running())
        self.node.wait_ready()
        self.assert_enforcement()
