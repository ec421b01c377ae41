// SPDX-License-Identifier: Apache-2.0
#include "policy/question/workload.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <tuple>

namespace bulkhead::question {
namespace {

// Labels that controllers and releases change under one workload. A policy that named them would
// let go of its pods at the next rollout.
constexpr std::array<std::string_view, 14> kPassingLabels = {
    "app.kubernetes.io/version",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/cronjob-scheduled-timestamp",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "controller-uid",
    "helm.sh/chart",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
    model::kServiceAccountLabel,
};

model::Labels lasting_labels(const model::Labels& labels) {
  model::Labels lasting;
  for (const auto& [key, value] : labels) {
    if (std::ranges::find(kPassingLabels, key) == kPassingLabels.end()) lasting.emplace(key, value);
  }
  return lasting;
}

bool holds_all(const model::Labels& labels, const model::Labels& wanted) {
  return std::ranges::all_of(wanted, [&](const auto& one) {
    const auto found = labels.find(one.first);
    return found != labels.end() && found->second == one.second;
  });
}

// All of its labels, and none of a key that tells each workload with more labels apart.
model::LabelSelector selector_of(const model::Labels& own,
                                 const std::vector<model::Labels>& neighbours) {
  model::LabelSelector selector;
  selector.match_labels = own;
  for (const auto& labels : neighbours) {
    if (labels == own || !holds_all(labels, own)) continue;
    const bool is_excluded =
        std::ranges::any_of(selector.match_expressions,
                            [&](const auto& without) { return labels.contains(without.key); });
    if (is_excluded) continue;
    const auto more =
        std::ranges::find_if(labels, [&](const auto& one) { return !own.contains(one.first); });
    selector.match_expressions.push_back(
        {more->first, model::LabelSelector::Operator::DoesNotExist, {}});
  }
  return selector;
}

std::string dns_label(std::string_view text) {
  constexpr std::size_t kLongest = 50;  // leaves room for a prefix and a number
  std::string label;
  for (const char c : text.substr(0, kLongest)) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    label += is_upper ? static_cast<char>(c - 'A' + 'a') : is_plain ? c : '-';
  }
  label.erase(0, std::min(label.find_first_not_of('-'), label.size()));
  label.erase(label.find_last_not_of('-') + 1);
  return label.empty() ? "pods" : label;
}

std::string name_of(const model::Labels& labels) {
  for (const char* key : {"app.kubernetes.io/name", "app", "k8s-app", "name"}) {
    if (const auto found = labels.find(key); found != labels.end()) return dns_label(found->second);
  }
  return labels.empty() ? "pods" : dns_label(labels.begin()->second);
}

// The letters of generated names (k8s.io/apimachinery/pkg/util/rand) are among these.
bool is_generated(std::string_view text, std::size_t shortest, std::size_t longest) {
  return text.size() >= shortest && text.size() <= longest && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
         });
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Whether the controller of a template of this kind and name gives its pods such names.
bool names_so(const std::string& kind, const std::string& name, std::string_view pod) {
  if (!pod.starts_with(name) || pod.size() <= name.size() + 1 || pod[name.size()] != '-') {
    return false;
  }
  const std::string_view rest = pod.substr(name.size() + 1);
  if (kind == "StatefulSet") return is_number(rest);
  constexpr std::size_t kSuffix = 5;
  const bool is_nested = kind == "Deployment" || kind == "CronJob";
  if (!is_nested) return kind != "Pod" && is_generated(rest, kSuffix, kSuffix);
  const auto dash = rest.find('-');
  if (dash == rest.npos || !is_generated(rest.substr(dash + 1), kSuffix, kSuffix)) return false;
  return kind == "CronJob" ? is_number(rest.substr(0, dash))
                           : is_generated(rest.substr(0, dash), 1, 10);
}

}  // namespace

Workloads::Workloads(const model::Cluster& cluster) : cluster_(cluster) {
  std::map<std::string, std::map<model::Labels, std::vector<const model::Pod*>>> spaces;
  for (const auto& [key, pod] : cluster.pods) {
    if (!pod->is_live()) continue;
    spaces[key.namespace_name][lasting_labels(pod->labels)].push_back(pod.get());
  }
  for (auto& [space, groups] : spaces) {
    std::vector<model::Labels> all;
    for (const auto& [labels, pods] : groups) all.push_back(labels);
    std::set<std::string> taken;
    for (auto& [labels, pods] : groups) {
      const std::string stem = name_of(labels);
      std::string name = stem;
      for (int i = 2; !taken.insert(name).second; ++i) name = fmt::format("{}-{}", stem, i);
      workloads_.push_back({space, std::move(name), selector_of(labels, all), std::move(pods)});
    }
  }
  std::ranges::sort(workloads_, {}, [](const Workload& workload) {
    return std::tie(workload.namespace_name, workload.name);
  });
  for (std::size_t i = 0; i < workloads_.size(); ++i) {
    for (const auto* pod : workloads_[i].pods) of_pod_.emplace(pod->key, i);
  }
}

std::optional<std::size_t> Workloads::find(const model::PodKey& pod) const {
  if (const auto known = of_pod_.find(pod); known != of_pod_.end()) return known->second;
  std::optional<std::size_t> found;
  for (auto at = cluster_.pods.lower_bound({pod.namespace_name, {}});
       at != cluster_.pods.end() && at->first.namespace_name == pod.namespace_name; ++at) {
    const auto& [key, candidate] = *at;
    if (!candidate->is_live() || !names_so(candidate->kind, key.name, pod.name)) continue;
    const std::size_t position = of_pod_.at(key);
    if (found && *found != position) return std::nullopt;
    found = position;
  }
  return found;
}

}  // namespace bulkhead::question
