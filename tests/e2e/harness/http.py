# SPDX-License-Identifier: Apache-2.0
"""HTTP over a unix socket, and over TCP inside a namespace."""

import http.client
import json
import socket

from harness.netns import inside


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def call_unix(path, method, target, body=None, timeout=10.0):
    """Returns (status, decoded JSON or text). `body` is sent as it is when it is text or bytes."""
    connection = _UnixConnection(path, timeout)
    payload = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
    try:
        connection.request(method, target, payload, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        text = reply.read().decode()
    finally:
        connection.close()
    try:
        return reply.status, json.loads(text)
    except ValueError:
        return reply.status, text


def fetch(namespace_path, host, port, target, timeout=5.0):
    """GET inside a namespace; returns (status, text)."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    with inside(namespace_path):
        connection.connect()
    try:
        connection.request("GET", target)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()
