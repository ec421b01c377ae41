// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/base/result.h"
#include "policy/model/cluster.h"

namespace bulkhead::question {

// A destination port to try; port 0 for protocols without ports.
struct Probe {
  std::uint8_t protocol = kTcp;
  std::uint16_t port = 0;
  [[nodiscard]] std::string text() const;  // "TCP/80", "ICMP"
  friend auto operator<=>(const Probe&, const Probe&) = default;
};

// "TCP/80", "UDP/53", "ICMP".
[[nodiscard]] Result<Probe> parse_probe(std::string_view text);

// Every port that a policy or a container names (of a range both bounds), and one TCP port that
// none names; in order of protocol and port.
[[nodiscard]] std::vector<Probe> default_probes(const model::Cluster& cluster);

}  // namespace bulkhead::question
