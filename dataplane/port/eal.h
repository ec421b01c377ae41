// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
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

// Free hugepages of the default size, in MB.
[[nodiscard]] std::size_t free_hugepage_megabytes();

// Fails when hugepages are demanded and too few are free, naming how to reserve them.
[[nodiscard]] Result<EalChoice> choose_memory(const EalSettings& settings);

// Starts EAL with one lcore and no telemetry; PCI only when a pci port is configured. Once per
// process, on the main thread.
[[nodiscard]] Status start_eal(const EalSettings& settings, const EalChoice& choice);

// A worker thread makes itself known, so that it gets mempool caches of its own.
[[nodiscard]] Status register_worker_thread();

}  // namespace bulkhead::dataplane
