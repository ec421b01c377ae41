# SPDX-License-Identifier: Apache-2.0
"""A daemon under test: started in a namespace, logged to a file, killed by pid."""

import os
import signal
import subprocess


class Process:
    def __init__(self, name, command, log, netns=None, environment=None):
        prefix = ["nsenter", f"--net={netns}"] if netns else []
        self.name = name
        self.log = log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(prefix + command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          env={**os.environ, **(environment or {})}, start_new_session=True)

    @property
    def pid(self):
        return self.child.pid

    def is_running(self):
        return self.child.poll() is None

    def kill(self):
        """kill -9, as a crash would."""
        if self.is_running():
            self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def stop(self, timeout=10):
        """SIGTERM; returns the exit status, negative for a signal."""
        if self.is_running():
            self.child.terminate()
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop within {timeout} s of SIGTERM") from None

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as text:
            return text.read()

    def cpu_seconds(self):
        """User and system time of all its threads."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_kb(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
