// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bulkhead::control::metrics {

// What /proc says about a process.
struct ProcessReport {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double start_time_seconds = 0;  // since 1970
  double threads = 0;
  std::optional<double> open_fds;  // absent when /proc does not let us look
  std::optional<double> max_fds;
};

// Nothing when there is no such process. `proc` is /proc, another folder in tests.
[[nodiscard]] std::optional<ProcessReport> read_process(std::uint32_t pid,
                                                        const std::string& proc = "/proc");

}  // namespace bulkhead::control::metrics
