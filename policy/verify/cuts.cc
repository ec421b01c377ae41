// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/cuts.h"

#include <algorithm>
#include <iterator>

namespace bulkhead::verify {

AddressCuts::AddressCuts() {
  for (const Family family : {Family::V4, Family::V6}) starts_[IpAddress{{}, family}] = 1;
}

void AddressCuts::count(const Prefix& prefix, std::int64_t by) {
  count(prefix.address(), by);
  if (const auto next = next_after(prefix)) count(*next, by);
}

void AddressCuts::count(const IpAddress& start, std::int64_t by) {
  const auto [found, is_new] = starts_.try_emplace(start, 0);
  was_there_.try_emplace(start, !is_new);
  found->second += by;
  if (found->second == 0) starts_.erase(found);
}

const IpAddress& AddressCuts::start_of(const IpAddress& address) const {
  // Never the beginning: each family's lowest address is a start.
  return std::prev(starts_.upper_bound(address))->first;
}

std::vector<IpAddress> AddressCuts::take_moved() {
  std::vector<IpAddress> moved;
  for (const auto& [start, was_there] : was_there_) {
    if (starts_.contains(start) != was_there) moved.push_back(start);
  }
  was_there_.clear();
  return moved;
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

bool names_nodes(const model::PolicyPtr& policy) {
  if (policy == nullptr) return false;
  return std::ranges::any_of(policy->rules, [](const auto& rules) {
    return std::ranges::any_of(rules, [](const model::Rule& rule) {
      return std::ranges::any_of(rule.peers, [](const model::Peer& peer) {
        return std::holds_alternative<model::NodePeer>(peer);
      });
    });
  });
}

}  // namespace bulkhead::verify
