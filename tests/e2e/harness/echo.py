# SPDX-License-Identifier: Apache-2.0
"""One thread that answers TCP and UDP in any pod with what it was sent."""

import os
import selectors
import socket
import threading

from harness.stream import hold_more


class Echo:
    """listen() adds a server; received[(label, port, protocol)] counts what reached it."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.received = {}
        self.lock = threading.Lock()
        self.wake_in, self.wake_out = os.pipe()
        self.selector.register(self.wake_in, selectors.EVENT_READ, None)
        self.closing = False
        self.thread = threading.Thread(target=self._serve, name="echo", daemon=True)
        self.thread.start()

    def listen(self, namespace, label, port, protocol="TCP"):
        """Serves both families on a port of a Namespace."""
        kind = socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM
        server = namespace.socket(socket.AF_INET6, kind)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("::", port))
        if protocol == "TCP":
            server.listen(128)
        else:
            hold_more(server)
        server.setblocking(False)
        self._watch(server, (self._accept if protocol == "TCP" else self._datagram, (label, port, protocol)))
        return server

    def count(self, label, port, protocol="TCP"):
        with self.lock:
            return self.received.get((label, port, protocol), 0)

    def _watch(self, server, what):
        with self.lock:
            self.selector.register(server, selectors.EVENT_READ, what)
        os.write(self.wake_out, b"x")

    def forget(self, server):
        with self.lock:
            self.selector.unregister(server)
        server.close()

    def _count(self, key):
        with self.lock:
            self.received[key] = self.received.get(key, 0) + 1

    def _accept(self, server, key):
        connection, _ = server.accept()
        connection.setblocking(False)
        self._watch(connection, (self._stream, key))

    def _stream(self, connection, key):
        data = connection.recv(65536)
        if not data:
            self.forget(connection)
            return
        self._count(key)
        connection.send(data)

    def _datagram(self, server, key):
        data, sender = server.recvfrom(65536)
        self._count(key)
        server.sendto(data, sender)

    def _serve(self):
        while not self.closing:
            for ready, _ in self.selector.select():
                if ready.data is None:
                    os.read(self.wake_in, 4096)
                    continue
                answer, key = ready.data
                try:
                    answer(ready.fileobj, key)
                except BlockingIOError:
                    pass
                except (OSError, ValueError):
                    if answer == self._stream:
                        self.forget(ready.fileobj)

    def close(self):
        self.closing = True
        os.write(self.wake_out, b"x")
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            if key.data is not None:
                key.fileobj.close()
        self.selector.close()
        os.close(self.wake_in)
        os.close(self.wake_out)
