# SPDX-License-Identifier: Apache-2.0
"""The plugin's binary against runtimes that call it wrongly, and pods that claim what is not theirs."""

import glob
import json
import os
import random
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from harness import frames
from harness.case import NodeCase, note
from harness.netns import Namespace
from harness.pod import CniError, Pod
from harness.probe import TIMEOUT, probe
from harness.wait import wait_for

CALLS = 2_000
# Where a path of the node's root leads that was damaged in one place.
AROUND_ROOTS = ("/", os.getcwd(), tempfile.gettempdir())
WHAT_IS_MISLED = ("**/ipam", "**/lib/bulkhead", "**/cni.lock")  # leases, tombstones, the plugin's lock
POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec: {within: true}
"""
TEXTS = ("", "ADD", "DEL", "CHECK", "VERSION", "add", "eth0", "../../etc", "a" * 300, "x;y=z", "K8S_POD_NAME=..",
         "K8S_POD_NAMESPACE=lab;K8S_POD_NAME=fixed", "IgnoreUnknown=1;K8S_POD_NAMESPACE=a/b;K8S_POD_NAME=c",
         "/proc/self/ns/net", "/nonexistent", "/dev/null", "\u00e9\u4e2d", "\x1b[31m", "-1", "lo")
VARIABLES = ("CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH", "BULKHEAD_POD")


class Garbage(NodeCase):
    PODS = {"lab/fixed": {"app": "fixed"}}
    POLICIES = {"lab.yaml": POLICY}

    def random_value(self, random_, depth=0):
        kinds = [None, True, -1, 10**30, 1.5, random_.choice(TEXTS), self.node.path("run/bulkhead/agent.sock")]
        if depth < 3:
            kinds += [[self.random_value(random_, depth + 1) for _ in range(random_.randrange(3))],
                      {random_.choice(TEXTS): self.random_value(random_, depth + 1) for _ in range(2)}]
        return random_.choice(kinds)

    def random_input(self, random_, good):
        """The configuration of a real call with something wrong in it."""
        if random_.random() < 0.15:
            return random_.randbytes(random_.randrange(400))
        conf = json.loads(json.dumps(good))
        for _ in range(random_.randrange(1, 3)):
            target = conf if random_.random() < 0.7 else conf.get("ipam", conf)
            if not isinstance(target, dict):
                break
            # Where IPAM keeps its leases stays: other pods' addresses would be given out else.
            key = random_.choice([*(set(target) - {"dataDir", "name", "ipam"}), "args", "prevResult", "dns", "mtu"])
            if random_.random() < 0.3:
                target.pop(key, None)
            else:
                target[key] = self.random_value(random_)
        text = json.dumps(conf).encode()
        if random_.random() < 0.2:
            at = random_.randrange(len(text))
            text = text[:at] + random_.randbytes(random_.randrange(4)) + text[at + random_.randrange(3):]
        return text

    def random_call(self, seed):
        random_ = random.Random(seed)
        container = f"g{seed}"
        environment = {"PATH": os.environ["PATH"], "CNI_COMMAND": random_.choice(("ADD", "DEL", "CHECK", "VERSION")),
                       "CNI_CONTAINERID": container, "CNI_NETNS": self.namespace.path, "CNI_IFNAME": "eth0",
                       "CNI_PATH": "/usr/lib/cni", "BULKHEAD_ROOT": self.node.root,
                       "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=lab;K8S_POD_NAME={container}"}
        for name in random_.sample(VARIABLES, random_.randrange(3)):
            environment[name] = random_.choice(TEXTS).replace("\0", "")
        if random_.random() < 0.1:
            del environment[random_.choice(list(environment))]
        done = subprocess.run([os.path.join(self.node.binaries, "bulkhead-cni")], env=environment, check=False,
                              input=self.random_input(random_, self.node.cni_conf()), capture_output=True, timeout=60)
        return seed, environment, done

    def objection(self, done):
        """What is wrong with an answer, by the specification."""
        if done.returncode not in (0, 1):
            return f"exit {done.returncode}"
        if not done.stdout.strip():
            return "" if done.returncode == 0 else "an error without words"
        try:
            reply = json.loads(done.stdout)
        except ValueError:
            return "no JSON"
        if done.returncode == 0:
            return ""
        is_error = isinstance(reply.get("code"), int) and isinstance(reply.get("msg"), str) and "cniVersion" in reply
        return "" if is_error and reply["msg"] else "no error of the specification"

    @staticmethod
    def around_roots():
        return {os.path.join(parent, name) for parent in AROUND_ROOTS for name in os.listdir(parent)}

    def remove_misled(self, known):
        """Damage to a path makes the plugin or IPAM keep what is theirs beside the node's root."""
        for path in self.around_roots() - known:
            if os.path.basename(path) == "cni.lock":
                os.unlink(path)
            is_root = os.path.exists(os.path.join(path, "etc"))
            if not is_root and any(glob.glob(what, root_dir=path, recursive=True) for what in WHAT_IS_MISLED):
                shutil.rmtree(path, ignore_errors=True)

    def test_random_calls_get_an_answer_of_the_specification_and_leave_nothing(self):
        seed = int(os.environ.get("BULKHEAD_SEED", random.randrange(2**31)))
        self.namespace = Namespace(f"garbage{seed % 1000}")
        self.addCleanup(self.namespace.close)
        before = self.node.leases()
        self.addCleanup(self.remove_misled, self.around_roots())
        outcomes, wrong, added = {}, [], []
        with ThreadPoolExecutor(4) as callers:
            for number, environment, done in callers.map(self.random_call, range(seed, seed + CALLS)):
                trouble = self.objection(done)
                if trouble:
                    wrong.append(f"BULKHEAD_SEED={number}: {trouble}: {environment} -> {done.stdout!r} {done.stderr!r}")
                command = environment.get("CNI_COMMAND", "")
                if done.returncode == 0 and command == "ADD":
                    added.append((environment, json.loads(done.stdout)))
                code = json.loads(done.stdout).get("code", 0) if done.returncode == 1 and not trouble else done.returncode
                outcomes[command[:8], code] = outcomes.get((command[:8], code), 0) + 1
        note(f"{CALLS} garbage calls of the plugin (BULKHEAD_SEED={seed}): "
             + ", ".join(f"{command or '-'} {code}: {n}" for (command, code), n in sorted(outcomes.items())))
        self.assertEqual(wrong[:5], [])
        self.assertTrue(self.node.agent.is_running())
        # What was harmless enough to succeed is taken back as a runtime would.
        for environment, _ in added:
            done = subprocess.run([os.path.join(self.node.binaries, "bulkhead-cni")], check=False, capture_output=True,
                                  env={**environment, "CNI_COMMAND": "DEL"}, timeout=60,
                                  input=json.dumps(self.node.cni_conf()).encode())
            self.assertEqual(done.returncode, 0, done.stdout)
        # Damage to the path of IPAM's leases makes it give out the fixed pod's address, which is then the
        # newcomer's, also of one whose ADD fails later.
        is_taken = any("given to another pod" in line and 'pod="lab/fixed"' in line
                       for line in self.node.agent.log_text().splitlines())
        self.assertEqual({e["pod_name"] for e in self.node.endpoints()}, set() if is_taken else {"fixed"})
        self.assertEqual([line for line in self.namespace.ip("-o", "link").stdout.splitlines() if "lo:" not in line], [])
        if not is_taken:  # what is lost to another pod goes back to IPAM
            self.assertLessEqual(before, self.node.leases())


