# SPDX-License-Identifier: Apache-2.0
"""End-to-end tests with real pods. usage: main.py [--bin DIR] [--results FILE] [-k PATTERN]"""

import argparse
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "support")]

import runner  # noqa: E402
from harness import netns  # noqa: E402
from harness.node import Node  # noqa: E402

PROGRAMS = ("bulkhead-dataplane", "bulkhead-agent", "bulkhead-cni", "bulkhead")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "release", "bin"))
    parser.add_argument("--results")
    parser.add_argument("-k", dest="patterns", action="append", help="only tests whose name contains this")
    arguments = parser.parse_args()
    missing = [name for name in PROGRAMS if not os.access(os.path.join(arguments.bin, name), os.X_OK)]
    if missing:
        print(f"e2e: not built: {', '.join(missing)} (in {arguments.bin})", file=sys.stderr)
        return 1
    Node.binaries = os.path.abspath(arguments.bin)
    loader = unittest.TestLoader()
    if arguments.patterns:
        loader.testNamePatterns = [f"*{pattern}*" for pattern in arguments.patterns]
    try:
        return runner.run(loader.discover(HERE, "test_*.py", HERE), arguments.results)
    finally:
        netns.remove_leftovers()


if __name__ == "__main__":
    sys.exit(main())
