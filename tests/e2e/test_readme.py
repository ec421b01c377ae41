# SPDX-License-Identifier: Apache-2.0
"""What the README shows is what the command prints, and the files we ship are accepted."""

import os
import re
import shlex
import subprocess
import tempfile
import unittest

from harness.node import Node

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Readme(unittest.TestCase):
    def test_the_first_policy_blocks_the_packet_it_is_said_to_block(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as text:
            readme = text.read()
        policy = re.search(r"```yaml\n(.*?)```", readme, re.S).group(1)
        command, shown = re.search(r"```\n\$ bulkhead (.*?)\n(.*?)```", readme, re.S).groups()
        self.assertEqual(len(policy.splitlines()), 5)
        with tempfile.TemporaryDirectory(prefix="bulkhead-e2e-readme-") as folder:
            with open(os.path.join(folder, "backend.yaml"), "w", encoding="utf-8") as out:
                out.write(policy)
            os.symlink(os.path.join(ROOT, "deploy"), os.path.join(folder, "deploy"))
            done = subprocess.run([os.path.join(Node.binaries, "bulkhead"), *shlex.split(command)], cwd=folder,
                                  capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        printed = iter(done.stdout.splitlines())
        for line in shown.splitlines():
            start = line.removesuffix("...")
            if start:
                self.assertTrue(any(one == line or (start != line and one.startswith(start)) for one in printed),
                                f"the README shows {line!r}; printed was:\n{done.stdout}")

    def test_the_shipped_configuration_is_valid(self):
        done = subprocess.run([os.path.join(Node.binaries, "bulkhead"), "policy", "matrix", "deploy/demo-policies",
                               "--config", "deploy/config.yaml"], cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_flags_for_systemd_are_the_data_plane_s_own(self):
        with open(os.path.join(ROOT, "deploy/systemd/bulkhead-dataplane.default"), encoding="utf-8") as text:
            flags = re.search(r'^#FLAGS="(.*)"$', text.read(), re.M).group(1)
        done = subprocess.run([os.path.join(Node.binaries, "bulkhead-dataplane"), *flags.split(), "--version"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
