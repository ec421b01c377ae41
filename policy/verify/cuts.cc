// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/cuts.h"

#include <algorithm>

namespace bulkhead::verify {

AddressCuts::AddressCuts(const model::Cluster& cluster) {
  starts_.push_back(IpAddress{{}, Family::V4});
  starts_.push_back(IpAddress{{}, Family::V6});
  for (const auto& [id, policy] : cluster.policies) {
    for (const Prefix& prefix : prefixes_of(*policy)) add(prefix);
  }
  for (const Prefix& prefix : cluster.settings.pod_cidrs) add(prefix);
  for (const IpAddress& address : cluster.settings.dns_addresses) add(Prefix::host(address));
  for (const auto& [key, pod] : cluster.pods) {
    if (pod->quarantine && pod->quarantine->forensic_peer) add(*pod->quarantine->forensic_peer);
  }
  std::ranges::sort(starts_);
  starts_.erase(std::unique(starts_.begin(), starts_.end()), starts_.end());
}

void AddressCuts::add(const Prefix& prefix) {
  starts_.push_back(prefix.address());
  if (const auto next = next_after(prefix)) starts_.push_back(*next);
}

std::size_t AddressCuts::stretch_of(const IpAddress& address) const {
  // Never the beginning: each family's lowest address is a start.
  return static_cast<std::size_t>(std::ranges::upper_bound(starts_, address) - starts_.begin()) - 1;
}

std::optional<IpAddress> next_after(const Prefix& prefix) {
  IpAddress next = prefix.address();
  for (unsigned bit = prefix.length(); bit > 0; --bit) {
    const unsigned mask = 0x80u >> ((bit - 1) % 8);
    auto& byte = next.bytes[(bit - 1) / 8];
    byte = static_cast<std::uint8_t>(byte ^ mask);
    if ((byte & mask) != 0) return next;  // no carry
  }
  return std::nullopt;
}

std::vector<Prefix> prefixes_of(const model::Policy& policy) {
  std::vector<Prefix> prefixes;
  for (const auto& rules : policy.rules) {
    for (const auto& rule : rules) {
      for (const auto& peer : rule.peers) {
        const auto* cidr = std::get_if<model::CidrPeer>(&peer);
        if (cidr == nullptr) continue;
        prefixes.push_back(cidr->prefix);
        prefixes.insert(prefixes.end(), cidr->except.begin(), cidr->except.end());
      }
    }
  }
  return prefixes;
}

std::vector<Prefix> prefixes_of(const model::PolicyPtr& policy) {
  return policy != nullptr ? prefixes_of(*policy) : std::vector<Prefix>{};
}

}  // namespace bulkhead::verify
