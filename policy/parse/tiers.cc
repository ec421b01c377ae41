// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/tiers.h"

#include <algorithm>

#include "policy/parse/decode.h"
#include "policy/parse/fields.h"
#include "policy/parse/names.h"
#include "policy/parse/schema.h"
#include "policy/parse/selector.h"
#include "policy/parse/tier_peers.h"

namespace bulkhead::parse {
namespace {

constexpr std::size_t kRuleNameMost = 100;

std::optional<model::RuleAction> action_of(const Node& node, const TierDialect& dialect) {
  if (!node.is_scalar()) return {};
  if (node.scalar == dialect.accept) return model::RuleAction::Accept;
  if (node.scalar == "Deny") return model::RuleAction::Deny;
  if (node.scalar == "Pass" && dialect.has_pass) return model::RuleAction::Pass;
  return {};
}

model::RuleAction read_action(Report& report, const Node& rule, const Path& path,
                              const TierDialect& dialect) {
  const Node* node = require_field(report, rule, path, "action");
  if (node == nullptr) return model::RuleAction::Deny;
  if (const auto action = action_of(*node, dialect)) return *action;
  report.unsupported(
      *node, path.field("action"),
      fmt::format(R"("{}", "Deny"{})", dialect.accept, dialect.has_pass ? R"(, "Pass")" : ""));
  return model::RuleAction::Deny;
}

void read_rule_name(Report& report, const Node& rule, const Path& path, model::Rule& out) {
  const Node* node = rule.find("name");
  if (node == nullptr) return;
  const Path at = path.field("name");
  const auto text = read_string(report, *node, at);
  if (text && check_length(report, *node, at, kRuleNameMost)) out.name = *text;
}

void read_rule_ports(Report& report, const Node& rule, const Path& path, const TierDialect& dialect,
                     model::Rule& out) {
  const Node* node = find_written(rule, dialect.ports_field);
  const Path at = path.field(dialect.ports_field);
  if (node == nullptr || !check_items(report, *node, at, 1, dialect.most)) return;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    dialect.read_port(report, node->items[i], at.item(i), out.ports);
  }
}

bool has_named_port(const model::Rule& rule) {
  return std::any_of(rule.ports.begin(), rule.ports.end(), [](const model::PortMatch& match) {
    return std::holds_alternative<model::NamedPort>(match.port);
  });
}

void check_named_ports(Report& report, const Node& node, const Path& path,
                       const TierDialect& dialect, const model::Rule& rule) {
  const bool has_portless_peer = std::any_of(
      rule.peers.begin(), rule.peers.end(),
      [](const model::Peer& peer) { return !std::holds_alternative<model::PodPeer>(peer); });
  if (!has_portless_peer || !has_named_port(rule)) return;
  const std::string_view kinds =
      dialect.has_domain_names ? "networks/nodes/domainNames" : "networks/nodes";
  report.error(node, path,
               "Invalid value: \"object\": {} peer cannot be set with namedPorts since there are "
               "no namedPorts for {}",
               kinds, kinds);
}

// ClusterNetworkPolicyEgressPeer: "For Accept rules, fail closed means: treat the rule as matching
// no traffic. For Deny and Pass rules, fail closed means: treat the rule as a 'Deny all' rule."
void fail_closed(Report& report, const Node& node, const Path& path, const TierDialect& dialect,
                 model::Rule& rule) {
  const auto found = std::find_if(
      rule.peers.begin(), rule.peers.end(),
      [](const model::Peer& peer) { return std::holds_alternative<model::UnsupportedPeer>(peer); });
  if (found == rule.peers.end()) return;
  const auto peer = std::get<model::UnsupportedPeer>(*found);
  if (rule.action == model::RuleAction::Accept) {
    report.warning(node, path,
                   fmt::format("{} peers are not enforced yet: this {} rule matches nothing until "
                               "they are",
                               peer.what, dialect.accept));
    rule.peers = {peer};
    return;
  }
  report.warning(node, path,
                 fmt::format("{} peers are not enforced yet: this {} rule denies all egress of its "
                             "subject until they are",
                             peer.what, rule.action == model::RuleAction::Deny ? "Deny" : "Pass"));
  rule.action = model::RuleAction::Deny;
  rule.peers.clear();
  rule.ports.clear();
}

model::Rule read_rule(Report& report, const Node& node, const Path& path, Direction direction,
                      const TierDialect& dialect) {
  const bool is_egress = direction == Direction::Egress;
  const std::string_view peers_field = is_egress ? "to" : "from";
  model::Rule rule;
  rule.origin = report.origin(node);
  if (!check_written_fields(report, node, path,
                            {"name", "action", peers_field, dialect.ports_field})) {
    return rule;
  }
  read_rule_name(report, node, path, rule);
  rule.action = read_action(report, node, path, dialect);
  read_rule_ports(report, node, path, dialect, rule);
  const Node* peers = require_field(report, node, path, peers_field);
  const Path peers_path = path.field(peers_field);
  if (peers == nullptr || !check_items(report, *peers, peers_path, 1, dialect.most)) return rule;
  for (std::size_t i = 0; i < peers->items.size(); ++i) {
    read_tier_peer(report, peers->items[i], peers_path.item(i), direction, dialect, rule.peers);
  }
  check_named_ports(report, node, path, dialect, rule);
  fail_closed(report, node, path, dialect, rule);
  return rule;
}

void read_rules(Report& report, const Node& spec, const Path& path, Direction direction,
                const TierDialect& dialect, std::vector<model::Rule>& rules) {
  const std::string_view field = name_of(direction);
  const Path at = path.field(field);
  const Node* node = spec.find(field);
  if (node == nullptr || !check_items(report, *node, at, 0, dialect.most)) return;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    rules.push_back(read_rule(report, node->items[i], at.item(i), direction, dialect));
    rules.back().index = std::to_string(i);
  }
}

