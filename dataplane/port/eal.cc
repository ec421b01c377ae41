// SPDX-License-Identifier: Apache-2.0
#include "dataplane/port/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include <algorithm>
#include <fstream>
#include <limits>

namespace bulkhead::dataplane {
namespace {

constexpr std::string_view kPciPrefix = "pci:";

bool is_pci(const std::string& devargs) { return devargs.starts_with(kPciPrefix); }

}  // namespace

Hugepages read_hugepages(std::istream& meminfo) {
  Hugepages pages;
  for (std::string word; meminfo >> word;) {
    if (word == "HugePages_Total:") meminfo >> pages.total;
    if (word == "HugePages_Free:") meminfo >> pages.free;
    if (word == "HugePages_Rsvd:") meminfo >> pages.reserved;
    if (word == "Hugepagesize:") meminfo >> pages.kilobytes;
    meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return pages;
}

Result<EalChoice> choose_memory(const EalSettings& settings, const Hugepages& pages) {
  if (settings.memory == MemoryChoice::Plain) return EalChoice{false, "configured"};
  const std::size_t available = pages.free - std::min(pages.free, pages.reserved);
  const std::size_t megabytes = available * pages.kilobytes / 1024;
  if (megabytes >= settings.megabytes) {
    return EalChoice{true, fmt::format("{} MB of hugepages are free", megabytes)};
  }
  if (settings.memory == MemoryChoice::Auto) {
    return EalChoice{false, fmt::format("{} MB of hugepages are free, {} MB are needed", megabytes,
                                        settings.megabytes)};
  }
  const std::size_t wanted = (settings.megabytes * 1024 + pages.kilobytes - 1) / pages.kilobytes;
  return fail(
      "memory: hugepages needs {} MB, {} MB are free; reserve them (sysctl vm.nr_hugepages={}) or "
      "set memory: auto",
      settings.megabytes, megabytes, pages.total + wanted - available);
}

Result<EalChoice> choose_memory(const EalSettings& settings) {
  std::ifstream meminfo("/proc/meminfo");
  return choose_memory(settings, read_hugepages(meminfo));
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
