# SPDX-License-Identifier: Apache-2.0
"""deploy/demo: one at a time, and what it starts does not keep the next one out."""

import os
import shutil
import subprocess
import tempfile
import unittest

from test_supervise import is_running

LIBRARY = os.path.join(os.path.dirname(__file__), "..", "..", "deploy", "lib")
CLAIM = """
cd "$1" && source ./report.sh && source ./state.sh || exit 9
state="$2"
claim_state
echo claimed $$
read -r what
[ "$what" != keep ] || start sleeper sleep 60
[ "$what" = keep ] || { clean_up; rm -f "$state.lock"; }
"""


class DemoState(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix="bulkhead-e2e-demo-")
        self.addCleanup(shutil.rmtree, folder)
        self.state = os.path.join(folder, "state")

    def claim(self):
        process = subprocess.Popen(["bash", "-c", CLAIM, "demo", LIBRARY, self.state], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        return process

    def claimed(self, process):
        for line in process.stdout:
            if line.startswith("claimed"):
                return int(line.split()[1])
        return None

    def test_of_many_at_once_one_goes_on(self):
        processes = [self.claim() for _ in range(6)]
        first = [process for process in processes if self.claimed(process)]
        self.assertEqual(len(first), 1)
        for process in processes:
            if process is first[0]:
                continue
            _, errors = process.communicate()
            self.assertEqual(process.returncode, 1)
            self.assertIn("another demo is running", errors)
        late = self.claim()
        self.assertIsNone(self.claimed(late))
        self.assertIn(f"(pid {first[0].pid})", late.communicate()[1])
        first[0].communicate("clean\n")
        self.assertEqual(os.listdir(os.path.dirname(self.state)), [])

    def test_what_was_kept_is_undone_by_the_next_one(self):
        kept = self.claim()
        self.assertTrue(self.claimed(kept))
        kept.communicate("keep\n")
        with open(os.path.join(self.state, "made"), encoding="utf-8") as made:
            sleeper = next(line.split()[1] for line in made if line.startswith("process"))
        self.assertTrue(is_running(sleeper))
        following = self.claim()
        self.assertTrue(self.claimed(following))
        self.assertFalse(is_running(sleeper))
        following.communicate("clean\n")
        self.assertEqual(os.listdir(os.path.dirname(self.state)), [])
