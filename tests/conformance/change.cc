// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/change.h"

#include <fmt/format.h>

#include <stdexcept>

#include "policy/parse/parse.h"
#include "policy/parse/view.h"

namespace bulkhead::conformance {
namespace {

using Words = std::vector<std::string>;

Direction direction_of(const std::string& word) {
  if (word == "egress") return Direction::Egress;
  if (word == "ingress") return Direction::Ingress;
  throw std::runtime_error("not a direction: " + word);
}

model::RuleAction action_of(const std::string& word) {
  if (word == "Accept") return model::RuleAction::Accept;
  if (word == "Deny") return model::RuleAction::Deny;
  if (word == "Pass") return model::RuleAction::Pass;
  throw std::runtime_error("not an action: " + word);
}

void edit(model::Policy& policy, const Words& words) {
  const std::string& verb = words.at(1);
  if (verb == "priority") {
    policy.priority = std::stoi(words.at(2));
    return;
  }
  auto& rules = policy.rules[static_cast<std::size_t>(direction_of(words.at(2)))];
  if (verb == "swap") {
    // The index is the position in the written list, so it stays where it is.
    auto& one = rules.at(std::stoul(words.at(3)));
    auto& other = rules.at(std::stoul(words.at(4)));
    std::swap(one, other);
    std::swap(one.index, other.index);
  } else if (verb == "action") {
    rules.at(std::stoul(words.at(3))).action = action_of(words.at(4));
  } else {
    throw std::runtime_error("unknown change " + verb);
  }
}

model::PodKey pod_key(const std::string& name) {
  const auto slash = name.find('/');
  if (slash == name.npos) throw std::runtime_error("not a pod: " + name);
  return {name.substr(0, slash), name.substr(slash + 1)};
}

void change_namespace(model::Cluster& cluster, const std::string& name, const Words& words) {
  auto copy = std::make_shared<model::Namespace>(*cluster.namespaces.at(name));
  if (words.at(1) == "remove") {
    std::vector<model::PodKey> pods;
    for (const auto& [key, pod] : cluster.pods) {
      if (key.namespace_name == name) pods.push_back(key);
    }
    for (const auto& key : pods) cluster.pods.erase(key);
    cluster.namespaces.erase(name);
  } else if (words.at(1) == "label") {
    copy->labels[words.at(2)] = words.at(3);
    cluster.namespaces[name] = std::move(copy);
  } else {
    throw std::runtime_error("unknown change " + words.at(1));
  }
}

void change_pod(model::Cluster& cluster, const model::PodKey& key, const Words& words) {
  auto copy = std::make_shared<model::Pod>(*cluster.pods.at(key));
  if (words.at(1) == "remove") {
    cluster.pods.erase(key);
  } else if (words.at(1) == "label") {
    copy->labels[words.at(2)] = words.at(3);
    cluster.pods[key] = std::move(copy);
  } else {
    throw std::runtime_error("unknown change " + words.at(1));
  }
}

void change_node(model::Cluster& cluster, const std::string& name, const Words& words) {
  auto copy = std::make_shared<model::Node>(*cluster.nodes.at(name));
  if (words.at(1) == "remove") {
    cluster.nodes.erase(name);
  } else if (words.at(1) == "label") {
    copy->labels[words.at(2)] = words.at(3);
    cluster.nodes[name] = std::move(copy);
  } else {
    throw std::runtime_error("unknown change " + words.at(1));
  }
}

void apply_change(const Change& change, model::Cluster& cluster) {
  const Words& words = change.words;
  const auto slash = words.at(0).find('/');
  const std::string kind = words[0].substr(0, slash);
  const std::string name = words[0].substr(slash + 1);
  if (kind == "Namespace") return change_namespace(cluster, name, words);
  if (kind == "Node") return change_node(cluster, name, words);
  if (kind == "Pod") return change_pod(cluster, pod_key(name), words);
  const auto found = cluster.policies.find(words.at(0));
  if (found == cluster.policies.end()) throw std::runtime_error("no policy " + words.at(0));
  if (words.at(1) == "remove") {
    cluster.policies.erase(found);
    return;
  }
  auto copy = std::make_shared<model::Policy>(*found->second);
  edit(*copy, words);
  cluster.policies[words[0]] = std::move(copy);
}

}  // namespace

void put(const parse::Objects& objects, model::Cluster& cluster) {
  const auto added = parse::build_cluster(objects, cluster.settings);
  if (!added) throw std::runtime_error(added.error().text());
  for (const auto& [name, space] : added->namespaces) cluster.namespaces.emplace(name, space);
  for (const auto& space : objects.namespaces) {
    cluster.namespaces[space->name] = added->namespaces.at(space->name);
  }
  for (const auto& [key, pod] : added->pods) cluster.pods[key] = pod;
  for (const auto& [name, node] : added->nodes) cluster.nodes[name] = node;
  for (const auto& [id, policy] : added->policies) cluster.policies[id] = policy;
}

void apply(const Edit& edit, const std::string& file, model::Cluster& cluster) {
  if (const auto* change = std::get_if<Change>(&edit)) return apply_change(*change, cluster);
  const auto parsed = parse::parse_text(file, std::get<Written>(edit).text);
  if (parsed.is_broken()) throw std::runtime_error(parsed.errors().front().text());
  put(parsed.objects(), cluster);
}

}  // namespace bulkhead::conformance
