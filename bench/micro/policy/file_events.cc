// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/micro/policy/agent_events.h"
#include "control/source/dir_source.h"

namespace bulkhead::bench {
namespace {

using namespace control;

void write_policy(const std::filesystem::path& folder, std::size_t number, std::size_t port) {
  std::ofstream(folder / fmt::format("policy-{}.yaml", number)) << fmt::format(
      "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
      "metadata: {{name: policy-{}, namespace: ns-{}}}\n"
      "spec:\n  podSelector: {{matchLabels: {{app: web}}}}\n  ingress:\n"
      "  - from: [{{podSelector: {{matchLabels: {{app: client}}}}}}]\n"
      "    ports: [{{port: {}}}]\n",
      number, number % 1000, port);
}

}  // namespace

std::vector<source::Change> next_changes(control::source::Source& source) {
  for (;;) {
    std::chrono::nanoseconds left = std::chrono::milliseconds(900);
    if (const auto deadline = source.deadline()) {
      const auto now = source::Clock::now();
      left = *deadline <= now ? left.zero() : std::min(left, *deadline - now);
    }
    const timespec timeout{0, static_cast<long>(left.count())};
    pollfd waiting{source.descriptor(), POLLIN, 0};
    ::ppoll(&waiting, 1, &timeout, nullptr);
    if (auto changes = source.read(source::Clock::now()); !changes.empty()) return changes;
  }
}

std::vector<double> run_file_events(std::size_t files, std::size_t rounds) {
  std::string name = (std::filesystem::temp_directory_path() / "bulkhead-bench-XXXXXX").native();
  if (::mkdtemp(name.data()) == nullptr) std::exit(1);
  const std::filesystem::path folder = name;
  for (std::size_t i = 0; i < files; ++i) write_policy(folder, i, 80);
  auto source = source::DirSource::open(folder, {});
  if (!source) {
    fmt::print(stderr, "{}\n", source.error().text());
    std::exit(1);
  }
  (void)next_changes(**source);
  std::vector<double> times;
  for (std::size_t round = 0; round < rounds; ++round) {
    write_policy(folder, round * 7919 % files, 1000 + round);
    const auto written = source::Clock::now();
    (void)next_changes(**source);
    times.push_back(
        std::chrono::duration<double, std::micro>(source::Clock::now() - written).count());
  }
  std::filesystem::remove_all(folder);
  return times;
}

}  // namespace bulkhead::bench
