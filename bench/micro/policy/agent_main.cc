// SPDX-License-Identifier: Apache-2.0
// What one event costs the agent's control thread at cluster scale, stage by stage.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <string>

#include "bench/micro/policy/agent_events.h"
#include "bench/micro/policy/options.h"

namespace bulkhead::bench {
namespace {

constexpr std::size_t kFiles = 10'000;

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

template <class Cost, class Figure>
std::string row(const std::vector<Cost>& costs, const Figure& figure) {
  std::vector<double> values;
  for (const auto& cost : costs) values.push_back(figure(cost));
  return fmt::format("p50={:.0f} p99={:.0f}", quantile(values, 0.5), quantile(values, 0.99));
}

const char* budget_of(const std::string& event) {
  if (event == "policy changed") return "10000 / 50000";
  const bool moves_identity =
      event.ends_with("new identity") || event.ends_with("last of its identity");
  return moves_identity ? "10000" : "100";
}

int run_all(int argc, char** argv) {
  CLI::App app("What one event costs the agent's control thread at cluster scale, stage by stage.");
  Shape shape;
  std::size_t rounds = 100;
  add_shape_options(app, shape);
  app.add_option("--rounds", rounds, "Events of each kind")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  fmt::print("rules={} pods={} namespaces={} local={} seed={}; us; data plane: a fake\n",
             shape.rules, shape.pods, shape.namespaces, shape.local_pods, shape.seed);
  for (const auto& [event, costs] : run_agent_events(shape, rounds)) {
    fmt::print("{} n={} total_us {} (budget {})\n", event, costs.size(),
               row(costs, [](const EventCost& cost) { return cost.total(); }), budget_of(event));
    fmt::print("{} state_us {} compile_us {} verify_us {} publish_us {}\n", event,
               row(costs, [](const EventCost& cost) { return cost.state; }),
               row(costs, [](const EventCost& cost) { return cost.compile; }),
               row(costs, [](const EventCost& cost) { return cost.verify; }),
               row(costs, [](const EventCost& cost) { return cost.publish; }));
  }
  fmt::print("file event to parsed, {} files in the folder, us: {} (waits 1 ms for neighbours)\n",
             kFiles, row(run_file_events(kFiles, rounds), [](double us) { return us; }));
  fmt::print("file event to acknowledged, one policy of a local pod, us: {} (budget {})\n",
             row(run_file_to_acknowledged(shape, rounds), [](double us) { return us; }),
             budget_of("policy changed"));
  return 0;
}

}  // namespace
}  // namespace bulkhead::bench

int main(int argc, char** argv) { return bulkhead::bench::run_all(argc, argv); }
