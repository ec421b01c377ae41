// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/decode.h"
#include "policy/parse/fields.h"
#include "policy/parse/metadata.h"
#include "policy/parse/schema.h"
#include "policy/parse/tiers.h"

namespace bulkhead::parse {
namespace {

constexpr std::uint32_t kPortMost = 65535;

// Behind every written priority: the one BaselineAdminNetworkPolicy is asked after the
// ClusterNetworkPolicies of its tier.
constexpr std::int32_t kBehindAllPriorities = 1001;

std::uint8_t read_protocol_of(Report& report, const Node& node, const Path& path) {
  const Node* protocol = node.find("protocol");
  if (protocol == nullptr) return kTcp;
  return read_protocol(report, *protocol, path.field("protocol")).value_or(kTcp);
}

void read_port_number(Report& report, const Node& node, const Path& path,
                      std::vector<model::PortMatch>& ports) {
  if (!check_written_fields(report, node, path, {"protocol", "port"})) return;
  const std::uint8_t protocol = read_protocol_of(report, node, path);
  const Node* port = require_field(report, node, path, "port");
  if (port == nullptr) return;
  const auto number = read_integer(report, *port, path.field("port"), 1, kPortMost);
  if (!number) return;
  const auto value = static_cast<std::uint16_t>(*number);
  ports.push_back({protocol, model::PortRange{value, value}});
}

void read_port_range(Report& report, const Node& node, const Path& path,
                     std::vector<model::PortMatch>& ports) {
  if (!check_written_fields(report, node, path, {"protocol", "start", "end"})) return;
  const std::uint8_t protocol = read_protocol_of(report, node, path);
  const Node* start = require_field(report, node, path, "start");
  const Node* end = require_field(report, node, path, "end");
  if (start == nullptr || end == nullptr) return;
  const auto first = read_integer(report, *start, path.field("start"), 1, kPortMost);
  const auto last = read_integer(report, *end, path.field("end"), 1, kPortMost);
  if (!first || !last) return;
  if (*first >= *last) {
    report.error(node, path, "Invalid value: \"object\": Start port must be less than End port");
    return;
  }
  ports.push_back({protocol, model::PortRange{static_cast<std::uint16_t>(*first),
                                              static_cast<std::uint16_t>(*last)}});
}

// AdminNetworkPolicyPort: exactly one of its three fields.
void read_admin_port(Report& report, const Node& node, const Path& path,
                     std::vector<model::PortMatch>& ports) {
  const auto field = read_only_field(report, node, path, {"portNumber", "namedPort", "portRange"});
  if (!field) return;
  const Path at = path.field(field->name);
  if (field->name == "portNumber") return read_port_number(report, *field->value, at, ports);
  if (field->name == "portRange") return read_port_range(report, *field->value, at, ports);
  add_named_port(report, *field->value, at, ports);
}

constexpr TierDialect kAdminDialect = {.accept = "Allow",
                                       .has_pass = true,
                                       .has_domain_names = true,
                                       .most = 100,
                                       .ports_field = "ports",
                                       .read_port = read_admin_port};
constexpr TierDialect kBaselineDialect = {.accept = "Allow",
                                          .has_pass = false,
                                          .has_domain_names = false,
                                          .most = 100,
                                          .ports_field = "ports",
                                          .read_port = read_admin_port};

model::Policy read_head(Report& report, const Node& object, model::PolicyKind kind) {
  (void)check_fields(report, object, {}, {"apiVersion", "kind", "metadata", "spec", "status"});
  const Metadata metadata = read_metadata(report, object, Scope::ClusterWide);
  model::Policy policy;
  policy.kind = kind;
  policy.name = metadata.name;
  policy.staged = metadata.is_staged;
  policy.origin = report.origin(object);
  return policy;
}

}  // namespace

model::Policy decode_admin_network_policy(Report& report, const Node& object) {
  model::Policy policy = read_head(report, object, model::PolicyKind::AdminNetworkPolicy);
  policy.tier = model::Tier::Admin;
  const Path root;
  const Path path = root.field("spec");
  const Node* spec = require_field(report, object, root, "spec");
  if (spec == nullptr ||
      !check_written_fields(report, *spec, path, {"priority", "subject", "ingress", "egress"})) {
    return policy;
  }
  policy.priority = read_priority(report, *spec, path);
  read_tier_spec(report, *spec, path, kAdminDialect, policy);
  return policy;
}

model::Policy decode_baseline_admin_network_policy(Report& report, const Node& object) {
  model::Policy policy = read_head(report, object, model::PolicyKind::BaselineAdminNetworkPolicy);
  policy.tier = model::Tier::Baseline;
  policy.priority = kBehindAllPriorities;
  if (!policy.name.empty() && policy.name != "default") {
    report.error(object, {},
                 "Invalid value: \"object\": Only one baseline admin network policy with "
                 "metadata.name=\"default\" can be created in the cluster");
  }
  const Path root;
  const Path path = root.field("spec");
  const Node* spec = require_field(report, object, root, "spec");
  if (spec == nullptr ||
      !check_written_fields(report, *spec, path, {"subject", "ingress", "egress"})) {
    return policy;
  }
  read_tier_spec(report, *spec, path, kBaselineDialect, policy);
  return policy;
}

}  // namespace bulkhead::parse
