# SPDX-License-Identifier: Apache-2.0
"""A containerd of the test's own, and containers that it wires through the plugin."""

import io
import json
import os
import shutil
import tarfile
import tempfile

from harness.netns import PREFIX, run
from harness.process import Process
from harness.wait import wait_for

IMAGE = "bulkhead.test/busybox:1"
_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}


def image_archive(path):
    """A docker-style image archive with a static busybox, made without any registry."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(shutil.which("busybox"), "bin/busybox")
        for name in ("sh", "sleep", "nc", "echo", "ip"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    from hashlib import sha256
    digest = sha256(layer.getvalue()).hexdigest()
    config = json.dumps({"architecture": _ARCH.get(os.uname().machine, os.uname().machine), "os": "linux",
                         "config": {}, "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as tar:
        for name, data in (("manifest.json", manifest), ("config.json", config), ("layer.tar", layer.getvalue())):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


class Containerd:
    """Own root, state and socket; `ctr` sees the node's CNI configuration in a private /etc."""

    def __init__(self, node):
        self.node = node
        self.folder = tempfile.mkdtemp(prefix="bulkhead-e2e-ctr-")
        self.socket = os.path.join(self.folder, "containerd.sock")
        self._write_configuration()
        self.daemon = Process("containerd", ["containerd", "--config", f"{self.folder}/config.toml"],
                              f"{self.folder}/log")
        wait_for("containerd answers", lambda: run("ctr", "-a", self.socket, "version", check=False).returncode == 0,
                 timeout=20, interval=0.1)
        image_archive(f"{self.folder}/image.tar")
        run("ctr", "-a", self.socket, "images", "import", f"{self.folder}/image.tar")

    def _write_configuration(self):
        for name in ("upper/cni/net.d", "work", "bin"):
            os.makedirs(os.path.join(self.folder, name))
        with open(f"{self.folder}/config.toml", "w", encoding="utf-8") as out:
            out.write(f'version = 2\nroot = "{self.folder}/root"\nstate = "{self.folder}/state"\n'
                      f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{self.socket}"\n')
        plugin = {**self.node.cni_conf()}
        plugin.pop("cniVersion")
        plugin.pop("name")
        with open(f"{self.folder}/upper/cni/net.d/10-bulkhead.conflist", "w", encoding="utf-8") as out:
            json.dump({"cniVersion": "1.0.0", "name": self.node.cni_conf()["name"], "plugins": [plugin]}, out)
        os.symlink(os.path.join(self.node.binaries, "bulkhead-cni"), f"{self.folder}/bin/bulkhead-cni")
        for name in ("host-local", "loopback"):
            shutil.copy(f"/usr/lib/cni/{name}", f"{self.folder}/bin/{name}")

    def ctr(self, *arguments, pod="", check=True):
        """Runs ctr in a mount namespace where /etc/cni/net.d and /usr/lib/cni are ours."""
        mounts = (f"cd {self.folder} && mount -t overlay overlay -o lowerdir=/etc,upperdir=upper,workdir=work /etc && "
                  "mount --bind upper/cni/net.d /etc/cni/net.d && mount --bind bin /usr/lib/cni && exec \"$@\"")
        environment = {**os.environ, "BULKHEAD_ROOT": self.node.root, "BULKHEAD_POD": pod}
        return run("unshare", "-m", "sh", "-c", mounts, "sh", "ctr", "-a", self.socket, *arguments, check=check,
                   env=environment, timeout=60)

    def start(self, pod, *command):
        """A detached container of the pod `namespace/name`; returns its container id."""
        container = PREFIX + pod.replace("/", "-")
        self.ctr("run", "-d", "--cni", IMAGE, container, *(command or ("sleep", "1000000")), pod=pod)
        return container

    def run_in(self, container, *command, check=False):
        return self.ctr("task", "exec", "--exec-id", f"x{os.urandom(4).hex()}", container, *command, check=check)

    def remove(self, container):
        self.ctr("task", "kill", "-s", "KILL", container, check=False)
        wait_for("the task has stopped", lambda: self.ctr("task", "rm", container, check=False).returncode == 0
                 or container not in self.ctr("task", "ls").stdout, timeout=10, interval=0.1)
        self.ctr("container", "rm", container, check=False)

    def close(self):
        for container in self.ctr("container", "ls", "-q", check=False).stdout.split():
            self.remove(container)
        self.daemon.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
