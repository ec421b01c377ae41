# SPDX-License-Identifier: Apache-2.0
"""Runs unittest suites with one line a test and writes `passed failed skipped` to a file."""

import sys
import time
import unittest


class LineResult(unittest.TestResult):
    """One line a test, as it ends; failures in full right below their line."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.broken = 0
        self.started = 0.0
        self.trouble = None

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()
        self.trouble = None

    def _line(self, word, test, detail=""):
        seconds = time.monotonic() - self.started
        name = test.id() if hasattr(test, "id") else str(test)
        print(f"{word:4} {name} ({seconds:.1f} s){detail}", flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self._line("ok", test)

    def _fail(self, test, err):
        self.broken += 1
        self._line("FAIL", test)
        print(self._exc_info_to_string(err, test), flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._fail(subtest, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line("skip", test, f": {reason}")


def run(suite, results_file):
    """Runs the suite, writes the counts to results_file if given, returns the exit status."""
    result = LineResult()
    suite.run(result)
    counts = (result.passed, result.broken, len(result.skipped))
    if results_file:
        with open(results_file, "w", encoding="utf-8") as out:
            out.write("{} {} {}\n".format(*counts))
    else:
        print("{} passed, {} failed, {} skipped".format(*counts))
    return 1 if result.broken or not any(counts) else 0


if __name__ == "__main__":
    sys.exit("import me")
