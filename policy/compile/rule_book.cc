// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/rule_book.h"

#include <algorithm>

#include "policy/table/format.h"

namespace bulkhead::compile {
namespace {

constexpr std::uint16_t kDnsPort = 53;

LineRange range_of(std::uint8_t protocol, const model::PortRange& ports) {
  return {table::line_point(protocol, ports.first), table::line_point(protocol, ports.last)};
}

}  // namespace

std::uint32_t PortNames::number_of(const Name& name) {
  const auto [found, is_new] =
      numbers_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
  if (is_new) names_.push_back(&found->first);
  return found->second;
}

std::optional<std::uint32_t> PortNames::find(const Name& name) const {
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

RuleBook::RuleBook(Resolver& resolver, const Inventory& inventory, PortNames& port_names)
    : resolver_(resolver), inventory_(inventory), port_names_(port_names) {
  // In the order of RuleName.
  for (const std::string_view name :
       {model::kRuleIsolated, model::kRuleNode, model::kRuleNamespace, model::kRuleDns,
        model::kRuleOwnNode, model::kRuleQuarantine}) {
    names_.emplace_back(name);
  }
}

std::uint32_t RuleBook::add(FlatRule rule) {
  rules_.push_back(std::move(rule));
  return static_cast<std::uint32_t>(rules_.size() - 1);
}

void RuleBook::add_port(FlatRule& flat, const model::PortMatch& match) {
  if (!has_ports(match.protocol)) return;  // matches nothing; the parser refuses it anyway
  if (const auto* range = std::get_if<model::PortRange>(&match.port)) {
    if (range->first <= range->last) flat.ports.push_back(range_of(match.protocol, *range));
    return;
  }
  const std::uint32_t number =
      port_names_.number_of({match.protocol, std::get<model::NamedPort>(match.port).name});
  if (number >= named_ports_.size()) named_ports_.resize(number + 1);
  named_ports_[number] = true;
  flat.named_ports.push_back(number);
}

FlatRule RuleBook::flatten(const model::Policy& policy, Direction direction,
                           const model::Rule& rule) {
  const Space* own = inventory_.space(policy.namespace_name);
  const bool is_namespace_staged = own != nullptr && own->ns->staged;
  FlatRule flat{.name = static_cast<RuleName>(names_.size()),
                .tier = policy.tier,
                .action = rule.action,
                .staged = policy.staged || is_namespace_staged,
                .every_peer = rule.peers.empty(),
                .every_port = rule.ports.empty(),
                .peer_sets = {},
                .ports = {},
                .named_ports = {}};
  names_.push_back(policy.rule_id(direction, rule));
  for (const model::Peer& peer : rule.peers) {
    flat.peer_sets.push_back(resolver_.set_of_written(peer, policy.namespace_name));
  }
  for (const model::PortMatch& match : rule.ports) add_port(flat, match);
  std::ranges::sort(flat.ports, {}, &LineRange::first);
  return flat;
}

const std::vector<std::uint32_t>& RuleBook::rules_of(const model::Policy& policy,
                                                     Direction direction) {
  const auto d = static_cast<std::size_t>(direction);
  auto& numbers = of_policy_[&policy][d];
  bool& is_flat = is_flat_[&policy][d];
  if (is_flat) return numbers;
  is_flat = true;
  for (const model::Rule& rule : policy.rules_of(direction)) {
    numbers.push_back(add(flatten(policy, direction, rule)));
  }
  return numbers;
}

std::uint32_t RuleBook::add_dns(std::uint32_t peer_set) {
  FlatRule rule;
  rule.name = RuleName::Dns;
  rule.tier = model::Tier::Default;
  rule.peer_sets = {peer_set};
  rule.ports = {range_of(kTcp, {kDnsPort, kDnsPort}), range_of(kUdp, {kDnsPort, kDnsPort})};
  return add(std::move(rule));
}

std::uint32_t RuleBook::dns_rule() {
  if (!dns_rule_) dns_rule_ = add_dns(resolver_.set_of_dns());
  return *dns_rule_;
}

std::uint32_t RuleBook::dns_server_rule() {
  if (!dns_server_rule_) dns_server_rule_ = add_dns(resolver_.set_of_all_pods());
  return *dns_server_rule_;
}

std::uint32_t RuleBook::forensic_rule(const Prefix& peer) {
  const auto found = forensic_rules_.find(peer);
  if (found != forensic_rules_.end()) return found->second;
  FlatRule rule;
  rule.name = RuleName::Quarantine;
  rule.tier = model::Tier::Quarantine;
  rule.every_port = true;
  rule.peer_sets = {resolver_.set_of(model::CidrPeer{peer, {}}, "")};
  const std::uint32_t number = add(std::move(rule));
  forensic_rules_.emplace(peer, number);
  return number;
}

std::vector<PortOfName> RuleBook::ports_of(const model::Pod& pod) const {
  std::vector<PortOfName> ports;
  if (named_ports_.empty()) return ports;  // most books
  for (const model::ContainerPort& port : pod.ports) {
    if (port.name.empty() || !has_ports(port.protocol)) continue;
    const auto number = port_names_.find({port.protocol, port.name});
    if (!number || *number >= named_ports_.size() || !named_ports_[*number]) continue;
    // The first of a name counts, as in the kubelet's own look-up.
    if (std::ranges::find(ports, *number, &PortOfName::named_port) != ports.end()) continue;
    ports.push_back({*number, table::line_point(port.protocol, port.port)});
  }
  std::ranges::sort(ports);
  return ports;
}

}  // namespace bulkhead::compile
