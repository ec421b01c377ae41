# SPDX-License-Identifier: Apache-2.0
"""What may happen to an agent's folders: swapped, emptied, full, read-only. Enforcement goes on all the while."""

import contextlib
import os
import shutil

from harness.case import NodeCase, note
from harness.netns import run
from harness.pod import CniError, Pod
from harness.stream import Stream
from harness.wait import wait_for

SWAPS = 200
POLICY = """
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: lab, namespace: lab}
spec: {within: true}
"""
OTHER = """
---
apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: elsewhere, namespace: elsewhere}
spec: {ingress: [{from: [{cidr: 203.0.113.0/24}], ports: [TCP/%d]}]}
"""


class _Folders(NodeCase):
    PODS = {"lab/client": {"app": "client"}, "lab/server": {"app": "server"}, "stray/pod": {"app": "stray"}}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {"lab/server": (("TCP", 9000), ("UDP", 9000))}

    def stream(self, source, family):
        stream = Stream(self.pods[source], self.pods["lab/server"].ip(family), "UDP", 9000, per_second=500)
        self.addCleanup(stream.stop, drain=0)
        return stream

    def assert_enforcement(self):
        self.assert_reach(allowed=[("lab/client", "lab/server", "TCP", 9000)],
                          denied=[("stray/pod", "lab/server", "TCP", 9000)])

    def assert_attach_fails(self):
        """An ADD is refused and leaves nothing behind."""
        leases = self.node.leases()
        pod = Pod(self.node, "lab/late")
        self.addCleanup(pod.netns.close)
        with self.assertRaises(CniError):
            pod.add()
        self.assertEqual(pod.netns.ip("link", "show", "eth0", check=False).returncode, 1, "a device was left")
        self.assertEqual(self.node.leases(), leases)
        self.assertEqual(len(self.node.endpoints()), len(self.PODS))

    def assert_attach_works(self):
        pod = Pod(self.node, "lab/late").add()
        self.assert_open(pod, self.pods["lab/server"].ip(4), "TCP", 9000)
        self.assert_open(pod, self.pods["lab/server"].ip(6), "TCP", 9000)
        pod.close()


class ConfigMapSwaps(_Folders):
    PODS = {**_Folders.PODS, "elsewhere/pod": {"app": "elsewhere"}}

    def swap(self, number):
        """As the kubelet does it: a new folder, and one rename that makes it the data."""
        folder = self.node.path("etc/bulkhead/policies.d")
        version = f"..version{number}"
        os.mkdir(os.path.join(folder, version))
        with open(os.path.join(folder, version, "lab.yaml"), "w", encoding="utf-8") as out:
            out.write(POLICY + OTHER % (1 + number))
        os.symlink(version, os.path.join(folder, "..new"))
        os.rename(os.path.join(folder, "..new"), os.path.join(folder, "..data"))
        if number > 0:
            shutil.rmtree(os.path.join(folder, f"..version{number - 1}"))

    def test_swaps_under_traffic_never_give_a_wrong_verdict(self):
        self.swap(0)
        link = self.node.path("etc/bulkhead/policies.d/.lab.new")
        os.symlink("..data/lab.yaml", link)
        os.rename(link, self.node.path("etc/bulkhead/policies.d/lab.yaml"))
        before = self.node.status()["revision_acknowledged"]
        allowed = [self.stream("lab/client", family) for family in (4, 6)]
        for stream in allowed:
            wait_for("the stream flows", lambda s=stream: s.replies > 20)
        denied = [self.stream("stray/pod", family) for family in (4, 6)]
        for number in range(1, SWAPS + 1):
            sent = allowed[0].sent
            self.swap(number)
            if number % 3 == 0:  # some in one breath, some with traffic between them
                wait_for("some packets went", lambda n=sent: allowed[0].sent > n + 5)
        wait_for("the last version is in force", lambda: self.rule_of(SWAPS))
        status = self.node.status()
        note(f"{SWAPS} swaps, {status['revision_acknowledged'] - before} revisions, {allowed[0].sent} packets a family")
        for stream in denied:
            self.assertGreater(stream.sent, 0)
            self.assertEqual(stream.replies, 0, "a forbidden packet was answered")
        for stream in allowed:
            self.assertEqual(stream.stop(), 0, "an allowed packet was lost")

    def rule_of(self, number):
        answer = self.node.call("POST", "/v1/explain", {"from": "203.0.113.7", "to": "elsewhere/pod", "protocol": "TCP",
                                                        "port": 1 + number})
        return answer[0] == 200 and answer[1]["verdict"] == "allow"


