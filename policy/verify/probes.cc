// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/probes.h"

#include <algorithm>

namespace bulkhead::verify {
namespace {

void add(std::vector<std::uint16_t>& ports, std::uint16_t bound) {
  ports.push_back(bound);
  if (bound > 0) ports.push_back(static_cast<std::uint16_t>(bound - 1));
  if (bound < 65535) ports.push_back(static_cast<std::uint16_t>(bound + 1));
}

void add_pod(std::vector<std::uint16_t>& ports, const model::Pod* pod) {
  if (pod == nullptr) return;
  for (const auto& port : pod->ports) add(ports, port.port);
}

void settle(std::vector<std::uint16_t>& ports) {
  std::ranges::sort(ports);
  ports.erase(std::ranges::unique(ports).begin(), ports.end());
}

}  // namespace

const std::vector<std::uint16_t>& PortProbes::of_namespace(const std::string& name) {
  const auto [found, is_new] = known_.try_emplace(name);
  auto& ports = found->second;
  if (!is_new) return ports;
  constexpr std::uint16_t kDnsPort = 53;
  for (const std::uint16_t bound : {std::uint16_t{0}, kDnsPort, std::uint16_t{65535}}) {
    add(ports, bound);
  }
  for (const auto& [id, policy] : cluster_.policies) {
    if (!policy->namespace_name.empty() && policy->namespace_name != name) continue;
    for (const auto& rules : policy->rules) {
      for (const auto& rule : rules) {
        for (const auto& match : rule.ports) {
          const auto* range = std::get_if<model::PortRange>(&match.port);
          if (range == nullptr) continue;
          add(ports, range->first);
          add(ports, range->last);
        }
      }
    }
  }
  settle(ports);
  return ports;
}

std::vector<std::uint16_t> PortProbes::between(const model::Pod& subject, const model::Pod* peer) {
  std::vector<std::uint16_t> ports = of_namespace(subject.key.namespace_name);
  add_pod(ports, &subject);
  add_pod(ports, peer);
  settle(ports);
  return ports;
}

}  // namespace bulkhead::verify
