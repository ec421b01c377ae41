// SPDX-License-Identifier: Apache-2.0
#include "dataplane/port/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include <fstream>
#include <limits>

namespace bulkhead::dataplane {
namespace {

constexpr std::string_view kPciPrefix = "pci:";

bool is_pci(const std::string& devargs) { return devargs.starts_with(kPciPrefix); }

}  // namespace

std::size_t free_hugepage_megabytes() {
  std::ifstream meminfo("/proc/meminfo");
  std::string word;
  std::size_t free_pages = 0;
  std::size_t page_kilobytes = 0;
  while (meminfo >> word) {
    if (word == "HugePages_Free:") meminfo >> free_pages;
    if (word == "Hugepagesize:") meminfo >> page_kilobytes;
    meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return free_pages * page_kilobytes / 1024;
}

Result<EalChoice> choose_memory(const EalSettings& settings) {
  const std::size_t free_megabytes = free_hugepage_megabytes();
  const bool is_enough = free_megabytes >= settings.megabytes;
  if (settings.memory == MemoryChoice::Plain) return EalChoice{false, "configured"};
  if (settings.memory == MemoryChoice::Hugepages && !is_enough) {
    return fail(
        "memory: hugepages needs {} MB, {} MB are free; reserve them (sysctl "
        "vm.nr_hugepages={}) or set memory: auto",
        settings.megabytes, free_megabytes, (settings.megabytes + 1) / 2);
  }
  if (is_enough) return EalChoice{true, fmt::format("{} MB of hugepages are free", free_megabytes)};
  return EalChoice{false, fmt::format("{} MB of hugepages are free, {} MB are needed",
                                      free_megabytes, settings.megabytes)};
}

Status start_eal(const EalSettings& settings, const EalChoice& choice) {
  std::vector<std::string> words{"bulkhead-dataplane", "--no-telemetry",       "--lcores", "0",
                                 "--iova-mode=va",     "--log-level=*:warning"};
  bool has_pci = false;
  for (const std::string& port : settings.ports) {
    has_pci = has_pci || is_pci(port);
    if (is_pci(port)) {
      words.insert(words.end(), {"-a", port.substr(kPciPrefix.size())});
    } else {
      words.push_back("--vdev=" + port);
    }
  }
  if (!has_pci) words.emplace_back("--no-pci");
  if (choice.uses_hugepages) {
    words.emplace_back("--in-memory");
  } else {
    words.insert(words.end(),
                 {"--no-huge", "--no-shconf", "-m", std::to_string(settings.megabytes)});
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) {
    return fail("DPDK does not start: {} (arguments: {}); its own lines above say more",
                rte_strerror(rte_errno), fmt::join(words, " "));
  }
  return {};
}

Status register_worker_thread() {
  if (rte_thread_register() != 0) {
    return fail("DPDK refuses a worker thread: {}", rte_strerror(rte_errno));
  }
  return {};
}

}  // namespace bulkhead::dataplane
