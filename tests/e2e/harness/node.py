# SPDX-License-Identifier: Apache-2.0
"""A node of its own: a network namespace, a root folder, the real data plane and agent."""

import json
import os
import shutil
import tempfile

from harness import http
from harness.metrics import Metrics
from harness.netns import Namespace, run
from harness.pod import Pod
from harness.process import Process
from harness.wait import wait_for

POD_CIDRS = ("10.88.0.0/16", "fd88::/64")
NODE_IPS = ("192.0.2.1", "2001:db8:2::1")
OUTSIDE_IPS = ("192.0.2.2", "2001:db8:2::2")
METRICS_PORT = 9470


class Node:
    """Closed by default, dual stack, with an uplink to a namespace that plays the outside world."""

    binaries = ""
    _serial = 0

    def __init__(self, instance="", config=None, host=None, cidrs=POD_CIDRS, metrics_port=METRICS_PORT):
        Node._serial += 1
        self.root = tempfile.mkdtemp(prefix="bulkhead-e2e-")
        self.instance = instance
        self.cidrs = cidrs
        self.metrics_port = metrics_port
        self.settings = config or {}
        self.owns_host = host is None
        self.host = host or Namespace(f"node{Node._serial}")
        self.outside = None
        self.pods = []
        self.dataplane = self.agent = None
        if self.owns_host:
            self._make_uplink()
        for folder in ("etc/bulkhead/policies.d", "var/lib/bulkhead", "run/bulkhead", "var/log/bulkhead"):
            os.makedirs(os.path.join(self.root, folder))
        self.write_config()

    def _make_uplink(self):
        self.outside = Namespace(f"out{Node._serial}")
        self.host.ip("link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", self.outside.name)
        for namespace, device, own in ((self.host, "uplink", NODE_IPS), (self.outside, "eth0", OUTSIDE_IPS)):
            namespace.ip("addr", "add", f"{own[0]}/24", "dev", device)
            namespace.ip("addr", "add", f"{own[1]}/64", "dev", device, "nodad")
            namespace.ip("link", "set", device, "up")
        self.host.ip("route", "add", "default", "via", OUTSIDE_IPS[0])
        self.host.ip("-6", "route", "add", "default", "via", OUTSIDE_IPS[1])

    # Files ------------------------------------------------------------------------------------

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def write_config(self, **changes):
        self.settings.update(changes)
        values = {"cluster": {"pod_cidrs": list(self.cidrs)}, "workers": 1,
                  "metrics": {"listen": f"127.0.0.1:{self.metrics_port}"}, **self.settings}
        if self.instance:
            values["instance"] = self.instance
        with open(self.path("etc/bulkhead/config.yaml"), "w", encoding="utf-8") as out:
            json.dump(values, out)  # JSON is YAML

    def write_policy(self, name, text):
        """Puts a file in the policy folder in one step."""
        temporary = self.path("etc/bulkhead/policies.d", f".{name}.new")
        with open(temporary, "w", encoding="utf-8") as out:
            out.write(text)
        os.rename(temporary, self.path("etc/bulkhead/policies.d", name))

    def remove_policy(self, name):
        os.unlink(self.path("etc/bulkhead/policies.d", name))

    def apply(self, name, text):
        """Writes a policy file that changes the table and returns when it is in force."""
        before = self.status()["revision_acknowledged"]
        self.write_policy(name, text)
        self.wait_published(before)

    def wait_published(self, before):
        def is_in_force():
            status = self.status()
            return before < status["revision_acknowledged"] == status["revision_desired"]
        wait_for(f"a revision after {before} is in force", is_in_force)

    def declare(self, pods, name="inventory.yaml"):
        """The inventory: {"ns/name": {"label": "value"}}; returns the file's text."""
        text = ""
        for namespace in sorted({pod.split("/")[0] for pod in pods}):
            text += f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n---\n"
        for pod, labels in pods.items():
            namespace, short = pod.split("/")
            metadata = json.dumps({"name": short, "namespace": namespace, "labels": labels})
            text += f"apiVersion: v1\nkind: Pod\nmetadata: {metadata}\nspec: {{containers: []}}\n---\n"
        self.write_policy(name, text)
        return text

    # Processes --------------------------------------------------------------------------------

    def start_dataplane(self):
        command = [os.path.join(self.binaries, "bulkhead-dataplane"), "--root", self.root,
                   "--workers", str(self.settings.get("workers", 1))]
        for key in ("io", "memory", "poll"):
            if key in self.settings:
                command += [f"--{key}", self.settings[key]]
        if self.instance:
            command += ["--instance", self.instance]
        self.dataplane = Process("bulkhead-dataplane", command, self.path("dataplane.out"), self.host.path)

    def start_agent(self):
        command = [os.path.join(self.binaries, "bulkhead-agent"), "--root", self.root]
        self.agent = Process("bulkhead-agent", command, self.path("agent.out"), self.host.path)

    def start(self):
        self.start_dataplane()
        self.start_agent()
        self.wait_ready()
        return self

    def is_ready(self):
        for process in (self.dataplane, self.agent):
            if not process.is_running():
                raise AssertionError(f"{process.name} ended: {process.log_text()[-3000:]}")
        try:
            status = self.status()
        except OSError:
            return False
        return status["dataplane_connected"] and status["revision_acknowledged"] > 0

    def wait_ready(self):
        try:
            wait_for("agent and data plane are ready", self.is_ready, timeout=60)
        except AssertionError as error:
            logs = "".join(f"\n--- {p.name}\n{p.log_text()[-3000:]}" for p in (self.dataplane, self.agent))
            raise AssertionError(f"{error}{logs}") from None

    # Questions --------------------------------------------------------------------------------

    def call(self, method, target, body=None):
        return http.call_unix(self.path("run/bulkhead/agent.sock"), method, target, body)

    def status(self):
        status, reply = self.call("GET", "/v1/status")
        assert status == 200, reply
        return reply

    def endpoints(self):
        reply = self.call("GET", "/v1/endpoints")[1]
        return reply["endpoints"] if isinstance(reply, dict) else reply

    def metrics(self):
        status, text = http.fetch(self.host.path, "127.0.0.1", self.metrics_port, "/metrics")
        assert status == 200, text
        return Metrics(text)

    def command(self, *arguments, check=False):
        """The `bulkhead` command on this node."""
        return self.host.run(os.path.join(self.binaries, "bulkhead"), *arguments, check=check,
                             env={**os.environ, "BULKHEAD_ROOT": self.root})

    def conservation(self):
        """Fails unless every packet of every worker left exactly once."""
        def is_balanced():
            imbalance = self.metrics().imbalance()
            return imbalance if imbalance and not any(imbalance.values()) else None
        try:
            wait_for("received + generated == sent + dropped + consumed", is_balanced, interval=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}: off by {self.metrics().imbalance()}") from None

    # Pods -------------------------------------------------------------------------------------

    def cni_conf(self):
        ranges = [[{"subnet": cidr}] for cidr in self.cidrs]
        return {"cniVersion": "1.0.0", "name": f"e2e{self.instance}", "type": "bulkhead-cni",
                "socket": self.path("run/bulkhead/agent.sock"),
                "ipam": {"type": "host-local", "dataDir": self.path("ipam"), "ranges": ranges}}

    def pod(self, full_name):
        """Makes and wires a pod."""
        pod = Pod(self, full_name)
        self.pods.append(pod)
        return pod.add()

    def leases(self):
        """Addresses that host-local holds."""
        folder = self.path("ipam", f"e2e{self.instance}")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return {name.replace("_", ":") for name in names if not name.startswith(("last_reserved", "lock"))}

    def close(self, keep_logs=False):
        for pod in self.pods:
            try:
                pod.close()
            except AssertionError:
                pod.netns.close()
        for process in (self.agent, self.dataplane):
            if process:
                process.kill()
        if self.owns_host:
            self.host.close()
            self.outside.close()
        if not keep_logs:
            shutil.rmtree(self.root, ignore_errors=True)


def uplink_nat(node, rules):
    """Loads nftables rules on the node, as an administrator's NodePort would."""
    run("nsenter", f"--net={node.host.path}", "nft", "-f", "-", input=rules)
