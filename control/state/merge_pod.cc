// SPDX-License-Identifier: Apache-2.0
#include "control/state/merge_pod.h"

#include <algorithm>

namespace bulkhead::control::state {

model::Pod merge_pod(const AttachedPod& attached, const model::PodPtr& written,
                     std::vector<std::string>& warnings) {
  const auto warn = [&](std::string text) {
    warnings.push_back(attached.pod.text() + ": " + std::move(text));
  };
  const bool is_another = written != nullptr && !written->uid.empty() && !attached.uid.empty() &&
                          written->uid != attached.uid;
  if (is_another) {
    warn(fmt::format("attached with UID {}, the inventory says {}; its labels are not used",
                     attached.uid, written->uid));
  }
  model::Pod pod;
  if (written == nullptr || is_another) {
    pod.key = attached.pod;
    pod.uid = attached.uid;
    pod.labels = attached.labels;
    return pod;
  }
  pod = *written;
  pod.ips.clear();
  if (pod.host_network) {
    warn("is attached although the inventory says hostNetwork");
    pod.host_network = false;
  }
  const bool differs = std::ranges::any_of(written->ips, [&](const IpAddress& ip) {
    return std::ranges::find(attached.ips, ip) == attached.ips.end();
  });
  if (differs) warn("the inventory's podIPs differ from what IPAM gave; IPAM's are used");
  return pod;
}

}  // namespace bulkhead::control::state
