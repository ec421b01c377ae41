// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/decode.h"
#include "policy/parse/fields.h"
#include "policy/parse/metadata.h"
#include "policy/parse/schema.h"
#include "policy/parse/tiers.h"

namespace bulkhead::parse {
namespace {

constexpr std::uint32_t kPortMost = 65535;

// Port: a number, or a range whose start lies before its end.
std::optional<model::PortRange> read_destination_port(Report& report, const Node& node,
                                                      const Path& path) {
  const auto field = read_only_field(report, node, path, {"number", "range"});
  if (!field) return {};
  const Path at = path.field(field->name);
  if (field->name == "number") {
    const auto number = read_integer(report, *field->value, at, 1, kPortMost);
    if (!number) return {};
    const auto port = static_cast<std::uint16_t>(*number);
    return model::PortRange{port, port};
  }
  if (!check_fields(report, *field->value, at, {"start", "end"})) return {};
  const Node* start = require_field(report, *field->value, at, "start");
  const Node* end = require_field(report, *field->value, at, "end");
  if (start == nullptr || end == nullptr) return {};
  const auto first = read_integer(report, *start, at.field("start"), 1, kPortMost);
  const auto last = read_integer(report, *end, at.field("end"), 1, kPortMost);
  if (!first || !last) return {};
  if (*first >= *last) {
    report.error(*field->value, at,
                 "Invalid value: \"object\": Start port must be less than End port");
    return {};
  }
  return model::PortRange{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

std::uint8_t protocol_of(std::string_view field) {
  if (field == "udp") return kUdp;
  return field == "sctp" ? kSctp : kTcp;
}

// ClusterNetworkPolicyProtocol: one protocol with its port, or the name of a container port.
void read_protocol_match(Report& report, const Node& node, const Path& path,
                         std::vector<model::PortMatch>& ports) {
  const auto field =
      read_only_field(report, node, path, {"tcp", "udp", "sctp", "destinationNamedPort"});
  if (!field) return;
  const Path at = path.field(field->name);
  if (field->name == "destinationNamedPort")
    return add_named_port(report, *field->value, at, ports);
  // Each protocol demands at least one attribute, and there is but one.
  const auto attribute = read_only_field(report, *field->value, at, {"destinationPort"});
  if (!attribute) return;
  const auto range = read_destination_port(report, *attribute->value, at.field("destinationPort"));
  if (range) ports.push_back({protocol_of(field->name), *range});
}

constexpr TierDialect kDialect = {.accept = "Accept",
                                  .has_pass = true,
                                  .has_domain_names = true,
                                  .most = 25,
                                  .ports_field = "protocols",
                                  .read_port = read_protocol_match};

model::Tier read_tier(Report& report, const Node& spec, const Path& path) {
  const Node* node = require_field(report, spec, path, "tier");
  if (node == nullptr) return model::Tier::Admin;
  if (node->is_scalar() && node->scalar == "Baseline") return model::Tier::Baseline;
  if (!node->is_scalar() || node->scalar != "Admin") {
    report.unsupported(*node, path.field("tier"), R"("Admin", "Baseline")");
  }
  return model::Tier::Admin;
}

}  // namespace

model::Policy decode_cluster_network_policy(Report& report, const Node& object) {
  (void)check_fields(report, object, {}, {"apiVersion", "kind", "metadata", "spec", "status"});
  const Metadata metadata = read_metadata(report, object, Scope::ClusterWide);
  model::Policy policy;
  policy.kind = model::PolicyKind::ClusterNetworkPolicy;
  policy.name = metadata.name;
  policy.staged = metadata.is_staged;
  policy.origin = report.origin(object);

  const Path root;
  const Path path = root.field("spec");
  const Node* spec = require_field(report, object, root, "spec");
  if (spec == nullptr ||
      !check_written_fields(report, *spec, path,
                            {"tier", "priority", "subject", "ingress", "egress"})) {
    return policy;
  }
  policy.tier = read_tier(report, *spec, path);
  policy.priority = read_priority(report, *spec, path);
  read_tier_spec(report, *spec, path, kDialect, policy);
  return policy;
}

}  // namespace bulkhead::parse
