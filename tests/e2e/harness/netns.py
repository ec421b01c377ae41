# SPDX-License-Identifier: Apache-2.0
"""Network namespaces: making them, and opening sockets inside them from this process."""

import contextlib
import ctypes
import os
import socket
import subprocess

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
PREFIX = f"h-e2e-{os.getpid()}-"


def run(*command, check=True, **options):
    """Runs a command, fails with what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr}{done.stdout}")
    return done


def _set_namespace(fd):
    if _libc.setns(fd, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(path):
    """This thread's namespace is the one at `path` meanwhile; sockets opened stay there for ever."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    other = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _set_namespace(other)
        yield
    finally:
        _set_namespace(own)
        os.close(own)
        os.close(other)


class Namespace:
    """A named network namespace of this run, deleted by close()."""

    def __init__(self, label):
        self.name = PREFIX + label
        self.path = f"/run/netns/{self.name}"
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments, check=True):
        return run("ip", "-n", self.name, *arguments, check=check)

    def run(self, *command, check=True, **options):
        return run("nsenter", f"--net={self.path}", *command, check=check, **options)

    def sysctl(self, key, value):
        with inside(self.path), open(f"/proc/sys/{key.replace('.', '/')}", "w", encoding="ascii") as out:
            out.write(str(value))

    def socket(self, *arguments):
        with inside(self.path):
            return socket.socket(*arguments)

    def exists(self):
        return os.path.exists(self.path)

    def close(self):
        if self.exists():
            run("ip", "netns", "del", self.name)


def remove_leftovers():
    """Namespaces of this run that a failed test left."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        if name.startswith(PREFIX):
            run("ip", "netns", "del", name, check=False)
