// SPDX-License-Identifier: Apache-2.0
#include "dataplane/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <thread>

#include "dataplane/api/messages.h"

namespace bulkhead::dataplane {
namespace {

// Cores - 1, at least 1, at most 4 (design.md section 7).
unsigned default_workers() {
  const unsigned cores = std::thread::hardware_concurrency();
  return std::clamp(cores == 0 ? 1u : cores - 1, 1u, unsigned{api::kMaxWorkers});
}

}  // namespace

ParsedOptions parse_options(int argc, char** argv) {
  CLI::App app{"The Bulkhead fast path: enforces policy tables on every packet between pods."};
  app.name("bulkhead-dataplane");
  Options options;
  unsigned workers = 0;
  std::string root = "/";
  const std::map<std::string, PollMode> polls{
      {"adaptive", PollMode::Adaptive}, {"busy", PollMode::Busy}, {"epoll", PollMode::Epoll}};
  const std::map<std::string, IoChoice> methods{
      {"auto", IoChoice::Auto}, {"uring", IoChoice::Uring}, {"epoll", IoChoice::Epoll}};
  const std::map<std::string, MemoryChoice> memories{{"auto", MemoryChoice::Auto},
                                                     {"hugepages", MemoryChoice::Hugepages},
                                                     {"plain", MemoryChoice::Plain}};
  app.add_option("--root", root, "Folder that all paths derive from")->envname("BULKHEAD_ROOT");
  app.add_option("--workers", workers, "Worker threads; 0 = cores - 1, at least 1, at most 4")
      ->check(CLI::Range(0u, unsigned{api::kMaxWorkers}));
  app.add_option("--poll", options.poll, "adaptive | busy | epoll: when a worker sleeps")
      ->transform(CLI::CheckedTransformer(polls));
  app.add_option("--io", options.io, "auto | uring | epoll: how TAPs are read and written")
      ->transform(CLI::CheckedTransformer(methods));
  app.add_option("--memory", options.memory, "auto | hugepages | plain")
      ->transform(CLI::CheckedTransformer(memories));
  app.add_option("--flows-max", options.flows_max, "Flows tracked by all workers together")
      ->check(CLI::Range(std::uint64_t{1024}, std::uint64_t{64} << 20));
  app.add_option("--port", options.ports, "DPDK devargs of an ethdev port; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--instance", options.instance, "Name of this instance in logs");
  app.set_version_flag("--version", "bulkhead-dataplane " BULKHEAD_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error) == 0 ? 0 : 2};
  }
  options.root = root;
  options.workers = workers == 0 ? default_workers() : workers;
  return {options, 0};
}

}  // namespace bulkhead::dataplane
