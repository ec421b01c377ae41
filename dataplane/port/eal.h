// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <istream>
#include <string>
#include <vector>

#include "policy/base/result.h"

namespace bulkhead::dataplane {

enum class MemoryChoice { Auto, Hugepages, Plain };

struct EalSettings {
  MemoryChoice memory = MemoryChoice::Auto;
  std::size_t megabytes = 128;     // what the pools and rings will need
  std::vector<std::string> ports;  // devargs of ethdev ports: "net_memif0,role=server", "pci:..."
};

// What was chosen, decided before EAL starts: with too few hugepages it starts and fails later.
struct EalChoice {
  bool uses_hugepages = false;
  std::string reason;
};

// Hugepages of the default size, as /proc/meminfo has them. A page that another process was
// promised (reserved) still counts as free there.
struct Hugepages {
  std::size_t total = 0;
  std::size_t free = 0;
  std::size_t reserved = 0;
  std::size_t kilobytes = 2048;  // a page
};
[[nodiscard]] Hugepages read_hugepages(std::istream& meminfo);

// Fails when hugepages are demanded and too few are to be had, naming how to reserve them.
[[nodiscard]] Result<EalChoice> choose_memory(const EalSettings& settings, const Hugepages& pages);
// Of this machine, now.
[[nodiscard]] Result<EalChoice> choose_memory(const EalSettings& settings);

// Starts EAL with one lcore and no telemetry; PCI only when a pci port is configured. Once per
// process, on the main thread.
[[nodiscard]] Status start_eal(const EalSettings& settings, const EalChoice& choice);

// A worker thread makes itself known, so that it gets mempool caches of its own.
[[nodiscard]] Status register_worker_thread();

}  // namespace bulkhead::dataplane
