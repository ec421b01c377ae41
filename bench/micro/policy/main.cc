// SPDX-License-Identifier: Apache-2.0
// What policies cost at cluster scale.
#include <fmt/format.h>
#include <malloc.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/micro/policy/changes.h"
#include "bench/micro/policy/cluster.h"
#include "bench/micro/policy/memory_figures.h"
#include "bench/micro/policy/options.h"
#include "bench/micro/policy/questions.h"
#include "bench/micro/policy/worst_cases.h"
#include "policy/table/lookup.h"

namespace bulkhead::bench {
namespace {

constexpr std::size_t kQueries = 1u << 20;
constexpr std::size_t kBurst = 64;
constexpr int kRounds = 5;
constexpr int kPasses = 40;  // over the queries: half a second, longer than a neighbour's burst

// Sections where the data plane has them: mapped, so aligned to pages.
class Mapped {
 public:
  explicit Mapped(const std::vector<table::SectionBytes>& sections) {
    for (const auto& section : sections) {
      const std::size_t size = (section.bytes.size() + 4095) / 4096 * 4096;
      memory_.emplace_back(std::aligned_alloc(4096, size), &std::free);
      std::memcpy(memory_.back().get(), section.bytes.data(), section.bytes.size());
      sections_.push_back(
          {section.kind,
           section.checksum,
           {static_cast<const std::byte*>(memory_.back().get()), section.bytes.size()}});
    }
  }
  [[nodiscard]] const std::vector<table::SectionBytes>& sections() const { return sections_; }

