// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "policy/parse/decode.h"
#include "policy/parse/fields.h"
#include "policy/parse/metadata.h"
#include "policy/parse/names.h"
#include "policy/parse/selector.h"

namespace bulkhead::parse {
namespace {

constexpr std::string_view kPortForms =
    "write TCP, TCP/3306, TCP/8000-8100 or UDP/name (protocols are TCP, UDP, SCTP)";

std::optional<std::uint16_t> port_number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  if (!is_whole || text.front() == '0' || value > 65535) return {};
  return static_cast<std::uint16_t>(value);
}

std::optional<model::PortMatch> port_match(std::string_view text) {
  model::PortMatch match;
  const auto slash = text.find('/');
  const auto protocol = protocol_number(text.substr(0, slash));
  if (!protocol || !has_ports(*protocol)) return {};
  match.protocol = *protocol;
  if (slash == text.npos) return match;
  const auto port = text.substr(slash + 1);
  if (!port_name_problem(port)) {
    match.port = model::NamedPort{std::string(port)};
    return match;
  }
  const auto dash = port.find('-');
  const auto first = port_number(port.substr(0, dash));
  const auto last = dash == port.npos ? first : port_number(port.substr(dash + 1));
  if (!first || !last || *last < *first) return {};
  match.port = model::PortRange{*first, *last};
  return match;
}

std::vector<model::PortMatch> read_ports(Report& report, const Node& node, const Path& path) {
  std::vector<model::PortMatch> ports;
  if (!check_list(report, node, path)) return ports;
  if (node.items.empty()) {
    report.required(node, path, "leave `ports` out to mean all ports, or name some");
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const auto match = node.items[i].is_scalar() ? port_match(node.items[i].scalar) : std::nullopt;
    if (match) {
      ports.push_back(*match);
    } else {
      report.invalid(node.items[i], path.item(i), kPortForms);
    }
  }
  return ports;
}

// A namespace's name, or labels.
std::optional<model::LabelSelector> read_namespace_peer(Report& report, const Node& node,
                                                        const Path& path) {
  model::LabelSelector selector;
  if (node.is_map()) {
    selector.match_labels = read_labels(report, node, path);
    return selector;
  }
  const auto name = read_string(report, node, path);
  if (!name) return {};
  if (const auto problem = dns_label_problem(*name)) {
    report.invalid(node, path, *problem);
    return {};
  }
  selector.match_labels.emplace(model::kNamespaceNameLabel, *name);
  return selector;
}

std::optional<model::Peer> read_world(Report& report, const Node& node, const Path& path) {
  if (node.keys.size() > 1) {
    report.forbidden(node, path, "may not specify both world and another peer");
    return {};
  }
  const Node* world = node.find("world");
  if (world != nullptr && read_bool(report, *world, path.field("world")).value_or(true)) {
    return model::WorldPeer{};
  }
  report.invalid(world != nullptr ? *world : node, path.field("world"),
                 "write `world: true`, or leave the peer out");
  return {};
}

std::optional<model::Peer> read_cidr(Report& report, const Node& node, const Path& path) {
  if (node.find("namespace") != nullptr || node.find("pods") != nullptr) {
    report.forbidden(node, path, "may not specify both cidr and another peer");
    return {};
  }
  const Node* cidr = node.find("cidr");
  if (cidr == nullptr) {
    report.required(node, path.field("cidr"), "`except` narrows a `cidr`");
    return {};
  }
  const auto prefix = read_prefix(report, *cidr, path.field("cidr"));
  if (!prefix) return {};
  model::CidrPeer peer{*prefix, {}};
  if (const Node* except = node.find("except")) {
    peer.except = read_except(report, *except, path.field("except"), peer.prefix);
  }
  return peer;
}

std::optional<model::Peer> read_peer(Report& report, const Node& node, const Path& path) {
  if (node.is_scalar() && node.scalar == "world") return model::WorldPeer{};
  if (!check_written_fields(report, node, path, {"namespace", "pods", "cidr", "except", "world"})) {
    return {};
  }
  if (node.find("world") != nullptr) return read_world(report, node, path);
  if (node.find("cidr") != nullptr || node.find("except") != nullptr) {
    return read_cidr(report, node, path);
  }
  const Node* namespace_node = node.find("namespace");
  const Node* pods = node.find("pods");
  if (namespace_node == nullptr && pods == nullptr) {
    report.required(node, path, "must specify a peer: namespace, pods, cidr or world");
    return {};
  }
  model::PodPeer peer;
  if (namespace_node != nullptr) {
    peer.namespaces = read_namespace_peer(report, *namespace_node, path.field("namespace"));
    if (!peer.namespaces) return {};
  }
  if (pods != nullptr) {
    peer.pods.emplace().match_labels = read_labels(report, *pods, path.field("pods"));
  }
  return peer;
}

model::Rule read_rule(Report& report, const Node& node, const Path& path, std::size_t index,
                      std::string_view peers_field) {
  model::Rule rule;
  rule.index = std::to_string(index);
  rule.origin = report.origin(node);
  if (!check_written_fields(report, node, path, {peers_field, "ports"})) return rule;
  const Node* peers = node.find(peers_field);
  const Path peers_path = path.field(peers_field);
  if (peers == nullptr || (peers->is_sequence() && peers->items.empty())) {
    report.required(node, peers_path, "name at least one peer; `world` is every outside address");
  } else if (check_list(report, *peers, peers_path)) {
    for (std::size_t i = 0; i < peers->items.size(); ++i) {
      auto peer = read_peer(report, peers->items[i], peers_path.item(i));
      if (peer) rule.peers.push_back(std::move(*peer));
    }
  }
  if (const Node* ports = node.find("ports")) {
    rule.ports = read_ports(report, *ports, path.field("ports"));
  }
  return rule;
}

void read_rules(Report& report, const Node& spec, const Path& path, std::string_view field,
                std::string_view peers_field, std::vector<model::Rule>& rules) {
  const Node* node = spec.find(field);
  const Path at = path.field(field);
  if (node == nullptr || !check_list(report, *node, at)) return;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    rules.push_back(read_rule(report, node->items[i], at.item(i), i, peers_field));
  }
}

