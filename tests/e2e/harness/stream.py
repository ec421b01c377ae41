# SPDX-License-Identifier: Apache-2.0
"""A steady stream of numbered messages to an echo server, with the time of each answer."""

import socket
import struct
import threading
import time

_SO_RCVBUFFORCE = 33


def hold_more(datagrams):
    """Room for seconds of traffic, so that a reader that waits for its turn loses none."""
    datagrams.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 16 << 20)


class Stream:
    """Sends `per_second` messages until stop(). sent, replies and last_reply may be read meanwhile."""

    def __init__(self, source, ip, protocol, port, per_second=1000, connect_timeout=10.0):
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        kind = socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM
        self.socket = source.socket(family, kind)
        self.socket.settimeout(connect_timeout)
        if protocol == "UDP":
            hold_more(self.socket)
        self.socket.connect((ip, port))
        if protocol == "TCP":
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.interval = 1.0 / per_second
        self.sent = 0
        self.bytes_back = 0
        self.last_reply = self.longest_gap = 0.0
        self.first_reply = None
        self.stopping = False
        self.thread = threading.Thread(target=self._send, daemon=True)
        self.thread.start()

    @property
    def replies(self):
        return self.bytes_back // 8

    def _receive(self):
        try:
            while True:
                data = self.socket.recv(65536)
                if not data:
                    return
                now = time.monotonic()
                if self.last_reply:
                    self.longest_gap = max(self.longest_gap, now - self.last_reply)
                self.bytes_back += len(data)
                self.last_reply = now
                self.first_reply = self.first_reply or now
        except (BlockingIOError, ConnectionError):
            return

    def _send(self):
        next_time = time.monotonic()
        while not self.stopping:
            try:
                self.socket.send(struct.pack("!Q", self.sent))
                self.sent += 1
            except (BlockingIOError, ConnectionError):
                pass
            self._receive()
            next_time += self.interval
            delay = next_time - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            else:
                next_time -= delay

    def is_quiet_for(self, seconds):
        return time.monotonic() - self.last_reply > seconds

    def stop(self, drain=10.0):
        """Stops sending, takes answers until all came or `drain` seconds passed; returns lost ones."""
        self.stopping = True
        self.thread.join()
        deadline = time.monotonic() + drain
        while self.replies < self.sent and time.monotonic() < deadline:
            self._receive()
            time.sleep(0.005)
        self.socket.close()
        return self.sent - self.replies
