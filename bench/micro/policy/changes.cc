// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/policy/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "bench/micro/policy/memory_figures.h"
#include "policy/compile/compiler.h"
#include "policy/verify/verifier.h"

namespace bulkhead::bench {
namespace {

constexpr double kBudgetSeconds = 0.020;  // design.md, law 4
constexpr double kSweepSeconds = 10;      // what a sweep may take of a bench; `ratio` says how far
constexpr std::size_t kPolicies = 100;    // changed one after the other
constexpr std::size_t kPods = 100;        // added one after the other

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

double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

struct Cost {
  double compile_ms = 0;
  double check_ms = 0;  // finding out what to ask, and asking it
  double ratio = 0;     // of the scope that was asked within the budget
  std::size_t bytes = 0;
  [[nodiscard]] double total_ms() const { return compile_ms + check_ms; }
};

// Goes from version to version as an agent does.
class Agent {
 public:
  Agent(std::string name, const model::Cluster& cluster, const compile::LocalPods& local,
        compile::Numbers& numbers)
      : name_(std::move(name)), numbers_(numbers) {
    (void)change(cluster, local);
  }

  Cost change(const model::Cluster& cluster, const compile::LocalPods& local) {
    Cost cost;
    const double start = seconds();
    verify::Checked now{
        std::make_shared<const model::Cluster>(cluster),
        std::make_shared<const compile::LocalPods>(local),
        std::make_shared<const compile::CompiledTable>(value_or_exit(
            compiler_.compile(cluster, local, Revision{++revision_}, numbers_), name_))};
    const double compiled = seconds();
    const auto exit_at = [&](const Status& status) {
      if (status) return;
      fmt::print(stderr, "{}: {}\n", name_, status.error().text());
      std::exit(1);
    };
    exit_at(verifier_.follow(now, revision_));
    const double asking = seconds();
    exit_at(verifier_.step([&] { return seconds() - asking < kBudgetSeconds; },
                           verify::Verifier::Until::ChangeIsChecked));
    cost.compile_ms = (compiled - start) * 1e3;
    cost.check_ms = (seconds() - compiled) * 1e3;
    cost.ratio = verifier_.change().ratio();
    verifier_.put_off();
    if (now_.compiled) cost.bytes = bytes_to_send(*now_.compiled, *now.compiled);
    now_ = std::move(now);
    return cost;
  }

  [[nodiscard]] const verify::Checked& now() const { return now_; }
  [[nodiscard]] verify::Verifier& verifier() { return verifier_; }

