# SPDX-License-Identifier: Apache-2.0
"""Times what an edit does to live traffic, from inside a pod's network.

usage: time_edit.py NETNS ADDRESS HELD-PORT TRIED-PORT NEW-FILE FILE

Holds a connection to HELD-PORT open and opens a new one to TRIED-PORT, each once a millisecond, and
moves NEW-FILE over FILE meanwhile. Prints three figures in milliseconds after that move, the first two
`-` when it did not happen: when the first message was sent that the held connection did not answer, when
the first connection attempt was made that succeeded, and the longest pause between two probes.
"""

import ctypes
import os
import select
import socket
import sys
import time

INTERVAL = 0.001
LEAD = 0.1       # both probes run for so long before the edit
QUIET = 0.3      # without an answer for so long, the held connection counts as cut
LIMIT = 10.0
CLONE_NEWNET = 0x40000000


def enter(netns):
    fd = os.open(netns, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
        sys.exit(f"time_edit.py: cannot enter {netns}: {os.strerror(ctypes.get_errno())}")
    os.close(fd)


class Held:
    """A connection to an echo server; messages are one byte, so bytes back count answers."""

    def __init__(self, family, target):
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(5)
        self.socket.connect(target)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.sent = []
        self.answers = 0
        self.last_answer = time.monotonic()

    def probe(self, now):
        try:
            self.socket.send(b"x")
            self.sent.append(now)
        except BlockingIOError:
            pass
        try:
            self.answers += len(self.socket.recv(65536))
            self.last_answer = now
        except BlockingIOError:
            pass

    def is_cut(self, now):
        return self.answers < len(self.sent) and now - self.last_answer > QUIET

    def first_unanswered(self):
        return self.sent[self.answers]


class Attempts:
    """Connection attempts; opened_at is when the first was made that succeeded."""

    def __init__(self, family, target):
        self.family, self.target = family, target
        self.pending = {}
        self.poll = select.epoll()
        self.opened_at = None

    def probe(self, now):
        attempt = socket.socket(self.family, socket.SOCK_STREAM)
        attempt.setblocking(False)
        attempt.connect_ex(self.target)
        self.pending[attempt.fileno()] = (now, attempt)
        self.poll.register(attempt, select.EPOLLOUT)
        done = [self.pending[fd][0] for fd, event in self.poll.poll(0) if event == select.EPOLLOUT]
        if done:
            self.opened_at = min(done)
        for fd in [fd for fd, (since, _) in self.pending.items() if now - since > QUIET]:
            self.forget(fd)

    def forget(self, fd):
        self.poll.unregister(fd)
        self.pending.pop(fd)[1].close()


def main():
    netns, address, held_port, tried_port, new_file, file = sys.argv[1:]
    enter(netns)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    held, attempts = Held(family, (address, int(held_port))), Attempts(family, (address, int(tried_port)))
    begun = last = time.monotonic()
    edited = None
    pause = 0.0
    while True:
        now = time.monotonic()
        held.probe(now)
        if attempts.opened_at is None:
            attempts.probe(now)
        pause, last = max(pause, now - last if edited else 0.0), now
        if edited is None and now - begun >= LEAD:
            edited = time.monotonic()
            os.rename(new_file, file)
        is_cut = held.is_cut(now)
        if (is_cut and attempts.opened_at) or now - begun > LIMIT:
            break
        time.sleep(max(0.0, now + INTERVAL - time.monotonic()))

    def after_edit(when):
        return f"{max(0.0, when - edited) * 1000:.1f}"
    cut = after_edit(held.first_unanswered()) if is_cut else "-"
    opened = after_edit(attempts.opened_at) if attempts.opened_at else "-"
    print(cut, opened, f"{pause * 1000:.1f}")


if __name__ == "__main__":
    main()
