// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/change.h"

#include <fmt/format.h>

#include <stdexcept>

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

void label_namespace(model::Cluster& cluster, const Words& words) {
  const std::string name = words.at(0).substr(words.at(0).find('/') + 1);
  auto copy = std::make_shared<model::Namespace>(*cluster.namespaces.at(name));
  copy->labels[words.at(2)] = words.at(3);
  cluster.namespaces[name] = std::move(copy);
}

}  // namespace

void apply(const Change& change, model::Cluster& cluster) {
  const Words& words = change.words;
  if (words.at(1) == "label") return label_namespace(cluster, words);
  const auto found = cluster.policies.find(words.at(0));
  if (found == cluster.policies.end()) throw std::runtime_error("no policy " + words.at(0));
  if (words.at(1) == "remove") {
    cluster.policies.erase(found);
    return;
  }
  auto copy = std::make_shared<model::Policy>(*found->second);
  edit(*copy, words);
  found->second = std::move(copy);
}

}  // namespace bulkhead::conformance
