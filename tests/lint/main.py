# SPDX-License-Identifier: Apache-2.0
"""Runs the lints over this repository, and the lints' own tests. usage: main.py [--results FILE]"""

import argparse
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "support")]

import arrows  # noqa: E402
import files  # noqa: E402
import lint_test  # noqa: E402
import runner  # noqa: E402


class Repository(unittest.TestCase):
    """One test a check, made below."""


def test_of(check):
    def test(self):
        found = list(check(ROOT))
        if found:
            self.fail(f"{len(found)} findings\n" + "\n".join(found))
    return test


for check in arrows.CHECKS + files.CHECKS:
    setattr(Repository, check.__name__.replace("check_", "test_"), test_of(check))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results")
    arguments = parser.parse_args()
    loader = unittest.TestLoader()
    suite = unittest.TestSuite([loader.loadTestsFromTestCase(Repository), loader.loadTestsFromModule(lint_test)])
    return runner.run(suite, arguments.results)


if __name__ == "__main__":
    sys.exit(main())