void read_subject(Report& report, const Node& spec, const Path& path, model::Policy& policy) {
  const Node* subject = require_field(report, spec, path, "subject");
  if (subject == nullptr) return;
  const Path at = path.field("subject");
  const auto field = read_only_field(report, *subject, at, {"namespaces", "pods"});
  if (!field) return;
  if (field->name == "namespaces") {
    policy.subject_namespaces = read_selector(report, *field->value, at.field("namespaces"));
    return;
  }
  auto peer = read_namespaced_pods(report, *field->value, at.field("pods"));
  policy.subject_namespaces = std::move(peer.namespaces);
  if (peer.pods) policy.subject_pods = std::move(*peer.pods);
}

}  // namespace

std::int32_t read_priority(Report& report, const Node& spec, const Path& path) {
  constexpr std::uint32_t kMost = 1000;
  const Node* node = require_field(report, spec, path, "priority");
  if (node == nullptr) return 0;
  const auto number = read_integer(report, *node, path.field("priority"), 0, kMost);
  return static_cast<std::int32_t>(number.value_or(0));
}

void read_tier_spec(Report& report, const Node& spec, const Path& path, const TierDialect& dialect,
                    model::Policy& policy) {
  read_subject(report, spec, path, policy);
  for (const Direction direction : kDirections) {
    read_rules(report, spec, path, direction, dialect,
               policy.rules[static_cast<std::size_t>(direction)]);
  }
}

void add_named_port(Report& report, const Node& node, const Path& path,
                    std::vector<model::PortMatch>& ports) {
  const auto name = read_string(report, node, path);
  if (!name) return;
  if (const auto problem = port_name_problem(*name)) {
    report.invalid(node, path, *problem);
    return;
  }
  for (const auto protocol : {kTcp, kUdp, kSctp}) {
    ports.push_back({protocol, model::NamedPort{*name}});
  }
}

}  // namespace bulkhead::parse
