# SPDX-License-Identifier: Apache-2.0
"""A pod: a network namespace that the real CNI plugin wires."""

import json
import os

from harness.netns import Namespace, run


class CniError(AssertionError):
    """The plugin refused: `code` and `message` as the specification has them."""

    def __init__(self, status, output, log):
        super().__init__(f"bulkhead-cni: exit {status}: {output}{log}")
        try:
            reply = json.loads(output)
        except ValueError:
            reply = {}
        self.code = reply.get("code")
        self.message = reply.get("msg", "")


class Pod:
    """`namespace/name` on a node. add() wires it; close() unwires and deletes it."""

    _serial = 0

    def __init__(self, node, full_name):
        Pod._serial += 1
        self.node = node
        self.namespace, self.name = full_name.split("/")
        self.full_name = full_name
        self.container = f"e2e-{os.getpid()}-{Pod._serial}"
        self.netns = Namespace(f"p{Pod._serial}")
        self.ips = []
        self.mac = ""
        self.is_added = False

    def cni(self, command, netns=None, conf=None, name=True, extra=None):
        """Runs the plugin; returns its decoded reply (None when it printed nothing)."""
        environment = {**os.environ, "CNI_COMMAND": command, "CNI_CONTAINERID": self.container,
                       "CNI_NETNS": self.netns.path if netns is None else netns, "CNI_IFNAME": "eth0",
                       "CNI_PATH": f"{self.node.binaries}:/usr/lib/cni", "BULKHEAD_ROOT": self.node.root}
        if name:
            environment["CNI_ARGS"] = f"IgnoreUnknown=1;K8S_POD_NAMESPACE={self.namespace};K8S_POD_NAME={self.name}"
        environment.update(extra or {})
        done = run(os.path.join(self.node.binaries, "bulkhead-cni"), check=False, env=environment,
                   input=json.dumps(conf or self.node.cni_conf()))
        if done.returncode:
            raise CniError(done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def add(self, **options):
        reply = self.cni("ADD", **options)
        self.is_added = True
        self.ips = [entry["address"].split("/")[0] for entry in reply["ips"]]
        self.mac = next(entry["mac"] for entry in reply["interfaces"] if entry.get("sandbox"))
        return self

    def delete(self, netns=None):
        self.is_added = False
        return self.cni("DEL", netns=netns)

    def ip(self, family):
        return next(ip for ip in self.ips if (":" in ip) == (family == 6))

    def socket(self, *arguments):
        return self.netns.socket(*arguments)

    def close(self):
        if self.is_added:
            self.delete()
        self.netns.close()

    def __repr__(self):
        return self.full_name
