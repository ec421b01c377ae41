# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes the agent, and promtool finds nothing to complain about."""

import json
import os
import shutil
import tempfile
import unittest
import urllib.parse

from harness import http
from harness.case import NodeCase
from harness.process import Process
from harness.wait import wait_for
from test_chaos import POLICY

WANTED = ("build_info", "dataplane_up", "packets_total", "drops_total", "decisions_total", "flow_packets_total",
          "flow_bytes_total", "flows", "flow_capacity", "policy_revision", "policy_publish_seconds",
          "policy_rejected_total", "policy_stale_seconds", "policy_verified_ratio", "endpoints",
          "port_kernel_drops_total", "cni_seconds", "worker_seconds_total", "events_lost_total")


@unittest.skipUnless(shutil.which("prometheus") and shutil.which("promtool"), "Debian's prometheus is not installed")
class Prometheus(NodeCase):
    PODS = {"lab/client": {"app": "client"}, "lab/server": {"app": "server"}, "stray/pod": {"app": "stray"}}
    POLICIES = {"lab.yaml": POLICY}
    SERVERS = {"lab/server": (("TCP", 9000), ("UDP", 9000))}

    def setUp(self):
        self.assert_reach(allowed=[("lab/client", "lab/server", protocol, 9000) for protocol in ("TCP", "UDP")],
                          denied=[("stray/pod", "lab/server", protocol, 9000) for protocol in ("TCP", "UDP")])

    def test_every_promised_metric_is_there(self):
        def missing():
            metrics = self.node.metrics()
            return [name for name in WANTED if not metrics.has(f"bulkhead_{name}")]
        try:
            wait_for("every promised metric", lambda: not missing(), timeout=5)
        except AssertionError:
            self.fail(f"missing: {missing()}")

    def test_promtool_is_clean(self):
        done = self.node.host.run("promtool", "check", "metrics", check=False, input=self.node.metrics().text)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_health_and_readiness(self):
        for target in ("/healthz", "/readyz"):
            status, _ = http.fetch(self.node.host.path, "127.0.0.1", self.node.metrics_port, target)
            self.assertEqual(status, 200, target)

    def test_prometheus_scrapes_what_the_agent_says(self):
        folder = tempfile.mkdtemp(prefix="bulkhead-e2e-prometheus-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as out:
            json.dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [
                {"job_name": "bulkhead", "static_configs": [{"targets": [f"127.0.0.1:{self.node.metrics_port}"]}]}]},
                out)
        server = Process("prometheus", ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                                        "--web.listen-address=127.0.0.1:9090"], f"{folder}/log", self.node.host.path)
        self.addCleanup(server.stop)

        def query(expression):
            target = "/api/v1/query?query=" + urllib.parse.quote(expression)
            try:
                status, text = http.fetch(self.node.host.path, "127.0.0.1", 9090, target)
            except OSError:
                return []
            return json.loads(text)["data"]["result"] if status == 200 else []

        wait_for("the target is up", lambda: any(row["value"][1] == "1" for row in query("up")), timeout=20,
                 interval=0.2)
        expected = self.node.metrics().drops("denied_egress")
        self.assertGreater(expected, 0)
        wait_for("drops_total is what the agent says", lambda: any(
            float(row["value"][1]) == expected for row in query('bulkhead_drops_total{reason="denied_egress"}')),
            timeout=10, interval=0.2)

    def test_commands_answer_in_json(self):
        for command in ("status", "endpoints", "flows"):
            with self.subTest(command):
                done = self.node.command(command, "-o", "json")
                self.assertEqual(done.returncode, 0, done.stderr)
                for line in (done.stdout.splitlines() if command == "flows" else [done.stdout]):
                    json.loads(line)

    def test_denied_flows_name_their_pods_and_rule(self):
        def found():
            done = self.node.command("flows", "--verdict", "deny", "-o", "json")
            flows = [json.loads(line) for line in done.stdout.splitlines()]
            return [flow for flow in flows if flow["source"].get("pod") == "pod"
                    and flow["destination"].get("pod") == "server" and flow["rule"]]
        flow = wait_for("a flow record of the denied probe", found)[0]
        self.assertEqual(flow["source"]["namespace"], "stray")
        self.assertTrue(flow["reason"].startswith("denied_"), flow)
