// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/tier_peers.h"

#include <algorithm>
#include <set>

#include "policy/parse/decode.h"
#include "policy/parse/fields.h"
#include "policy/parse/schema.h"
#include "policy/parse/selector.h"

namespace bulkhead::parse {
namespace {

constexpr std::size_t kListMost = 25;  // networks and domainNames of one peer
constexpr std::size_t kCidrMost = 43;  // characters

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_domain_label(std::string_view label) {
  // The pattern lets a label begin with an underscore, or be one.
  const auto is_end = [](char c) { return is_letter_or_digit(c) || c == '_'; };
  return !label.empty() && is_end(label.front()) &&
         (label.size() == 1 || is_letter_or_digit(label.back())) &&
         std::all_of(label.begin(), label.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
}

// DomainName: at least two labels, `*.` only in front, a final dot allowed.
bool is_domain_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.ends_with('.')) name.remove_suffix(1);
  std::size_t labels = 0;
  while (true) {
    const auto dot = name.find('.');
    if (!is_domain_label(name.substr(0, dot))) return false;
    ++labels;
    if (dot == name.npos) return labels > 1;
    name.remove_prefix(dot + 1);
  }
}

// A list of distinct strings (listType=set).
template <class Read>
void read_set(Report& report, const Node& node, const Path& path, const Read& read_one) {
  if (!check_items(report, node, path, 1, kListMost)) return;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = node.items[i];
    const Path at = path.item(i);
    const auto text = read_string(report, item, at);
    if (!text) continue;
    if (!seen.insert(*text).second) {
      report.error(item, at, "Duplicate value: {}", in_quotes(*text));
      continue;
    }
    read_one(item, at, *text);
  }
}

void read_networks(Report& report, const Node& node, const Path& path,
                   std::vector<model::Peer>& peers) {
  read_set(report, node, path, [&](const Node& item, const Path& at, const std::string& text) {
    if (!check_length(report, item, at, kCidrMost)) return;
    if (!Prefix::parse(text)) {
      report.invalid(item, at, "Invalid CIDR format provided");
      return;
    }
    if (const auto prefix = read_prefix(report, item, at)) {
      peers.emplace_back(model::CidrPeer{*prefix, {}});
    }
  });
}

void read_domain_names(Report& report, const Node& node, const Path& path) {
  read_set(report, node, path, [&](const Node& item, const Path& at, const std::string& text) {
    if (is_domain_name(text)) return;
    report.invalid(item, at,
                   "must be a domain name such as kubernetes.io, or *.kubernetes.io for every name "
                   "below it");
  });
}

std::optional<OnlyField> read_peer_field(Report& report, const Node& node, const Path& path,
                                         Direction direction, const TierDialect& dialect) {
  if (direction == Direction::Ingress) {
    return read_only_field(report, node, path, {"namespaces", "pods"});
  }
  if (!dialect.has_domain_names) {
    return read_only_field(report, node, path, {"namespaces", "pods", "nodes", "networks"});
  }
  return read_only_field(report, node, path,
                         {"namespaces", "pods", "nodes", "networks", "domainNames"});
}

}  // namespace

model::PodPeer read_namespaced_pods(Report& report, const Node& node, const Path& path) {
  model::PodPeer peer;
  peer.namespaces.emplace();
  peer.pods.emplace();
  if (!check_fields(report, node, path, {"namespaceSelector", "podSelector"})) return peer;
  if (const Node* namespaces = find_written(node, "namespaceSelector")) {
    peer.namespaces = read_selector(report, *namespaces, path.field("namespaceSelector"));
  }
  if (const Node* pods = require_field(report, node, path, "podSelector")) {
    peer.pods = read_selector(report, *pods, path.field("podSelector"));
  }
  return peer;
}

void read_tier_peer(Report& report, const Node& node, const Path& path, Direction direction,
                    const TierDialect& dialect, std::vector<model::Peer>& peers) {
  const auto field = read_peer_field(report, node, path, direction, dialect);
  if (!field) return;
  const Path at = path.field(field->name);
  if (field->name == "namespaces") {
    // All pods of those namespaces; never nodes or the world.
    peers.emplace_back(model::PodPeer{read_selector(report, *field->value, at), {}});
  } else if (field->name == "pods") {
    peers.emplace_back(read_namespaced_pods(report, *field->value, at));
  } else if (field->name == "networks") {
    read_networks(report, *field->value, at, peers);
  } else if (field->name == "nodes") {
    peers.emplace_back(model::NodePeer{read_selector(report, *field->value, at)});
  } else {
    read_domain_names(report, *field->value, at);
    peers.emplace_back(model::UnsupportedPeer{"domainNames"});
  }
}

}  // namespace bulkhead::parse
