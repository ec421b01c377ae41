// SPDX-License-Identifier: Apache-2.0
#include "policy/question/probe.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace bulkhead::question {
namespace {

constexpr model::PortRange kAllPorts{};

std::vector<model::PortMatch> ranges_of(const model::Cluster& cluster) {
  std::vector<model::PortMatch> ranges;
  for (const auto& [id, policy] : cluster.policies) {
    for (const auto direction : kDirections) {
      for (const auto& rule : policy->rules_of(direction)) {
        for (const auto& match : rule.ports) {
          const auto* range = std::get_if<model::PortRange>(&match.port);
          if (range != nullptr && *range != kAllPorts) ranges.push_back(match);
        }
      }
    }
  }
  for (const auto& [key, pod] : cluster.pods) {
    for (const auto& port : pod->ports) {
      ranges.push_back({port.protocol, model::PortRange{port.port, port.port}});
    }
  }
  return ranges;
}

// The lowest TCP port in none of the ranges; 0 when they fill everything.
std::uint16_t unnamed_port(const std::vector<model::PortMatch>& ranges) {
  std::vector<model::PortRange> tcp;
  for (const auto& match : ranges) {
    if (match.protocol == kTcp) tcp.push_back(std::get<model::PortRange>(match.port));
  }
  std::sort(tcp.begin(), tcp.end());
  std::uint32_t candidate = 1;
  for (const auto& range : tcp) {
    if (range.first > candidate) break;
    candidate = std::max(candidate, std::uint32_t{range.last} + 1);
  }
  return candidate > 65535 ? std::uint16_t{0} : static_cast<std::uint16_t>(candidate);
}

}  // namespace

std::string Probe::text() const {
  if (!has_ports(protocol)) return protocol_name(protocol);
  return fmt::format("{}/{}", protocol_name(protocol), port);
}

Result<Probe> parse_probe(std::string_view text) {
  constexpr std::string_view kForms = "write TCP/80, UDP/53, SCTP/7777 or ICMP";
  const auto slash = text.find('/');
  const auto protocol = protocol_number(text.substr(0, slash));
  if (!protocol) return fail("'{}' is not a probe: {}", text.substr(0, 80), kForms);
  if (!has_ports(*protocol)) {
    if (slash != text.npos) return fail("'{}' is not a probe: {}", text.substr(0, 80), kForms);
    return Probe{*protocol, 0};
  }
  const auto digits = slash == text.npos ? std::string_view{} : text.substr(slash + 1);
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool is_whole = error == std::errc{} && end == digits.data() + digits.size();
  if (!is_whole || port == 0 || port > 65535) {
    return fail("'{}' is not a probe: {}", text.substr(0, 80), kForms);
  }
  return Probe{*protocol, static_cast<std::uint16_t>(port)};
}

std::vector<Probe> default_probes(const model::Cluster& cluster) {
  const auto ranges = ranges_of(cluster);
  std::set<Probe> probes;
  for (const auto& match : ranges) {
    const auto& range = std::get<model::PortRange>(match.port);
    probes.insert({match.protocol, range.first});
    probes.insert({match.protocol, range.last});
  }
  if (const auto port = unnamed_port(ranges); port != 0) probes.insert({kTcp, port});
  return {probes.begin(), probes.end()};
}

}  // namespace bulkhead::question
