// SPDX-License-Identifier: Apache-2.0
#include "bench/policy/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>
#include <utility>

#include "bench/policy/memory_figures.h"
#include "policy/verify/verify.h"

namespace bulkhead::bench {
namespace {

constexpr double kBudgetSeconds = 0.020;  // design.md, law 4
constexpr double kSweepSeconds = 10;      // what a sweep may take of a bench; `ratio` says how far

template <class T>
T value_or_exit(Result<T> result, const std::string& what) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}: {}\n", what, result.error().text());
  std::exit(1);
}

// What the data plane does not hold yet.
std::size_t bytes_to_send(const compile::CompiledTable& old, const compile::CompiledTable& now) {
  std::set<std::pair<std::uint32_t, std::uint64_t>> held;
  for (const auto& section : old.sections) held.emplace(section.kind, section.checksum);
  std::size_t bytes = 0;
  for (const auto& section : now.sections) {
    if (!held.contains({section.kind, section.checksum})) bytes += section.bytes.size();
  }
  return bytes;
}

struct Before {
  const std::string& name;
  const model::Cluster& cluster;
  const compile::LocalPods& local;
  const compile::CompiledTable& compiled;
};

void print_change(const Before& before, const std::string& what, const model::Cluster& cluster,
                  const compile::LocalPods& local, compile::Numbers& numbers) {
  const double start = seconds();
  const auto now =
      value_or_exit(compile::compile(cluster, local, Revision{2}, numbers), before.name);
  fmt::print("{} {} compile_ms={:.1f} sent_kib={:.0f}\n", before.name, what,
             (seconds() - start) * 1e3,
             static_cast<double>(bytes_to_send(before.compiled, now)) / 1024);

  const double scope_start = seconds();
  const auto scope = verify::scope_between({before.cluster, before.local}, {cluster, local});
  const double verify_start = seconds();
  double first_question = 0;
  verify::Budget budget;
  budget.has_time = [&] {
    if (first_question == 0) first_question = seconds();
    return seconds() - first_question < kBudgetSeconds;
  };
  const auto report =
      value_or_exit(verify::verify(cluster, local, now, budget, scope), before.name);
  const double end = seconds();
  fmt::print(
      "{} {} scope_ms={:.1f} parties_ms={:.1f} compare_ms={:.1f} pairs={} compared={} "
      "ratio={:.3f}\n",
      before.name, what, (verify_start - scope_start) * 1e3,
      ((first_question == 0 ? end : first_question) - verify_start) * 1e3,
      first_question == 0 ? 0.0 : (end - first_question) * 1e3, report.pairs, report.compared,
      report.ratio());
}

// A policy that selects a local pod, with one port more.
model::Cluster with_changed_policy(const model::Cluster& cluster, const compile::LocalPods& local) {
  for (const auto& entry : cluster.policies) {
    const model::PolicyPtr& policy = entry.second;
    const bool is_local = std::ranges::any_of(*local, [&](const model::PodKey& key) {
      const auto& labels = cluster.pods.at(key)->labels;
      return key.namespace_name == policy->namespace_name &&
             labels.at("app") == policy->subject_pods.match_labels.at("app");
    });
    if (!is_local) continue;
    model::Cluster changed = cluster;
    auto copy = std::make_shared<model::Policy>(*policy);
    for (auto& rules : copy->rules) {
      if (!rules.empty()) rules[0].ports.push_back({kTcp, model::PortRange{4444, 4444}});
    }
    changed.policies.at(entry.first) = std::move(copy);
    return changed;
  }
  return cluster;
}

}  // namespace

void print_changes(const std::string& name, const model::Cluster& cluster,
                   const compile::LocalPods& local, const compile::CompiledTable& compiled,
                   compile::Numbers& numbers) {
  const Before before{name, cluster, local, compiled};
  print_change(before, "policy_changed", with_changed_policy(cluster, local), local, numbers);

  model::Cluster with_pod = cluster;
  auto pod = std::make_shared<model::Pod>(*cluster.pods.at(*local->begin()));
  pod->key.name += "-twin";
  pod->ips = {IpAddress::v4(10, 255, 255, 1)};
  with_pod.pods.emplace(pod->key, pod);
  compile::LocalPods more = local;
  more->insert(pod->key);
  print_change(before, "pod_added", with_pod, more, numbers);

  const double start = seconds();
  verify::Budget budget;
  budget.has_time = [&] { return seconds() - start < kSweepSeconds; };
  const auto report = value_or_exit(verify::verify(cluster, local, compiled, budget), name);
  fmt::print("{} sweep_ms={:.0f} pairs={} compared={} questions={} ratio={:.3f}\n", name,
             (seconds() - start) * 1e3, report.pairs, report.compared, report.questions,
             report.ratio());
}

}  // namespace bulkhead::bench
