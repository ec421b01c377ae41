// SPDX-License-Identifier: Apache-2.0
#include "policy/question/outside.h"

#include <algorithm>
#include <set>

namespace bulkhead::question {
namespace {

IpAddress last_of(const Prefix& prefix) {
  IpAddress last = prefix.address();
  for (unsigned bit = prefix.length(); bit < last.bits(); ++bit) {
    last.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80u >> (bit % 8));
  }
  return last;
}

// The next address; false when there is none in the family.
bool step_up(IpAddress& address) {
  for (std::size_t i = address.size(); i-- > 0;) {
    if (++address.bytes[i] != 0) return true;
  }
  return false;
}

void step_down(IpAddress& address) {
  for (std::size_t i = address.size(); i-- > 0;) {
    if (address.bytes[i]-- != 0) return;
  }
}

void cut(std::set<IpAddress>& starts, const Prefix& prefix) {
  starts.insert(prefix.address());
  IpAddress next = last_of(prefix);
  if (step_up(next)) starts.insert(next);
}

void cut_by_block(std::set<IpAddress>& starts, const model::CidrPeer& block) {
  cut(starts, block.prefix);
  for (const auto& except : block.except) cut(starts, except);
}

void cut_by_nodes(std::set<IpAddress>& starts, const model::Cluster& cluster) {
  for (const auto& [name, node] : cluster.nodes) {
    for (const auto& address : node->addresses) cut(starts, Prefix::host(address));
  }
}

void cut_by_policies(std::set<IpAddress>& starts, const model::Cluster& cluster) {
  bool names_nodes = false;
  for (const auto& [id, policy] : cluster.policies) {
    for (const auto& rules : policy->rules) {
      for (const auto& rule : rules) {
        for (const auto& peer : rule.peers) {
          if (const auto* block = std::get_if<model::CidrPeer>(&peer)) cut_by_block(starts, *block);
          names_nodes = names_nodes || std::holds_alternative<model::NodePeer>(peer);
        }
      }
    }
  }
  if (names_nodes) cut_by_nodes(starts, cluster);
}

void cut_by_settings(std::set<IpAddress>& starts, const model::Cluster& cluster) {
  for (const auto& prefix : cluster.settings.pod_cidrs) cut(starts, prefix);
  for (const auto& address : cluster.settings.dns_addresses) cut(starts, Prefix::host(address));
  for (const auto& [key, pod] : cluster.pods) {
    const bool has_peer = pod->quarantine && pod->quarantine->forensic_peer;
    if (has_peer) cut(starts, *pod->quarantine->forensic_peer);
  }
}

}  // namespace

std::string Stretch::text() const {
  for (unsigned length = 0; length <= first.bits(); ++length) {
    const auto block = Prefix::make(first, length);
    if (block && block->address() == first && last_of(*block) == last) return block->text();
  }
  return fmt::format("{}-{}", first.text(), last.text());
}

std::vector<Stretch> stretches(std::span<const model::Cluster* const> clusters,
                               std::span<const Prefix> more) {
  std::set<IpAddress> starts;
  starts.insert(IpAddress{{}, Family::V4});
  starts.insert(IpAddress{{}, Family::V6});
  for (const auto* cluster : clusters) {
    cut_by_policies(starts, *cluster);
    cut_by_settings(starts, *cluster);
  }
  for (const auto& prefix : more) cut(starts, prefix);
  std::vector<Stretch> out;
  for (auto at = starts.begin(); at != starts.end(); ++at) {
    const auto next = std::next(at);
    const bool is_last = next == starts.end() || next->family != at->family;
    IpAddress last{{}, at->family};
    if (is_last) {
      std::fill_n(last.bytes.begin(), last.size(), std::uint8_t{0xff});
    } else {
      last = *next;
      step_down(last);
    }
    out.push_back({*at, last});
  }
  return out;
}

}  // namespace bulkhead::question
