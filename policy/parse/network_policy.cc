// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy/parse/decode.h"
#include "policy/parse/fields.h"
#include "policy/parse/metadata.h"
#include "policy/parse/names.h"
#include "policy/parse/schema.h"
#include "policy/parse/selector.h"

namespace bulkhead::parse {
namespace {

std::optional<std::variant<model::PortRange, model::NamedPort>> read_port_or_name(
    Report& report, const Node& node, const Path& path) {
  const bool is_number = plain_number(node).has_value() || !node.is_scalar() ||
                         (node.is_plain && node.is_plain_non_string());
  if (is_number) {
    const auto port = read_port(report, node, path);
    if (!port) return {};
    return model::PortRange{*port, *port};
  }
  if (const auto problem = port_name_problem(node.scalar)) {
    report.invalid(node, path, *problem);
    return {};
  }
  return model::NamedPort{node.scalar};
}

void read_end_port(Report& report, const Node& node, const Path& path, const Node* port,
                   model::PortMatch& match) {
  if (port == nullptr) {
    report.invalid(node, path, "may not be specified when `port` is not specified");
    return;
  }
  auto* range = std::get_if<model::PortRange>(&match.port);
  if (range == nullptr) {
    report.invalid(node, path, "may not be specified when `port` is non-numeric");
    return;
  }
  const auto last = read_port(report, node, path);
  if (!last) return;
  if (*last < range->first) {
    report.invalid(node, path, "must be greater than or equal to `port`");
    return;
  }
  range->last = *last;
}

model::PortMatch read_port_match(Report& report, const Node& node, const Path& path) {
  model::PortMatch match;
  if (!check_written_fields(report, node, path, {"protocol", "port", "endPort"})) return match;
  if (const Node* protocol = node.find("protocol")) {
    match.protocol = read_protocol(report, *protocol, path.field("protocol")).value_or(kTcp);
  }
  const Node* port = node.find("port");
  if (port != nullptr) {
    const auto value = read_port_or_name(report, *port, path.field("port"));
    if (!value) return match;
    match.port = *value;
  }
  if (const Node* end_port = node.find("endPort")) {
    read_end_port(report, *end_port, path.field("endPort"), port, match);
  }
  return match;
}

model::CidrPeer read_ip_block(Report& report, const Node& node, const Path& path) {
  model::CidrPeer peer;
  if (!check_written_fields(report, node, path, {"cidr", "except"})) return peer;
  const Node* cidr = node.find("cidr");
  if (cidr == nullptr) {
    report.required(node, path.field("cidr"), "a CIDR block such as 10.0.0.0/8 is required");
    return peer;
  }
  const auto prefix = read_prefix(report, *cidr, path.field("cidr"));
  if (!prefix) return peer;
  peer.prefix = *prefix;
  if (const Node* except = node.find("except")) {
    peer.except = read_except(report, *except, path.field("except"), peer.prefix);
  }
  return peer;
}

std::optional<model::Peer> read_peer(Report& report, const Node& node, const Path& path) {
  if (node.is_null()) {
    report.required(node, path, "must specify a peer");
    return {};
  }
  if (!check_written_fields(report, node, path, {"podSelector", "namespaceSelector", "ipBlock"}))
    return {};
  const Node* pods = node.find("podSelector");
  const Node* namespaces = node.find("namespaceSelector");
  const Node* block = node.find("ipBlock");
  if (pods == nullptr && namespaces == nullptr && block == nullptr) {
    report.required(node, path, "must specify a peer: podSelector, namespaceSelector or ipBlock");
    return {};
  }
  if (block != nullptr) {
    if (pods != nullptr || namespaces != nullptr) {
      report.forbidden(node, path, "may not specify both ipBlock and another peer");
      return {};
    }
    return read_ip_block(report, *block, path.field("ipBlock"));
  }
  model::PodPeer peer;
  if (pods != nullptr) peer.pods = read_selector(report, *pods, path.field("podSelector"));
  if (namespaces != nullptr) {
    peer.namespaces = read_selector(report, *namespaces, path.field("namespaceSelector"));
  }
  return peer;
}

model::Rule read_rule(Report& report, const Node& node, const Path& path, std::size_t index,
                      std::string_view peers_field) {
  model::Rule rule;
  rule.index = std::to_string(index);
  rule.origin = report.origin(node);
  if (!check_written_fields(report, node, path, {"ports", peers_field})) return rule;
  const Node* ports = node.find("ports");
  const Path ports_path = path.field("ports");
  if (ports != nullptr && check_list(report, *ports, ports_path)) {
    for (std::size_t i = 0; i < ports->items.size(); ++i) {
      rule.ports.push_back(read_port_match(report, ports->items[i], ports_path.item(i)));
    }
  }
  const Node* peers = node.find(peers_field);
  const Path peers_path = path.field(peers_field);
  if (peers != nullptr && check_list(report, *peers, peers_path)) {
    for (std::size_t i = 0; i < peers->items.size(); ++i) {
      auto peer = read_peer(report, peers->items[i], peers_path.item(i));
      if (peer) rule.peers.push_back(std::move(*peer));
    }
  }
  return rule;
}

std::vector<model::Rule> read_rules(Report& report, const Node& spec, const Path& path,
                                    std::string_view field, std::string_view peers_field) {
  std::vector<model::Rule> rules;
  const Node* node = spec.find(field);
  const Path at = path.field(field);
  if (node == nullptr || !check_list(report, *node, at)) return rules;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    rules.push_back(read_rule(report, node->items[i], at.item(i), i, peers_field));
  }
  return rules;
}

// An empty list is as good as none: the API server's defaulting fills both alike.
std::optional<std::vector<Direction>> read_policy_types(Report& report, const Node& spec,
                                                        const Path& path) {
  const Node* node = find_written(spec, "policyTypes");
  const Path at = path.field("policyTypes");
  if (node == nullptr || !check_list(report, *node, at) || node->items.empty()) return {};
  if (node->items.size() > 2) {
    report.error(*node, at, "Invalid value: may not specify more than two policyTypes");
    return {};
  }
  std::vector<Direction> directions;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const Node& item = node->items[i];
    if (item.is_scalar() && item.scalar == "Ingress") {
      directions.push_back(Direction::Ingress);
    } else if (item.is_scalar() && item.scalar == "Egress") {
      directions.push_back(Direction::Egress);
    } else {
      report.unsupported(item, at.item(i), R"("Egress", "Ingress")");
    }
  }
  return directions;
}

}  // namespace

