// SPDX-License-Identifier: Apache-2.0
// The same policies in our table and, flattened, in DPDK's packet classifier (librte_acl), in one
// run: build time, memory, cycles of a look-up, and that both answer alike. One figure a line.
// Usage: policy-acl-bench [RULES[/NAMESPACES]...]. IPv4; ours starts from identities, rte_acl from
// addresses.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>

#include "bench/micro/policy/acl_classifier.h"
#include "bench/micro/policy/cluster.h"
#include "bench/micro/policy/memory_figures.h"
#include "dataplane/port/eal.h"
#include "policy/table/lookup.h"

namespace bulkhead::bench {
namespace {

constexpr std::size_t kQueries = 1u << 18;
constexpr std::size_t kBurst = 64;
constexpr std::size_t kRoundBursts = 64;
constexpr std::size_t kEntryLimit = 2'000'000;
constexpr std::size_t kEalMegabytes = 4096;  // a ceiling, touched lazily
constexpr unsigned kPatienceSeconds = 240;   // for one size

struct Question {
  table::Query query;
  AclKey key;
};
// A burst asks in one direction.
using Questions = std::array<std::vector<Question>, 2>;

Questions random_questions(const compile::CompiledTable& compiled,
                           const compile::LocalPods& local) {
  using Entry = std::pair<IpAddress, compile::PodAddress>;
  std::vector<const Entry*> all, subjects;
  for (const auto& entry : compiled.addresses) {
    if (entry.first.family != Family::V4) continue;
    all.push_back(&entry);
    if (local->contains(entry.second.pod)) subjects.push_back(&entry);
  }
  // Half of the peers are of the subject's own namespace, where most rules point.
  std::unordered_map<std::string, std::vector<const Entry*>> neighbours;
  for (const auto* entry : all) neighbours[entry->second.pod.namespace_name].push_back(entry);
  constexpr std::array<std::uint16_t, 6> kPorts = {80, 443, 5432, 53, 8081, 31000};
  std::mt19937_64 random(7);
  Questions questions;
  for (std::size_t i = 0; i < kQueries; ++i) {
    const auto* subject = subjects[random() % subjects.size()];
    const auto& near = neighbours[subject->second.pod.namespace_name];
    const auto* peer =
        random() % 2 == 0 ? near[random() % near.size()] : all[random() % all.size()];
    if (peer == subject) continue;
    const auto port = kPorts[random() % kPorts.size()];
    const std::uint8_t protocol = random() % 4 == 0 ? kUdp : kTcp;
    const auto direction = i / kBurst % 2;
    const bool is_ingress = direction == static_cast<std::size_t>(Direction::Ingress);
    Question question;
    question.query = {subject->second.identity, peer->second.identity, port, protocol};
    question.key.protocol = protocol;
    const auto* source = is_ingress ? peer : subject;
    const auto* destination = is_ingress ? subject : peer;
    std::memcpy(&question.key.source, source->first.bytes.data(), 4);
    std::memcpy(&question.key.destination, destination->first.bytes.data(), 4);
    question.key.source_port = htons(40000);
    question.key.destination_port = htons(port);
    questions[direction].push_back(question);
  }
  for (auto& list : questions) list.resize(list.size() / kBurst * kBurst);
  return questions;
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

// `ask` answers the burst that begins at a position of a direction's questions. Median of rounds.
template <class Ask>
double cycles_each(const Questions& questions, Ask ask) {
  std::vector<double> rounds;
  for (const auto direction : kDirections) {
    const std::size_t count = questions[static_cast<std::size_t>(direction)].size();
    constexpr std::size_t kRound = kBurst * kRoundBursts;
    for (std::size_t first = 0; first + kRound <= count; first += kRound) {
      const std::uint64_t start = cycles();
      for (std::size_t at = first; at < first + kRound; at += kBurst) ask(direction, at);
      rounds.push_back(static_cast<double>(cycles() - start) / kRound);
    }
  }
  return median(std::move(rounds));
}

int compare(const Shape& shape) {
  auto cluster = make_cluster(shape);
  // What no policy wrote is no classifier's matter.
  cluster.settings.default_dns = false;
  const auto local = local_pods(cluster, shape);
  const std::string name = fmt::format("rules={} namespaces={} pods={} local={}", shape.rules,
                                       shape.namespaces, shape.pods, shape.local_pods);
  compile::Numbers numbers;
  const double start = seconds();
  const auto compiled = compile::compile(cluster, local, Revision{1}, numbers);
  const double compile_ms = (seconds() - start) * 1e3;
  if (!compiled) return fmt::print(stderr, "{}: {}\n", name, compiled.error().text()), 1;
  const auto view = table::TableView::open(compiled->section_bytes());
  if (!view) return fmt::print(stderr, "{}: {}\n", name, view.error().text()), 1;
  std::size_t bytes = 0;
  for (const auto& section : compiled->sections) bytes += section.bytes.size();
  const auto questions = random_questions(*compiled, local);

  std::array<std::vector<table::Query>, 2> queries;
  std::array<std::vector<const AclKey*>, 2> keys;
  for (std::size_t i = 0; i < 2; ++i) {
    for (const auto& question : questions[i]) {
      queries[i].push_back(question.query);
      keys[i].push_back(&question.key);
    }
  }
  std::array<table::Decision, kBurst> decisions;
  const auto ask_table = [&](Direction direction, std::size_t at) {
    const auto& list = queries[static_cast<std::size_t>(direction)];
    table::lookup(*view, direction, std::span(list).subspan(at, kBurst), decisions);
  };
  fmt::print(
      "{} table: build_ms={:.0f} (whole cluster, both families) mib={:.2f} "
      "lookup_cycles={:.1f}\n",
      name, compile_ms, static_cast<double>(bytes) / (1 << 20), cycles_each(questions, ask_table));

  const double flatten_start = seconds();
  const auto flat =
      flatten(cluster, local, *Prefix::make(IpAddress::v4(10, 0, 0, 0), 8), kEntryLimit);
  const double flatten_ms = (seconds() - flatten_start) * 1e3;
  std::vector<AclClassifier> classifiers;
  AclCost sum;
  for (const auto direction : kDirections) {
    const auto& policy = flat[static_cast<std::size_t>(direction)];
    if (policy.allowed.size() > kEntryLimit) {
      return fmt::print("{} rte_acl: more than {} entries, not tried\n", name, kEntryLimit), 0;
    }
    auto built =
        AclClassifier::build(direction == Direction::Ingress ? "in" : "out", direction, policy);
    if (!built) {
      return fmt::print("{} rte_acl: {} entries refused: {}\n", name, policy.allowed.size(),
                        built.error().text()),
             0;
    }
    sum.entries += built->cost().entries;
    sum.build_ms += built->cost().build_ms;
    sum.rule_bytes += built->cost().rule_bytes;
    sum.trie_bytes += built->cost().trie_bytes;
    classifiers.push_back(std::move(*built));
  }
  std::array<std::uint32_t, kBurst> verdicts{};
  const auto ask_acl = [&](Direction direction, std::size_t at) {
    const auto place = static_cast<std::size_t>(direction);
    classifiers[place].classify(std::span(keys[place]).subspan(at, kBurst), verdicts);
  };
  const double acl_cycles = cycles_each(questions, ask_acl);
  fmt::print(
      "{} rte_acl: entries={} flatten_ms={:.0f} build_ms={:.0f} (local pods, IPv4) "
      "rules_mib={:.2f} trie_mib={:.2f} lookup_cycles={:.1f}\n",
      name, sum.entries, flatten_ms, sum.build_ms, static_cast<double>(sum.rule_bytes) / (1 << 20),
      static_cast<double>(sum.trie_bytes) / (1 << 20), acl_cycles);

  // A comparison of two that answer different questions would be worth nothing.
  const bool is_open = cluster.settings.default_verdict == Verdict::Allow;
  std::size_t asked = 0, allowed = 0, unlike = 0;
  for (const auto direction : kDirections) {
    for (std::size_t at = 0; at < queries[static_cast<std::size_t>(direction)].size();
         at += kBurst) {
      ask_table(direction, at);
      ask_acl(direction, at);
      for (std::size_t i = 0; i < kBurst; ++i) {
        const bool is_allowed = decisions[i].verdict == Verdict::Allow;
        ++asked;
        allowed += is_allowed ? 1 : 0;
        unlike += is_allowed != (verdicts[i] == 0 ? is_open : verdicts[i] == 2) ? 1 : 0;
      }
    }
  }
  fmt::print("{} questions={} allowed={} answered_unlike={}\n", name, asked, allowed, unlike);
  return unlike == 0 ? 0 : 1;
}

// Each size in a process of its own, bounded in time and memory.
int compare_apart(const Shape& shape) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return std::perror("fork"), 1;
  if (child == 0) {
    ::alarm(kPatienceSeconds);
    dataplane::EalSettings settings;
    settings.memory = dataplane::MemoryChoice::Plain;
    settings.megabytes = kEalMegabytes;
    const auto choice = dataplane::choose_memory(settings);
    const auto started =
        choice ? dataplane::start_eal(settings, *choice) : Status(tl::unexpected(choice.error()));
    int status = 1;
    if (started) {
      status = compare(shape);
    } else {
      fmt::print(stderr, "{}\n", started.error().text());
    }
    std::fflush(nullptr);
    ::_exit(status);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return std::perror("waitpid"), 1;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
    return fmt::print("rules={} namespaces={}: given up after {} s\n", shape.rules,
                      shape.namespaces, kPatienceSeconds),
           0;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

// "RULES" or "RULES/NAMESPACES", ten pods a namespace.
std::optional<Shape> shape_of(const std::string& text) {
  Shape shape;
  char* end = nullptr;
  shape.rules = std::strtoull(text.c_str(), &end, 10);
  if (*end == '/') shape.namespaces = std::strtoull(end + 1, &end, 10);
  shape.pods = shape.namespaces * 10;
  const bool is_good = *end == '\0' && shape.rules != 0 && shape.namespaces >= 25;
  return is_good ? std::optional(shape) : std::nullopt;
}

int run_all(int argc, char** argv) {
  // A large cluster, whose node sees few of its rules; and one in which it sees most.
  std::vector<std::string> sizes = {"1000", "10000", "100000", "1000/100", "10000/100"};
  if (argc > 1) sizes.assign(argv + 1, argv + argc);
  for (const auto& size : sizes) {
    const auto shape = shape_of(size);
    if (!shape) return fmt::print(stderr, "usage: policy-acl-bench [RULES[/NAMESPACES]...]\n"), 2;
    if (const int status = compare_apart(*shape); status != 0) return status;
  }
  return 0;
}

}  // namespace
}  // namespace bulkhead::bench

int main(int argc, char** argv) { return bulkhead::bench::run_all(argc, argv); }