class PolicyFolderVanishes(_Folders):
    def test_what_was_accepted_stays_and_what_comes_back_counts(self):
        """A folder that cannot be read (an unmounted volume) says nothing: it is no order to delete."""
        folder = self.node.path("etc/bulkhead/policies.d")
        kept = self.node.path("kept")
        shutil.copytree(folder, kept)
        streams = [self.stream("lab/client", family) for family in (4, 6)]
        for stream in streams:
            wait_for("the stream flows", lambda s=stream: s.replies > 20)
        for _ in range(2):
            shutil.rmtree(folder)
            wait_for("the status names the folder", lambda: any(
                folder in str(error) for error in self.node.status()["errors"]))
            self.assert_enforcement()
            shutil.copytree(kept, folder)
            os.unlink(os.path.join(folder, "lab.yaml"))
            for stream in streams:
                wait_for("what came back without the policy cuts the stream", lambda s=stream: s.is_quiet_for(0.5))
            shutil.copy(os.path.join(kept, "lab.yaml"), folder)
            for stream in streams:
                wait_for("the stream is open again", lambda s=stream: not s.is_quiet_for(0.1))
            self.assertEqual(self.node.status()["errors"], [])
            self.assert_enforcement()


class FullRunFolder(_Folders):
    """run/bulkhead is a small tmpfs, as /run is, and somebody filled it."""

    class NODE(_Folders.NODE):
        def start_dataplane(self):
            folder = self.path("run/bulkhead")
            if not os.path.ismount(folder):
                run("mount", "-t", "tmpfs", "-o", "size=160m", "bulkhead-e2e", folder)
            super().start_dataplane()

        def close(self, keep_logs=False):
            for process in (self.agent, self.dataplane):
                process.kill()
            run("umount", "-l", self.path("run/bulkhead"), check=False)
            super().close(keep_logs)

    def fill(self):
        path = self.node.path("run/bulkhead/filler")
        with open(path, "wb", buffering=0) as out:
            try:
                while True:
                    out.write(b"x" * 4096)
            except OSError:
                pass
        return path

    def test_it_goes_on_enforcing_and_recovers(self):
        filler = self.fill()
        self.assert_enforcement()
        self.node.agent.kill()
        self.node.start_agent()
        wait_for("an agent that cannot keep its journal gives up", lambda: not self.node.agent.is_running())
        self.assertEqual(self.node.agent.child.returncode, 1)
        self.assertIn("No space left on device", self.node.agent.log_text().splitlines()[-1])
        self.assert_enforcement()
        os.unlink(filler)
        self.node.start_agent()
        self.node.wait_ready()
        self.assert_attach_works()
        self.fill()
        self.node.dataplane.kill()
        self.node.start_dataplane()
        self.node.wait_ready()
        self.assert_enforcement()


class ReadOnlyState(_Folders):
    def test_what_is_in_force_stays_and_nobody_is_half_attached(self):
        # A mount of its own above the folder: the agent has files open for writing in the one below.
        folder = self.node.path("var/lib/bulkhead")
        run("mount", "--bind", folder, folder)
        mounted = contextlib.ExitStack()
        mounted.callback(run, "umount", "-l", folder)
        self.addCleanup(mounted.close)
        run("mount", "-o", "remount,bind,ro", folder)
        self.assert_enforcement()
        self.assert_attach_fails()
        mounted.close()
        self.assert_attach_works()
        self.assert_enforcement()


class RunFolderVanishes(_Folders):
    def test_enforcement_stays_and_a_restart_of_both_brings_every_pod_back(self):
        shutil.rmtree(self.node.path("run/bulkhead"))
        self.assert_enforcement()
        pod = Pod(self.node, "lab/late")
        self.addCleanup(pod.netns.close)
        with self.assertRaises(CniError):
            pod.add()
        self.assertEqual(pod.netns.ip("link", "show", "eth0", check=False).returncode, 1, "a device was left")
        for program in ("agent", "dataplane"):
            self.assertEqual(getattr(self.node, program).stop(), 0)
            getattr(self.node, f"start_{program}")()
        self.node.wait_ready()
        wait_for("every endpoint is ready again", lambda: [e["state"] for e in self.node.endpoints()]
                 == ["ready"] * len(self.PODS))
        self.assert_enforcement()
        self.assert_attach_works()
