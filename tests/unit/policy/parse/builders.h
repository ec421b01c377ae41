// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "policy/parse/parse.h"

namespace bulkhead::parse {

inline ParsedFile read(std::string_view text) { return parse_file_text("f.yaml", text); }

// The only error of a text, as "f.yaml:line:col: message"; says so when there is none or are more.
inline std::string only_error(std::string_view text) {
  const auto file = read(text);
  if (file.errors.empty()) return "no error";
  std::string all = file.errors.front().text();
  for (std::size_t i = 1; i < file.errors.size(); ++i) all += "\nAND " + file.errors[i].text();
  return all;
}

// A NetworkPolicy db/web whose spec holds these lines, each indented by two.
inline std::string network_policy(std::string_view spec) {
  std::string text =
      "apiVersion: networking.k8s.io/v1\n"
      "kind: NetworkPolicy\n"
      "metadata: {name: web, namespace: db}\n"
      "spec:\n";
  return text + std::string(spec);
}

inline std::string segment(std::string_view spec) {
  std::string text =
      "apiVersion: bulkhead.io/v1alpha1\n"
      "kind: Segment\n"
      "metadata: {name: backend, namespace: backend}\n"
      "spec:\n";
  return text + std::string(spec);
}

// A ClusterNetworkPolicy guard of the Admin tier on every pod; `rules` are lines indented by two.
inline std::string cluster_network_policy(std::string_view rules) {
  std::string text =
      "apiVersion: policy.networking.k8s.io/v1alpha2\n"
      "kind: ClusterNetworkPolicy\n"
      "metadata: {name: guard}\n"
      "spec:\n"
      "  tier: Admin\n"
      "  priority: 10\n"
      "  subject: {namespaces: {}}\n";
  return text + std::string(rules);
}

// The only policy of a text that must be good.
inline model::Policy policy_of(std::string_view text) {
  const auto file = read(text);
  if (file.is_broken() || file.objects.policies.size() != 1) {
    throw std::runtime_error(only_error(text));
  }
  return *file.objects.policies.front();
}

inline model::Pod pod_of(std::string_view text) {
  const auto file = read(text);
  if (file.is_broken() || file.objects.pods.size() != 1) throw std::runtime_error(only_error(text));
  return *file.objects.pods.front();
}

}  // namespace bulkhead::parse