 private:
  std::string name_;
  compile::Numbers& numbers_;
  compile::Compiler compiler_;
  verify::Verifier verifier_;
  verify::Checked now_;
  std::uint64_t revision_ = 0;
};

// The policies that select a local pod: those whose change reaches the table.
std::vector<std::string> policies_of_local_pods(const model::Cluster& cluster,
                                                const compile::LocalPods& local) {
  std::vector<std::string> ids;
  for (const auto& [id, policy] : cluster.policies) {
    const bool is_local = std::ranges::any_of(*local, [&](const model::PodKey& key) {
      return key.namespace_name == policy->namespace_name &&
             cluster.pods.at(key)->labels.at("app") == policy->subject_pods.match_labels.at("app");
    });
    if (is_local) ids.push_back(id);
    if (ids.size() == kPolicies) break;
  }
  return ids;
}

void print_policies(const std::string& name, Agent& agent, model::Cluster cluster,
                    const compile::LocalPods& local) {
  std::vector<Cost> costs;
  for (const std::string& id : policies_of_local_pods(cluster, local)) {
    auto copy = std::make_shared<model::Policy>(*cluster.policies.at(id));
    for (auto& rules : copy->rules) {
      if (!rules.empty()) rules[0].ports.push_back({kTcp, model::PortRange{4444, 4444}});
    }
    cluster.policies[id] = std::move(copy);
    costs.push_back(agent.change(cluster, local));
  }
  if (costs.empty()) return;
  const auto of = [&](const auto& figure) {
    std::vector<double> values;
    for (const Cost& cost : costs) values.push_back(static_cast<double>(figure(cost)));
    return values;
  };
  const auto compile_ms = of([](const Cost& cost) { return cost.compile_ms; });
  const auto check_ms = of([](const Cost& cost) { return cost.check_ms; });
  const auto total_ms = of([](const Cost& cost) { return cost.total_ms(); });
  const auto ratio = of([](const Cost& cost) { return cost.ratio; });
  const auto kib = of([](const Cost& cost) { return cost.bytes / 1024; });
  fmt::print(
      "{} policy_changed n={} compile_ms p50={:.1f} p99={:.1f} check_ms p50={:.1f} p99={:.1f}\n",
      name, costs.size(), quantile(compile_ms, 0.5), quantile(compile_ms, 0.99),
      quantile(check_ms, 0.5), quantile(check_ms, 0.99));
  fmt::print("{} policy_changed total_ms p50={:.1f} p99={:.1f} (budget 10 / 50)\n", name,
             quantile(total_ms, 0.5), quantile(total_ms, 0.99));
  fmt::print("{} policy_changed sent_kib p50={:.0f} max={:.0f} (budget 1024)\n", name,
             quantile(kib, 0.5), quantile(kib, 1));
  fmt::print("{} policy_changed checked_in_20_ms min={:.3f} p50={:.3f} (budget 1)\n", name,
             quantile(ratio, 0), quantile(ratio, 0.5));
}

// Pods that come one after the other: each like one of the local pods, or (`app` is not empty) of
// an app that nobody had.
void print_pods(const std::string& name, Agent& agent, model::Cluster cluster,
                compile::LocalPods local, const char* what, double budget_us,
                const std::string& app) {
  std::vector<double> compile_us, check_us, total_us, kib;
  for (const model::PodKey& like : std::vector(local->begin(), local->end())) {
    if (total_us.size() == kPods) break;
    auto pod = std::make_shared<model::Pod>(*cluster.pods.at(like));
    pod->key.name += "-new";
    const auto number = static_cast<std::uint8_t>(total_us.size());
    pod->ips = {IpAddress::v4(10, 255, 255, number)};
    if (!app.empty()) pod->labels["app"] = app + std::to_string(number);
    cluster.pods.emplace(pod->key, pod);
    local->insert(pod->key);
    const Cost cost = agent.change(cluster, local);
    compile_us.push_back(cost.compile_ms * 1e3);
    check_us.push_back(cost.check_ms * 1e3);
    total_us.push_back(cost.total_ms() * 1e3);
    kib.push_back(static_cast<double>(cost.bytes / 1024));
  }
  if (total_us.empty()) return;
  fmt::print(
      "{} {} n={} total_us p50={:.0f} p99={:.0f} (budget {:.0f}) compile_us p50={:.0f} p99={:.0f} "
      "check_us p50={:.0f} p99={:.0f} sent_kib p50={:.0f} max={:.0f}\n",
      name, what, total_us.size(), quantile(total_us, 0.5), quantile(total_us, 0.99), budget_us,
      quantile(compile_us, 0.5), quantile(compile_us, 0.99), quantile(check_us, 0.5),
      quantile(check_us, 0.99), quantile(kib, 0.5), quantile(kib, 1));
}

}  // namespace

void print_changes(const std::string& name, const model::Cluster& cluster,
                   const compile::LocalPods& local, compile::Numbers& numbers) {
  Agent agent(name, cluster, local, numbers);
  print_policies(name, agent, cluster, local);
  (void)agent.change(cluster, local);
  print_pods(name, agent, cluster, local, "pod_added_known_identity", 100, "");
  (void)agent.change(cluster, local);
  print_pods(name, agent, cluster, local, "pod_added_new_identity", 10000, "unheard-of");
  (void)agent.change(cluster, local);

  const double start = seconds();
  verify::Verifier& verifier = agent.verifier();
  const auto has_time = [&] { return seconds() - start < kSweepSeconds; };
  if (auto ok = verifier.step(has_time, verify::Verifier::Until::EverythingIsChecked); !ok) {
    fmt::print(stderr, "{}: {}\n", name, ok.error().text());
    std::exit(1);
  }
  const auto report = verifier.report();
  fmt::print(
      "{} sweep_ms={:.0f} pairs={} compared={} questions={} ratio={:.3f} (20 times as long "
      "at 5 % of a core)\n",
      name, (seconds() - start) * 1e3, report.pairs, report.compared, report.questions,
      report.ratio());
}

}  // namespace bulkhead::bench
