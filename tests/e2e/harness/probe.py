# SPDX-License-Identifier: Apache-2.0
"""Connection attempts, many at once: each answers open, timeout (nothing came back) or refused."""

import errno
import os
import selectors
import socket
import struct
import time

OPEN, TIMEOUT, REFUSED = "open", "timeout", "refused"


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


class _Attempt:
    """One protocol, one source socket, one destination."""

    def __init__(self, source, ip, protocol, port):
        self.outcome = None
        self.protocol = protocol
        self.family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self.ip, self.port = ip, port
        self.resends = 0
        if protocol == "TCP":
            self.socket = source.socket(self.family, socket.SOCK_STREAM)
        elif protocol == "UDP":
            self.socket = source.socket(self.family, socket.SOCK_DGRAM)
        else:
            kind = socket.IPPROTO_ICMPV6 if self.family == socket.AF_INET6 else socket.IPPROTO_ICMP
            self.socket = source.socket(self.family, socket.SOCK_RAW, kind)
        self.token = os.urandom(8)
        self.socket.setblocking(False)
        self._start()

    def _start(self):
        try:
            if self.protocol == "TCP":
                self._judge(self.socket.connect_ex((self.ip, self.port)))
                return
            self.socket.connect((self.ip, self.port if self.protocol == "UDP" else 0))
            self.resend()
        except OSError as error:
            self._judge(error.errno)

    def resend(self):
        """Datagrams may be lost; TCP repeats by itself."""
        self.resends += 1
        try:
            if self.protocol == "UDP":
                self.socket.send(self.token)
            elif self.protocol == "ICMP":
                self.socket.send(self._echo_request())
        except OSError as error:
            self._judge(error.errno)

    def _echo_request(self):
        kind = 128 if self.family == socket.AF_INET6 else 8
        identity = struct.unpack("!H", self.token[:2])[0]
        message = struct.pack("!BBHHH", kind, 0, 0, identity, self.resends) + self.token
        return message[:2] + struct.pack("!H", checksum(message)) + message[4:]

    def _judge(self, error):
        if error == 0:
            self.outcome = OPEN
        elif error in (errno.ECONNREFUSED, errno.ECONNRESET):
            self.outcome = REFUSED
        elif error not in (errno.EINPROGRESS, errno.EAGAIN):
            self.outcome = errno.errorcode[error]

    def ready(self):
        if self.protocol == "TCP":
            self._judge(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            return
        try:
            data = self.socket.recv(2048)
        except OSError as error:
            self._judge(error.errno)
            return
        is_reply = self.protocol == "UDP" or (data[20] == 0 if self.family == socket.AF_INET else data[0] == 129)
        if is_reply and data.endswith(self.token):
            self.outcome = OPEN


def probe_all(targets, timeout=1.0):
    """targets: (source with socket(), ip, protocol, port). Returns outcomes in the same order."""
    attempts = [_Attempt(*target) for target in targets]
    with selectors.DefaultSelector() as selector:
        for attempt in attempts:
            if attempt.outcome is None:
                event = selectors.EVENT_WRITE if attempt.protocol == "TCP" else selectors.EVENT_READ
                selector.register(attempt.socket, event, attempt)
        started = time.monotonic()
        repeats = [timeout / 3, timeout * 2 / 3]
        while selector.get_map() and time.monotonic() < started + timeout:
            for key, _ in selector.select(0.05):
                key.data.ready()
                if key.data.outcome is not None:
                    selector.unregister(key.fileobj)
            if repeats and time.monotonic() > started + repeats[0]:
                repeats.pop(0)
                for key in list(selector.get_map().values()):
                    key.data.resend()
    for attempt in attempts:
        attempt.socket.close()
    return [attempt.outcome or TIMEOUT for attempt in attempts]


def probe(source, ip, protocol, port, timeout=1.0):
    return probe_all([(source, ip, protocol, port)], timeout)[0]
