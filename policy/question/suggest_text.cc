// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "policy/question/suggest.h"
#include "policy/question/yaml_text.h"

namespace bulkhead::question {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const model::LabelSelector& selector) {
  Json json = Json::object();
  for (const auto& [key, value] : selector.match_labels) json["matchLabels"][key] = value;
  for (const auto& requirement : selector.match_expressions) {
    // The only operator that workloads need.
    Json one;
    one["key"] = requirement.key;
    one["operator"] = "DoesNotExist";
    json["matchExpressions"].push_back(std::move(one));
  }
  return json;
}

Json json_of(const model::Peer& peer) {
  Json json;
  if (const auto* block = std::get_if<model::CidrPeer>(&peer)) {
    json["ipBlock"]["cidr"] = block->prefix.text();
    return json;
  }
  const auto& pods = std::get<model::PodPeer>(peer);
  if (pods.namespaces) json["namespaceSelector"] = json_of(*pods.namespaces);
  json["podSelector"] = json_of(*pods.pods);
  return json;
}

Json json_of(const model::PortMatch& match) {
  const auto& range = std::get<model::PortRange>(match.port);
  Json json;
  json["protocol"] = protocol_name(match.protocol);
  json["port"] = range.first;
  if (range.last != range.first) json["endPort"] = range.last;
  return json;
}

Json json_of(const std::vector<model::Rule>& rules, const char* peers) {
  Json list = Json::array();
  for (const auto& rule : rules) {
    Json json;
    for (const auto& peer : rule.peers) json[peers].push_back(json_of(peer));
    for (const auto& match : rule.ports) json["ports"].push_back(json_of(match));
    list.push_back(std::move(json));
  }
  return list;
}

Json json_of(const model::Policy& policy) {
  Json json;
  json["apiVersion"] = "networking.k8s.io/v1";
  json["kind"] = "NetworkPolicy";
  json["metadata"]["name"] = policy.name;
  json["metadata"]["namespace"] = policy.namespace_name;
  json["spec"]["podSelector"] = json_of(policy.subject_pods);
  json["spec"]["policyTypes"] = {"Ingress", "Egress"};
  json["spec"]["ingress"] = json_of(policy.rules_of(Direction::Ingress), "from");
  json["spec"]["egress"] = json_of(policy.rules_of(Direction::Egress), "to");
  return json;
}

}  // namespace

std::string to_yaml(const Suggestion& suggestion) {
  std::string out;
  for (const auto& policy : suggestion.policies) {
    if (!out.empty()) out += "---\n";
    out += yaml_text(json_of(policy));
  }
  return out;
}

std::string report_text(const Suggestion& suggestion) {
  std::string out = fmt::format("{} of {} recorded flows are allowed by {} policies\n",
                                suggestion.allowed, suggestion.records, suggestion.policies.size());
  for (const auto& id : suggestion.replaces) {
    out += fmt::format("take away {}: policies unite, and it may allow more\n", id);
  }
  for (const auto& name : suggestion.unseen) {
    out += fmt::format("no flow of {} was recorded: it would be closed\n", name);
  }
  for (const auto& left : suggestion.left_out) {
    out += fmt::format("left out: {} -> {} {} ({} record{}): {}\n", left.from, left.to,
                       left.service, left.records, left.records == 1 ? "" : "s", left.why);
  }
  if (!suggestion.changes) {
    return out +
           fmt::format("what would change is not told: {}\n", suggestion.changes.error().text());
  }
  if (suggestion.changes->is_empty()) return out + "nothing else changes\n";
  return out + "what would change:\n" + to_text(*suggestion.changes);
}

std::string to_json(const Suggestion& suggestion) {
  Json json;
  json["policies"] = Json::array();
  for (const auto& policy : suggestion.policies) json["policies"].push_back(json_of(policy));
  json["replaces"] = suggestion.replaces;
  json["unseen"] = suggestion.unseen;
  json["flows"]["records"] = suggestion.records;
  json["flows"]["allowed"] = suggestion.allowed;
  json["flows"]["left_out"] = suggestion.records - suggestion.allowed;
  json["left_out"] = Json::array();
  for (const auto& left : suggestion.left_out) {
    Json one;
    one["from"] = left.from;
    one["to"] = left.to;
    one["service"] = left.service;
    one["why"] = left.why;
    one["records"] = left.records;
    json["left_out"].push_back(std::move(one));
  }
  if (suggestion.changes) {
    json["changes"] = Json::parse(to_json(*suggestion.changes));
  } else {
    json["changes"]["error"] = suggestion.changes.error().text();
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bulkhead::question
