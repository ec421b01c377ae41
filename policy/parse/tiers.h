// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "policy/model/policy.h"
#include "policy/parse/metadata.h"
#include "policy/parse/report.h"

namespace bulkhead::parse {

// What differs between ClusterNetworkPolicy v1alpha2 and its two forerunners of v1alpha1. The rest
// of the three kinds is read by the same code.
struct TierDialect {
  std::string_view accept;       // the word of the accepting action
  bool has_pass = true;          // v1alpha1's baseline has nothing to pass to
  bool has_domain_names = true;  // nor domain names
  std::size_t most = 25;         // rules a direction, peers and ports a rule
  std::string_view ports_field;  // of a rule: "protocols" or "ports"
  // Appends what one item of `ports_field` matches.
  void (*read_port)(Report& report, const Node& node, const Path& path,
                    std::vector<model::PortMatch>& ports);
};

// The number of `priority`, 0 to 1000.
[[nodiscard]] std::int32_t read_priority(Report& report, const Node& spec, const Path& path);

// `subject`, `ingress` and `egress` of a spec whose fields have been checked.
void read_tier_spec(Report& report, const Node& spec, const Path& path, const TierDialect& dialect,
                    model::Policy& policy);

// A port name matches the port of that name whatever its protocol: one match for each protocol.
void add_named_port(Report& report, const Node& node, const Path& path,
                    std::vector<model::PortMatch>& ports);

}  // namespace bulkhead::parse
