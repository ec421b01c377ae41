// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "cni/request.h"
#include "policy/base/result.h"

namespace bulkhead::cni {

struct Execution {
  int exit_code = 0;
  std::string output;  // standard output, at most 1 MiB
};

// Runs a program to its end with `input` on standard input; standard error is ours. Killed at the
// deadline. Fails when it cannot be started, is killed, or says more than it may.
[[nodiscard]] Result<Execution> execute(const std::filesystem::path& program,
                                        const Environment& environment, std::string_view input,
                                        std::chrono::milliseconds deadline);

}  // namespace bulkhead::cni