 private:
  std::vector<std::unique_ptr<void, decltype(&std::free)>> memory_;
  std::vector<table::SectionBytes> sections_;
};

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

// Local subjects against any pod of the cluster, ports that rules name and others.
std::vector<table::Query> random_queries(const compile::CompiledTable& compiled,
                                         const compile::LocalPods& local) {
  std::mt19937_64 random(7);
  std::vector<IdentityId> subjects, peers;
  for (const auto& [address, entry] : compiled.addresses) {
    peers.push_back(entry.identity);
    if (local->contains(entry.pod)) subjects.push_back(entry.identity);
  }
  constexpr std::array<std::uint16_t, 6> kPorts = {80, 443, 5432, 53, 8081, 31000};
  std::vector<table::Query> queries(kQueries);
  for (auto& query : queries) {
    const IdentityId peer = peers[random() % peers.size()];
    query = {subjects[random() % subjects.size()], peer, kPorts[random() % kPorts.size()],
             random() % 4 == 0 ? kUdp : kTcp};
  }
  return queries;
}

// Many short rounds and their median: what preempts a round does not count.
double pass_cycles(const table::TableView& view, const std::vector<table::Query>& queries) {
  constexpr std::size_t kRoundQueries = kBurst * 128;
  std::vector<double> rounds;
  std::vector<table::Decision> decisions(kBurst);
  for (std::size_t first = 0; first < queries.size(); first += kRoundQueries) {
    const std::uint64_t start = cycles();
    for (std::size_t i = first; i < first + kRoundQueries; i += kBurst) {
      table::lookup(view, kDirections[i / kBurst % 2], std::span(queries).subspan(i, kBurst),
                    decisions);
    }
    rounds.push_back(static_cast<double>(cycles() - start) / kRoundQueries);
  }
  return median(rounds);
}

std::string name_of(const Shape& shape) {
  return fmt::format("rules={} pods={} namespaces={} local={}", shape.rules, shape.pods,
                     shape.namespaces, shape.local_pods);
}

// The least of many passes: the neighbours of a virtual machine slow whole passes down.
double lookup_cycles(const table::TableView& view, const std::vector<table::Query>& queries) {
  double least = pass_cycles(view, queries);
  for (int pass = 1; pass < kPasses; ++pass) {
    least = std::min(least, pass_cycles(view, queries));
  }
  return least;
}

// Returns the cycles a look-up took, to compare sizes.
double run(const Shape& shape) {
  const auto cluster = make_cluster(shape);
  const auto local = local_pods(cluster, shape);
  const auto name = name_of(shape);
  malloc_trim(0);
  const std::uint64_t before = resident_kib();
  std::vector<double> times;
  std::vector<double> processor_times;
  Result<compile::CompiledTable> compiled = fail("not compiled");
  compile::Numbers numbers;
  for (int round = 0; round < kRounds; ++round) {
    numbers = {};
    compiled = fail("not compiled");
    const double start = seconds();
    const std::clock_t processor_start = std::clock();
    compiled = compile::compile(cluster, local, Revision{1}, numbers);
    times.push_back(seconds() - start);
    processor_times.push_back(static_cast<double>(std::clock() - processor_start) / CLOCKS_PER_SEC);
    if (!compiled) {
      fmt::print(stderr, "{}: {}\n", name, compiled.error().text());
      std::exit(1);
    }
  }
  const std::uint64_t peak = peak_resident_kib() - before;
  std::size_t bytes = 0;
  for (const auto& section : compiled->sections) bytes += section.bytes.size();
  fmt::print("{} full_compile_ms={:.0f} processor_ms={:.0f} (budget 1500)\n", name,
             median(times) * 1e3, median(processor_times) * 1e3);
  fmt::print("{} compile_peak_mib={:.0f} (process, inventory included: {:.0f}; budget 300)\n", name,
             static_cast<double>(peak) / 1024, static_cast<double>(peak_resident_kib()) / 1024);
  fmt::print("{} table_mib={:.2f} (budget 64) sections={} slots={} identities={}\n", name,
             static_cast<double>(bytes) / (1 << 20), compiled->sections.size(),
             compiled->slots.size(), compiled->identity_keys.size());

  const Mapped mapped(compiled->section_bytes());
  const double start = seconds();
  const auto view = table::TableView::open(mapped.sections());
  fmt::print("{} view_open_ms={:.1f}\n", name, (seconds() - start) * 1e3);
  if (!view) {
    fmt::print(stderr, "{}: {}\n", name, view.error().text());
    std::exit(1);
  }
  const double spent = lookup_cycles(*view, random_queries(*compiled, local));
  fmt::print("{} lookup_cycles={:.1f} (budget 60)\n", name, spent);
  print_changes(name, cluster, local, numbers);
  return spent;
}

int run_all(int argc, char** argv) {
  CLI::App app(
      "What policies cost: full compiles of Kubernetes-shaped clusters, look-ups in their\n"
      "tables, the compile and check of changes, and the worst inputs. One figure a line, its\n"
      "budget behind it. With --rules only that size, and no worst inputs.");
  Shape shape;
  const CLI::Option* rules_option = add_shape_options(app, shape);
  bool asks_questions = false;
  app.add_flag(
      "--questions", asks_questions,
      "What lint, explain, diff and assert cost at that size instead, every pod a subject");
  CLI11_PARSE(app, argc, argv);
  if (asks_questions) {
    print_questions(name_of(shape), make_cluster(shape));
    return 0;
  }
  const bool is_one_size = rules_option->count() > 0;
  // Peak memory is the process's highest so far: the sizes go upwards.
  std::vector<std::size_t> sizes = {10, 1000, 10000, 100000};
  if (is_one_size) sizes = {shape.rules};
  std::vector<double> spent;
  for (const std::size_t rules : sizes) {
    shape.rules = rules;
    spent.push_back(run(shape));
  }
  if (!is_one_size) {
    fmt::print("lookup_cycles {} rules / {} rules = {:.2f} (budget 1.25)\n", sizes.back(),
               sizes.front(), spent.back() / spent.front());
  }
  if (!is_one_size) print_worst_cases();
  const MemoryFigures memory = measure_memory();
  fmt::print("memory dependent_miss_cycles={:.0f} batched_miss_cycles={:.0f}\n",
             memory.dependent_miss, memory.batched_miss);
  return 0;
}

}  // namespace
}  // namespace bulkhead::bench

int main(int argc, char** argv) { return bulkhead::bench::run_all(argc, argv); }
