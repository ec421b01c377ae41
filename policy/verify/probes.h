// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "policy/model/cluster.h"

namespace bulkhead::verify {

// The ports to ask about: each bound that a policy which can select a pod of this namespace names,
// each port that one of the two pods names, the DNS port, and the value on either side of all of
// them. Ascending. A pod may be null.
class PortProbes {
 public:
  explicit PortProbes(const model::Cluster& cluster) : cluster_(cluster) {}

  [[nodiscard]] std::vector<std::uint16_t> between(const model::Pod& subject,
                                                   const model::Pod* peer);

 private:
  [[nodiscard]] const std::vector<std::uint16_t>& of_namespace(const std::string& name);

  const model::Cluster& cluster_;
  std::map<std::string, std::vector<std::uint16_t>> known_;
};

}  // namespace bulkhead::verify
