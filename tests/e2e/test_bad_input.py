# SPDX-License-Identifier: Apache-2.0
"""Bad input changes nothing and is reported: files, tables, API calls."""

import array
import fcntl
import os
import socket
import struct

from harness.case import NodeCase
from harness.wait import wait_for

POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec:
  ingress: [{from: [{namespace: clients, pods: {app: client}}], ports: [TCP/9000]}]
---
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: clients, namespace: clients}
spec: {egress: [{to: [{namespace: lab}]}]}
"""

MISSPELT = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open-by-mistake, namespace: lab}
spec:
  podSelector: {}
  ingress:
  - form: [{podSelector: {}}]
"""


class BadInput(NodeCase):
    PODS = {"clients/client": {"app": "client"}, "clients/other": {"app": "other"}, "lab/server": {"app": "server"}}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {"lab/server": (("TCP", 9000),)}

    def assert_unchanged(self):
        for family in (4, 6):
            target = self.pods["lab/server"].ip(family)
            self.assert_open(self.pods["clients/client"], target, "TCP", 9000)
            self.assert_silent(self.pods["clients/other"], target, "TCP", 9000)

    def assert_refused_file(self, name, text, *words):
        """Writing the file is reported with `words`, counted, and changes nothing."""
        before = self.node.metrics().sum("bulkhead_policy_rejected_total")
        self.node.write_policy(name, text)
        error = wait_for(f"{name} is reported", lambda: next(
            (e for e in self.node.status()["errors"] if name in e["where"]), None))
        for word in words:
            self.assertIn(word, f"{error['where']}: {error['message']}")
        self.assertRegex(error["where"], rf"{name}:\d+:\d+")
        self.assertGreater(self.node.metrics().sum("bulkhead_policy_rejected_total"), before)
        self.assert_unchanged()

    def repair(self, name, text=None):
        self.node.write_policy(name, text) if text else self.node.remove_policy(name)
        wait_for("no error is left", lambda: not self.node.status()["errors"])

    def test_broken_yaml_over_a_good_file(self):
        self.addCleanup(self.repair, "lab.yaml", POLICY)
        self.assert_refused_file("lab.yaml", POLICY + "\n---\nkind: [unclosed\n")

    def test_a_misspelt_field_names_the_right_one(self):
        self.addCleanup(self.repair, "mistake.yaml")
        self.assert_refused_file("mistake.yaml", MISSPELT, "form", "from")

    def test_an_agent_restarted_over_a_broken_file_enforces_what_it_accepted(self):
        self.addCleanup(self.repair, "lab.yaml", POLICY)
        self.assert_refused_file("lab.yaml", "apiVersion: bulkhead.io/v1alpha1\nkind: Segment\nspec: 7\n")
        self.node.agent.kill()
        self.node.start_agent()
        self.node.wait_ready()
        self.assert_unchanged()
        self.assertTrue(self.node.status()["errors"])
        states = {policy["id"]: policy["state"] for policy in self.policies()}
        self.assertEqual(states["Segment/lab/lab"], "last_accepted")

    def policies(self):
        reply = self.node.call("GET", "/v1/policies")[1]
        return reply["policies"] if isinstance(reply, dict) else reply

    def test_a_good_file_beside_a_broken_one_is_applied(self):
        self.addCleanup(self.repair, "mistake.yaml")
        self.assert_refused_file("mistake.yaml", MISSPELT)
        extra = POLICY.replace("app: client", "app: other").replace("name: lab,", "name: more,").split("---")[0]
        self.node.apply("more.yaml", extra)
        for family in (4, 6):
            self.assert_open(self.pods["clients/other"], self.pods["lab/server"].ip(family), "TCP", 9000)
        before = self.node.status()["revision_acknowledged"]
        self.node.remove_policy("more.yaml")
        self.node.wait_published(before)

    def test_garbage_api_calls(self):
        revision = self.node.status()["revision_acknowledged"]
        calls = [("PUT", "/v1/attachments/x/eth0", "{not json"), ("PUT", "/v1/attachments/..%2f..%2fetc/eth0", "{}"),
                 ("PUT", "/v1/attachments/x/eth0", '{"netns": 7}'), ("POST", "/v1/explain", '{"from": ""}'),
                 ("PUT", "/v1/quarantine/no-such/pod", '{"until": "tomorrow"}'), ("POST", "/v1/explain", "\0" * 1000),
                 ("GET", "/v1/nothing", None), ("DELETE", "/v1/status", None), ("POST", "/v1/explain", "[" * 100000)]
        for method, target, body in calls:
            with self.subTest(f"{method} {target}"):
                status, reply = self.node.call(method, target, body)
                self.assertIn(status // 100, (4, 5), reply)
                if status != 404 and status != 405:
                    self.assertTrue(reply["error"]["message"])
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as raw:
            raw.connect(self.node.path("run/bulkhead/agent.sock"))
            raw.sendall(os.urandom(4096))
        self.assertEqual(self.node.status()["revision_acknowledged"], revision)
        self.assert_unchanged()

    def test_every_call_is_audited_refused_ones_too(self):
        self.node.call("PUT", "/v1/quarantine/no-such/audited-pod", "{}")
        with open(self.node.path("var/log/bulkhead/audit.jsonl"), encoding="utf-8") as audit:
            self.assertTrue(any("audited-pod" in line for line in audit))


class BadTable(NodeCase):
    """Speaks the data plane's protocol in the agent's place; last in its class's own node."""

    PODS, POLICIES, SERVERS = BadInput.PODS, BadInput.POLICIES, BadInput.SERVERS
    HELLO, PORT_STATE, READY, ACK, PUBLISH = 1, 3, 4, 5, 15

    def test_a_truncated_table_is_refused_and_the_old_one_stays(self):
        self.node.conservation()
        self.node.agent.kill()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as agent:
            agent.settimeout(10)
            wait_for("the data plane takes a new agent", lambda: self.connect(agent))
            section = os.memfd_create("h-e2e-table", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
            os.write(section, b"BHTB" + os.urandom(60))
            fcntl.fcntl(section, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
                        | fcntl.F_SEAL_WRITE)
            body = struct.pack("=QII", 1 << 40, 1, 0) + struct.pack("=IIQQ", 1, 1, 4096, 0x1234)
            self.send(agent, self.PUBLISH, 2, body, [section])
            os.close(section)
            kind, reply = self.receive(agent)
            self.assertEqual(kind, self.ACK)
            code, message = struct.unpack_from("=I", reply, 24)[0], reply[40:].split(b"\0")[0].decode()
            self.assertNotEqual(code, 0)
            self.assertTrue(message)
            self.send(agent, self.PUBLISH, 3, b"\1")
            kind, reply = self.receive(agent)
            self.assertEqual(kind, self.ACK)
            self.assertNotEqual(struct.unpack_from("=I", reply, 24)[0], 0)
            BadInput.assert_unchanged(self)
        self.node.start_agent()
        self.node.wait_ready()
        BadInput.assert_unchanged(self)

    def connect(self, agent):
        try:
            agent.connect(self.node.path("run/bulkhead/dataplane.sock"))
            self.send(agent, self.HELLO, 1, struct.pack("=HHI", 1, 1, os.getpid()))
            kind, _ = self.receive(agent)
            while kind != self.READY:
                kind, reply = self.receive(agent)
                if not reply:
                    return False
            return True
        except ConnectionError:
            return False

    def send(self, agent, kind, sequence, body, fds=()):
        header = struct.pack("=IHHHHIQ", 24 + len(body), kind, 1, 0, 0, 0, sequence)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        agent.sendmsg([header + body], rights)

    def receive(self, agent):
        data, rights, _, _ = agent.recvmsg(65536, socket.CMSG_SPACE(32 * 4))
        for level, kind, payload in rights:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                for fd in array.array("i", payload[:len(payload) // 4 * 4]):
                    os.close(fd)
        return (struct.unpack_from("=H", data, 4)[0] if data else 0), data
