# SPDX-License-Identifier: Apache-2.0
"""Each command's --help shows an example, and each example works: on the files of the repository, on a node."""

import os
import re
import subprocess
import unittest

from harness.case import NodeCase
from harness.node import Node

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What the answer may be: lint and the like have findings to tell, explain a denial.
FINDINGS = ("policy lint", "policy explain", "preflight", "report")
ENDLESS = ("flows",)


def bulkhead(*arguments):
    return subprocess.run([os.path.join(Node.binaries, "bulkhead"), *arguments], cwd=ROOT, capture_output=True,
                          text=True, check=False, timeout=60)


def commands():
    """Every command that has no sub-commands, as the completion script lists them."""
    script = bulkhead("completion", "bash").stdout
    words = dict(re.findall(r'"bulkhead ?([a-z -]*)"\) words="([^"]*)"', script))
    assert len(words) > 15, script
    return sorted(name for name in words if name and not any(other.startswith(name + " ") for other in words))


def example(command):
    done = bulkhead(*command.split(), "--help")
    assert done.returncode == 0, done.stderr
    return re.search(r"Example: (.*)", done.stdout).group(1)


def shell(line, environment=None):
    """Runs an example as a person would type it in the repository's folder."""
    path = {"PATH": f"{Node.binaries}:{os.environ['PATH']}"}
    return subprocess.run(["bash", "-c", line], cwd=ROOT, env={**os.environ, **path, **(environment or {})},
                          capture_output=True, text=True, check=False, timeout=60)


class HelpExamples(unittest.TestCase):
    def test_every_command_has_an_example_of_itself(self):
        for command in commands():
            with self.subTest(command):
                self.assertIn(f"bulkhead {command}", example(command))

    def tearDown(self):
        if os.path.exists("/tmp/demo.table"):
            os.unlink("/tmp/demo.table")

    def test_the_examples_on_files_work(self):
        for command in commands():
            if not command.startswith(("policy", "completion")):
                continue
            with self.subTest(command):
                done = shell(example(command))
                self.assertIn(done.returncode, (0, 1) if command in FINDINGS else (0,), done.stderr)
                if not command.startswith("completion"):
                    self.assertNotEqual(done.stdout, "")

    def test_json_is_alone_on_standard_output(self):
        for command in commands():
            if command.startswith("policy"):
                with self.subTest(command):
                    done = shell(f"({example(command)}) 2>/dev/null >/dev/null; {example(command)} -o json | "
                                 "python3 -c 'import json, sys; json.load(sys.stdin)'")
                    self.assertEqual(done.returncode, 0, done.stderr)


class HelpExamplesOnANode(NodeCase):
    PODS = {"backend/db": {"app": "db"}}

    def test_the_examples_work(self):
        order = ["quarantine", "release"]
        names = [name for name in commands() if not name.startswith(("policy", "completion"))]
        for command in order + [name for name in names if name not in order]:
            with self.subTest(command):
                line = example(command)
                line = f"timeout 1 {line}; test $? = 124" if command in ENDLESS else line
                line = f"nsenter --net={self.node.host.path} -- bash -c {line!r}"
                done = shell(line, {"BULKHEAD_ROOT": self.node.root})
                self.assertIn(done.returncode, (0, 1) if command in FINDINGS else (0,), done.stderr)
        os.unlink("/tmp/bulkhead-support.tar")

    def test_status_tells_what_an_operator_asks_for(self):
        shown = self.node.command("status").stdout
        for word in ("data plane", "io ", "revision", "epoch", "verified", "100 % of revision", "endpoints", "flows"):
            self.assertIn(word, shown)
        self.node.write_policy("broken.yaml", "apiVersion: bulkhead.io/v1alpha1\nkind: Segment\n"
                                              "metadata: {name: b, namespace: b}\nspec: {ingres: []}\n")
        from harness.wait import wait_for
        wait_for("the broken file is reported", lambda: "broken.yaml" in self.node.command("status").stdout)
        self.assertIn("broken.yaml:4:8", self.node.command("report").stdout)
        self.node.remove_policy("broken.yaml")
