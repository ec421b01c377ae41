// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/rule_book.h"

#include <algorithm>
#include <utility>

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

const std::string& RuleBook::text(RuleName name) const {
  // In the order of RuleName.
  static const std::array<std::string, kImplicitRules> kImplicit = {
      std::string(model::kRuleIsolated),  std::string(model::kRuleNode),
      std::string(model::kRuleNamespace), std::string(model::kRuleDns),
      std::string(model::kRuleOwnNode),   std::string(model::kRuleQuarantine)};
  const auto number = static_cast<std::uint32_t>(name);
  return number < kImplicitRules ? kImplicit[number] : rules_[number - kImplicitRules].text;
}

std::uint32_t RuleBook::take_number() {
  if (free_.empty()) {
    rules_.emplace_back();
    return static_cast<std::uint32_t>(rules_.size() - 1);
  }
  const std::uint32_t number = free_.back();
  free_.pop_back();
  return number;
}

std::uint32_t RuleBook::add(FlatRule rule) {
  const std::uint32_t number = take_number();
  rules_[number].flat = std::move(rule);
  return number;
}

void RuleBook::leave(std::uint32_t number) {
  for (const std::uint32_t name : rules_[number].flat.named_ports) --port_name_uses_[name];
  leaving_.push_back(number);
}

void RuleBook::forget(const model::Policy& policy) {
  const auto found = of_policy_.find(&policy);
  if (found == of_policy_.end()) return;
  for (const auto& rules : found->second.rules) {
    for (const std::uint32_t number : rules) leave(number);
  }
  of_policy_.erase(found);
}

void RuleBook::forget_unused(const std::vector<bool>& is_used) {
  for (auto at = of_policy_.begin(); at != of_policy_.end();) {
    const auto& [of_egress, of_ingress] = at->second.rules;
    const auto is_needed = [&](std::uint32_t number) { return is_used[number]; };
    if (std::ranges::any_of(of_egress, is_needed) || std::ranges::any_of(of_ingress, is_needed)) {
      ++at;
      continue;
    }
    for (const auto& rules : at->second.rules) {
      for (const std::uint32_t number : rules) leave(number);
    }
    at = of_policy_.erase(at);
  }
  for (auto at = implicit_.begin(); at != implicit_.end();) {
    if (is_used[at->second]) {
      ++at;
      continue;
    }
    leave(at->second);
    at = implicit_.erase(at);
  }
  free_.insert(free_.end(), leaving_.begin(), leaving_.end());
  leaving_.clear();
}

void RuleBook::add_port(FlatRule& flat, const model::PortMatch& match) {
  if (!has_ports(match.protocol)) return;  // matches nothing; the parser refuses it anyway
  if (const auto* range = std::get_if<model::PortRange>(&match.port)) {
    if (range->first <= range->last) flat.ports.push_back(range_of(match.protocol, *range));
    return;
  }
  const std::uint32_t number =
      port_names_.number_of({match.protocol, std::get<model::NamedPort>(match.port).name});
  if (number >= port_name_uses_.size()) port_name_uses_.resize(number + 1);
  ++port_name_uses_[number];
  flat.named_ports.push_back(number);
}

FlatRule RuleBook::flatten(const model::Policy& policy, const model::Rule& rule) {
  const Space* own = inventory_.space(policy.namespace_name);
  const bool is_namespace_staged = own != nullptr && own->ns->staged;
  FlatRule flat{.name = RuleName::Isolated,
                .tier = policy.tier,
                .action = rule.action,
                .staged = policy.staged || is_namespace_staged,
                .every_peer = rule.peers.empty(),
                .every_port = rule.ports.empty(),
                .peer_sets = {},
                .ports = {},
                .named_ports = {}};
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
  OfPolicy& known = of_policy_[&policy];
  if (std::exchange(known.is_flat[d], true)) return known.rules[d];
  for (const model::Rule& rule : policy.rules_of(direction)) {
    const std::uint32_t number = add(flatten(policy, rule));
    rules_[number].flat.name = static_cast<RuleName>(kImplicitRules + number);
    rules_[number].text = policy.rule_id(direction, rule);
    known.rules[d].push_back(number);
  }
  return known.rules[d];
}

template <class Make>
std::uint32_t RuleBook::implicit(const std::string& key, const Make& make) {
  const auto [found, is_new] = implicit_.try_emplace(key);
  if (is_new) found->second = add(make());
  return found->second;
}

FlatRule RuleBook::dns_to(std::uint32_t peer_set) {
  FlatRule rule;
  rule.name = RuleName::Dns;
  rule.tier = model::Tier::Default;
  rule.peer_sets = {peer_set};
  rule.ports = {range_of(kTcp, {kDnsPort, kDnsPort}), range_of(kUdp, {kDnsPort, kDnsPort})};
  return rule;
}

std::uint32_t RuleBook::dns_rule() {
  return implicit("dns", [&] { return dns_to(resolver_.set_of_dns()); });
}

std::uint32_t RuleBook::dns_server_rule() {
  return implicit("dns server", [&] { return dns_to(resolver_.set_of_all_pods()); });
}

std::uint32_t RuleBook::forensic_rule(const Prefix& peer) {
  return implicit(peer.text(), [&] {
    FlatRule rule;
    rule.name = RuleName::Quarantine;
    rule.tier = model::Tier::Quarantine;
    rule.every_port = true;
    rule.peer_sets = {resolver_.set_of(model::CidrPeer{peer, {}}, "")};
    return rule;
  });
}

std::vector<bool> RuleBook::named_ports() const {
  std::vector<bool> named(port_name_uses_.size());
  for (std::size_t i = 0; i < named.size(); ++i) named[i] = port_name_uses_[i] > 0;
  return named;
}

std::vector<PortOfName> RuleBook::ports_of(const model::Pod& pod) const {
  std::vector<PortOfName> ports;
  if (port_name_uses_.empty()) return ports;  // most books
  for (const model::ContainerPort& port : pod.ports) {
    if (port.name.empty() || !has_ports(port.protocol)) continue;
    const auto number = port_names_.find({port.protocol, port.name});
    const bool is_named =
        number && *number < port_name_uses_.size() && port_name_uses_[*number] > 0;
    if (!is_named) continue;
    // The first of a name counts, as in the kubelet's own look-up.
    if (std::ranges::find(ports, *number, &PortOfName::named_port) != ports.end()) continue;
    ports.push_back({*number, table::line_point(port.protocol, port.port)});
  }
  std::ranges::sort(ports);
  return ports;
}

}  // namespace bulkhead::compile
