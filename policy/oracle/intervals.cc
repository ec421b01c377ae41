// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "policy/oracle/oracle.h"

namespace bulkhead::oracle {
namespace {

constexpr std::uint32_t kPortLimit = 65536;

// A run of ports may begin at the first port of a range and just behind its last.
void cut(std::set<std::uint32_t>& starts, std::uint16_t first, std::uint16_t last) {
  starts.insert(first);
  starts.insert(std::uint32_t{last} + 1);
}

void cut_by_policy(std::set<std::uint32_t>& starts, const model::Policy& policy,
                   Direction direction) {
  for (const auto& rule : policy.rules_of(direction)) {
    for (const auto& match : rule.ports) {
      const auto* range = std::get_if<model::PortRange>(&match.port);
      if (range != nullptr) cut(starts, range->first, range->last);
    }
  }
}

std::set<std::uint32_t> run_starts(const model::Cluster& cluster, Direction direction,
                                   const Party& subject, const Party& peer) {
  constexpr std::uint16_t kDnsPort = 53;
  std::set<std::uint32_t> starts = {0};
  cut(starts, kDnsPort, kDnsPort);
  for (const auto& [id, policy] : cluster.policies) {
    const bool may_select =
        policy->namespace_name.empty() || policy->namespace_name == subject.pod->key.namespace_name;
    if (may_select) cut_by_policy(starts, *policy, direction);
  }
  const model::Pod* destination = direction == Direction::Egress ? peer.pod : subject.pod;
  if (destination != nullptr) {
    for (const auto& port : destination->ports) cut(starts, port.port, port.port);
  }
  starts.erase(kPortLimit);
  return starts;
}

}  // namespace

std::vector<Interval> decide_all_ports(const model::Cluster& cluster, Direction direction,
                                       const Party& subject, const Party& peer,
                                       std::uint8_t protocol) {
  if (!has_ports(protocol) || subject.pod == nullptr) {
    return {{0, 65535, decide(cluster, direction, subject, peer, protocol, 0)}};
  }
  std::vector<Interval> intervals;
  for (const std::uint32_t start : run_starts(cluster, direction, subject, peer)) {
    const auto first = static_cast<std::uint16_t>(start);
    Answer answer = decide(cluster, direction, subject, peer, protocol, first);
    if (!intervals.empty() && intervals.back().answer == answer) continue;
    if (!intervals.empty()) intervals.back().last = static_cast<std::uint16_t>(start - 1);
    intervals.push_back({first, 65535, std::move(answer)});
  }
  return intervals;
}

}  // namespace bulkhead::oracle
