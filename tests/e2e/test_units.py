# SPDX-License-Identifier: Apache-2.0
"""The systemd units: valid, and the data plane's flags follow config.yaml."""

import glob
import os
import re
import shlex
import shutil
import tempfile
import unittest

from harness.netns import run
from harness.node import Node
from harness.process import Process

UNITS = os.path.join(os.path.dirname(__file__), "..", "..", "deploy", "systemd")


class Units(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_systemd_finds_nothing_wrong(self):
        folder = tempfile.mkdtemp(prefix="bulkhead-e2e-units-")
        self.addCleanup(shutil.rmtree, folder)
        units = []
        for path in sorted(glob.glob(os.path.join(UNITS, "*.service"))):
            with open(path, encoding="utf-8") as unit:
                text = unit.read().replace("/usr/sbin/", Node.binaries + "/")
            units.append(os.path.join(folder, os.path.basename(path)))
            with open(units[-1], "w", encoding="utf-8") as out:
                out.write(text)
        self.assertEqual(len(units), 2)
        done = run("systemd-analyze", "verify", "--man=no", *units, check=False)
        ours = [line for line in (done.stdout + done.stderr).splitlines() if "bulkhead" in line]
        self.assertEqual((done.returncode, ours), (0, []))

    def unit_flags(self, node):
        """What ExecStartPre leaves for $FLAGS, split at spaces as systemd does."""
        with open(os.path.join(UNITS, "bulkhead-dataplane.service"), encoding="utf-8") as unit:
            text = unit.read()
        before = re.search(r"^ExecStartPre=-/usr/sbin/(\S+) (.*)$", text, re.M)
        done = run(os.path.join(node.binaries, before[1]), *shlex.split(before[2]), "--root", node.root, check=False)
        self.assertIn("EnvironmentFile=-/run/bulkhead/dataplane.env", text)
        with open(node.path("run/bulkhead/dataplane.env"), encoding="ascii") as lines:
            return done.returncode, shlex.split(lines.read().strip().removeprefix("FLAGS="))[0].split(" ")

    def test_the_data_plane_starts_as_the_configuration_says(self):
        node = Node(config={"workers": 2, "io": "epoll", "memory": "plain", "flows": {"max": 4096}})
        self.addCleanup(node.close)
        status, flags = self.unit_flags(node)
        self.assertEqual(status, 0)
        command = [os.path.join(node.binaries, "bulkhead-dataplane"), *flags]
        node.dataplane = Process("bulkhead-dataplane", command, node.path("dataplane.out"), node.host.path)
        node.start_agent()
        node.wait_ready()
        said = node.status()
        self.assertEqual((said["workers"], said["io_method"], said["flow_capacity"]), (2, "epoll", 4096))
        # A file that is broken later leaves what it said last.
        with open(node.path("etc/bulkhead/config.yaml"), "w", encoding="utf-8") as out:
            out.write("worker: 3\n")
        self.assertEqual(self.unit_flags(node), (1, flags))
