// SPDX-License-Identifier: Apache-2.0
#include "policy/question/end.h"

#include <algorithm>

namespace bulkhead::question {
namespace {

const model::Pod* owner_of(const model::Cluster& cluster, const IpAddress& address) {
  for (const auto& [key, pod] : cluster.pods) {
    const bool is_owner =
        pod->is_live() && std::find(pod->ips.begin(), pod->ips.end(), address) != pod->ips.end();
    if (is_owner) return pod.get();
  }
  return nullptr;
}

Result<End> find_pod_end(const model::Cluster& cluster, std::string_view text, std::size_t slash,
                         std::optional<Family> family) {
  const model::PodKey key{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
  const auto found = cluster.pods.find(key);
  if (found == cluster.pods.end()) {
    return fail("no pod {} in what was read; name it as namespace/pod, or give an address",
                key.text());
  }
  if (!found->second->is_live()) {
    return fail("pod {} {}", key.text(),
                found->second->finished ? "has finished: no policy concerns it"
                                        : "uses the host's network: ask about the node's address");
  }
  auto end = end_of(*found->second, family);
  if (!end) return fail("pod {} has no {} address", key.text(), name_of(*family));
  return *end;
}

}  // namespace

std::optional<End> end_of(const model::Pod& pod, std::optional<Family> family) {
  End end{pod.key.text(), pod.kind, &pod, {}};
  if (pod.ips.empty()) return end;
  const auto address = std::find_if(pod.ips.begin(), pod.ips.end(), [&](const IpAddress& ip) {
    return !family || ip.family == *family;
  });
  if (address == pod.ips.end()) return {};
  end.address = *address;
  return end;
}

Result<End> find_end(const model::Cluster& cluster, std::string_view text,
                     std::optional<Family> family) {
  if (const auto slash = text.find('/'); slash != text.npos) {
    return find_pod_end(cluster, text, slash, family);
  }
  const auto address = IpAddress::parse(text);
  if (!address) {
    return fail("'{}' is neither namespace/pod nor an address", text.substr(0, 80));
  }
  if (family && address->family != *family) {
    return fail("{} is not an {} address", address->text(), name_of(*family));
  }
  if (const auto* pod = owner_of(cluster, *address)) {
    return End{pod->key.text(), pod->kind, pod, *address};
  }
  return End{address->text(), "External", nullptr, *address};
}

End external_end(const model::Cluster& cluster, const Prefix& block) {
  IpAddress address = block.address();
  // The first address of a block names the network, and 0.0.0.0 nobody.
  const bool has_hosts = block.length() + 1 < address.bits();
  if (has_hosts) address.bytes[address.size() - 1] |= 1;
  const auto* pod = owner_of(cluster, address);
  return {block.text(), "External", pod, address};
}

}  // namespace bulkhead::question