model::Rule within_rule(const model::Origin& origin) {
  model::Rule rule;
  rule.origin = origin;
  rule.index = "within";
  rule.peers.emplace_back(model::PodPeer{});
  return rule;
}

model::Rule dns_rule(const model::Origin& origin) {
  constexpr std::uint16_t kDnsPort = 53;
  model::Rule rule;
  rule.origin = origin;
  rule.index = "dns";
  rule.peers.emplace_back(model::DnsPeer{});
  for (const auto protocol : {kUdp, kTcp}) {
    rule.ports.push_back({protocol, model::PortRange{kDnsPort, kDnsPort}});
  }
  return rule;
}

bool read_switch(Report& report, const Node& spec, const Path& path, std::string_view name) {
  const Node* node = spec.find(name);
  return node != nullptr && read_bool(report, *node, path.field(name)).value_or(false);
}

}  // namespace

model::Policy decode_segment(Report& report, const Node& object) {
  (void)check_fields(report, object, {}, {"apiVersion", "kind", "metadata", "spec"});
  const Metadata metadata = read_metadata(report, object, Scope::Namespaced);
  model::Policy policy;
  policy.kind = model::PolicyKind::Segment;
  policy.namespace_name = metadata.namespace_name;
  policy.name = metadata.name;
  policy.staged = metadata.is_staged;
  policy.policy_types = std::vector{Direction::Egress, Direction::Ingress};
  policy.origin = report.origin(object);

  const Path root;
  const Path path = root.field("spec");
  const Node* spec = object.find("spec");
  if (spec == nullptr) {
    report.required(object, path, "write `spec: {}` to close the namespace entirely");
    return policy;
  }
  if (!check_fields(report, *spec, path, {"ingress", "egress", "within", "dns"})) return policy;
  auto& ingress = policy.rules[static_cast<std::size_t>(Direction::Ingress)];
  auto& egress = policy.rules[static_cast<std::size_t>(Direction::Egress)];
  read_rules(report, *spec, path, "ingress", "from", ingress);
  read_rules(report, *spec, path, "egress", "to", egress);
  if (read_switch(report, *spec, path, "within")) {
    const auto origin = report.origin(*spec->find("within"));
    ingress.push_back(within_rule(origin));
    egress.push_back(within_rule(origin));
  }
  if (read_switch(report, *spec, path, "dns")) {
    egress.push_back(dns_rule(report.origin(*spec->find("dns"))));
  }
  return policy;
}

}  // namespace bulkhead::parse
