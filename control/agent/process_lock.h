// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "policy/base/fd.h"
#include "policy/base/result.h"

namespace bulkhead::control::agent {

// One process of a kind a root: holds `file` locked as long as the descriptor lives (the kernel
// frees it, however the process ends) and writes its number there. When another process has it, the
// error names that one. The data plane locks its own file the same way.
[[nodiscard]] Result<Fd> lock_process_file(const std::filesystem::path& file,
                                           std::string_view program);

}  // namespace bulkhead::control::agent