std::optional<std::uint8_t> read_protocol(Report& report, const Node& node, const Path& path) {
  if (node.is_scalar()) {
    if (node.scalar == "TCP") return kTcp;
    if (node.scalar == "UDP") return kUdp;
    if (node.scalar == "SCTP") return kSctp;
  }
  report.unsupported(node, path, R"("SCTP", "TCP", "UDP")");
  return {};
}

std::optional<Prefix> read_prefix(Report& report, const Node& node, const Path& path) {
  const auto text = read_string(report, node, path);
  if (!text) return {};
  const auto parsed = Prefix::parse(*text);
  if (!parsed) {
    report.invalid(node, path, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
    return {};
  }
  const bool is_v4_mapped = parsed->prefix.family() == Family::V6 && text->find('.') != text->npos;
  if (is_v4_mapped) {
    report.invalid(node, path, "must not be an IPv4-mapped IPv6 address; write it as IPv4");
    return {};
  }
  if (parsed->had_host_bits) {
    report.warning(
        node, path,
        fmt::format("{} has host bits set; read as {}", in_quotes(*text), parsed->prefix.text()));
  }
  return parsed->prefix;
}

std::vector<Prefix> read_except(Report& report, const Node& node, const Path& path,
                                const Prefix& outer) {
  std::vector<Prefix> out;
  if (!check_list(report, node, path)) return out;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Path item = path.item(i);
    const auto prefix = read_prefix(report, node.items[i], item);
    if (!prefix) continue;
    if (!outer.contains(*prefix) || *prefix == outer) {
      report.invalid(node.items[i], item,
                     fmt::format("must be a strict subset of `cidr` ({})", outer.text()));
      continue;
    }
    out.push_back(*prefix);
  }
  return out;
}

model::Policy decode_network_policy(Report& report, const Node& object) {
  (void)check_fields(report, object, {}, {"apiVersion", "kind", "metadata", "spec", "status"});
  const Metadata metadata = read_metadata(report, object, Scope::Namespaced);
  model::Policy policy;
  policy.namespace_name = metadata.namespace_name;
  policy.name = metadata.name;
  policy.staged = metadata.is_staged;
  policy.origin = report.origin(object);

  const Path root;
  const Path path = root.field("spec");
  const Node* spec = object.find("spec");
  if (spec == nullptr) {
    report.required(object, path, "write `spec: {podSelector: {}}` to select every pod");
    return policy;
  }
  if (!check_written_fields(report, *spec, path,
                            {"podSelector", "policyTypes", "ingress", "egress"})) {
    return policy;
  }
  if (const Node* selector = spec->find("podSelector")) {
    policy.subject_pods = read_selector(report, *selector, path.field("podSelector"));
  }
  policy.policy_types = read_policy_types(report, *spec, path);
  policy.rules[static_cast<std::size_t>(Direction::Ingress)] =
      read_rules(report, *spec, path, "ingress", "from");
  policy.rules[static_cast<std::size_t>(Direction::Egress)] =
      read_rules(report, *spec, path, "egress", "to");
  return policy;
}

}  // namespace bulkhead::parse