class Liar(NodeCase):
    PODS = {"lab/client": {"app": "client"}, "lab/server": {"app": "server"}}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {"lab/server": (("TCP", 9000), ("UDP", 9000))}

    def test_an_address_of_another_pod_is_taken_over_by_its_new_owner_only(self):
        """ADD of an address that another port owns closes that port first."""
        old = self.node.pod("lab/old")
        addresses = {family: old.ip(family) for family in (4, 6)}
        conf = self.node.cni_conf()
        conf["ipam"]["dataDir"] = self.node.path("other-ipam")
        conf["ipam"]["ranges"] = [[{"subnet": cidr, "rangeStart": addresses[family], "rangeEnd": addresses[family]}]
                                  for family, cidr in zip((4, 6), self.node.cidrs)]
        new = Pod(self.node, "lab/new")
        self.addCleanup(new.close)
        new.add(conf=conf)
        self.assertEqual({family: new.ip(family) for family in (4, 6)}, addresses)
        states = {e["pod_name"]: e["state"] for e in self.node.endpoints()}
        self.assertNotEqual(states.get("old"), "ready", states)
        for family in (4, 6):
            target = self.pods["lab/server"].ip(family)
            self.assert_open(new, target, "TCP", 9000)
            self.assertEqual(probe(old, target, "TCP", 9000, 0.5), TIMEOUT)

    def test_a_pod_that_adds_another_pods_address_to_its_device_is_not_believed(self):
        client, server = self.pods["lab/client"], self.pods["lab/server"]
        liar = self.node.pod("lab/liar")
        liar.netns.ip("addr", "add", f"{client.ip(4)}/32", "dev", "eth0")
        liar.netns.ip("addr", "add", f"{client.ip(6)}/128", "dev", "eth0", "nodad")
        sender = frames.FrameSender(liar)
        self.addCleanup(sender.close)
        for family, make in ((4, frames.ipv4), (6, frames.ipv6)):
            source = client.ip(family)
            datagram = frames.udp(source, server.ip(family), 4000, 9000, b"not me")
            before = self.echo.count("lab/server", 9000, "UDP")
            self.assert_dropped("spoofed_ip", lambda: sender.send_ip(make(source, server.ip(family), frames.UDP, datagram)))
            self.assertEqual(self.echo.count("lab/server", 9000, "UDP"), before)
            self.assert_open(client, server.ip(family), "TCP", 9000)


class HungDataPlane(NodeCase):
    PODS = {"lab/fixed": {"app": "fixed"}}

    def test_check_of_a_pod_whose_data_plane_hangs_answers_in_time(self):
        import signal
        pod = Pod(self.node, "lab/checked")
        self.addCleanup(pod.close)
        added = pod.cni("ADD")
        pod.is_added = True
        conf = {**self.node.cni_conf(), "prevResult": added}
        pod.cni("CHECK", conf=conf)
        os.kill(self.node.dataplane.pid, signal.SIGSTOP)
        try:
            # Something to wait for: the agent finds out that nothing is acknowledged any more.
            self.node.write_policy("more.yaml", POLICY)
            wait_for("the agent has noticed", lambda: not self.node.status()["dataplane_connected"])
            with self.assertRaises(CniError) as refused:
                pod.cni("CHECK", conf=conf)
            note(f"CHECK with a hung data plane: code {refused.exception.code}: {refused.exception.message}")
            self.assertEqual(refused.exception.code, 11)
        finally:
            os.kill(self.node.dataplane.pid, signal.SIGCONT)
        self.node.wait_ready()
        wait_for("the pod is attached again", lambda: {e["state"] for e in self.node.endpoints()} == {"ready"})
        pod.cni("CHECK", conf=conf)
