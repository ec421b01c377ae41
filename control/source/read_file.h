// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "policy/base/result.h"

namespace bulkhead::control::source {

// The whole file, at most `limit` bytes. Never blocks on a FIFO.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit);

}  // namespace bulkhead::control::source
