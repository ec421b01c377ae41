# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/demo: a container image made from this machine's own programs; no registry.

image=bulkhead.demo/tools:1
architecture="$(dpkg --print-architecture)"

# copy_program PATH ROOTFS: with the shared libraries it needs.
copy_program() {
  local file
  cp "$1" "$2/bin/"
  for file in $(ldd "$1" 2> /dev/null | grep -o '/[^ ]*'); do
    mkdir -p "$2$(dirname "$file")"
    cp -L "$file" "$2$file"
  done
}

make_rootfs() {
  local rootfs="$1" name
  mkdir -p "$rootfs/bin" "$rootfs/tmp" "$rootfs/etc"
  cp "$(command -v busybox)" "$rootfs/bin/busybox"
  for name in sh cat echo sleep ip ping; do ln -s busybox "$rootfs/bin/$name"; done
  copy_program "$(command -v socat)" "$rootfs"
  cp "$here/lib/pod_serve.sh" "$rootfs/bin/pod-serve"
  cp "$here/lib/pod_probe.sh" "$rootfs/bin/pod-probe"
  chmod 755 "$rootfs"/bin/pod-*
}

# make_image TAR: an archive that `ctr images import` takes.
make_image() {
  local folder digest
  folder="$(mktemp -d "$work/image.XXXXXX")"
  make_rootfs "$folder/rootfs"
  tar -C "$folder/rootfs" -cf "$folder/layer.tar" .
  digest="$(sha256sum "$folder/layer.tar" | cut -d' ' -f1)"
  jq -n --arg architecture "$architecture" --arg digest "sha256:$digest" '{architecture: $architecture, os: "linux",
    config: {Env: ["PATH=/bin"]}, rootfs: {type: "layers", diff_ids: [$digest]}}' > "$folder/config.json"
  jq -n --arg image "$image" '[{Config: "config.json", RepoTags: [$image], Layers: ["layer.tar"]}]' \
    > "$folder/manifest.json"
  tar -C "$folder" -cf "$1" manifest.json config.json layer.tar
  rm -rf "$folder"
}
