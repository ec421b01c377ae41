// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "policy/base/result.h"

namespace bulkhead::control::cli {

// Beside the file first, so that no reader ever sees half of one. On failure nothing is left.
[[nodiscard]] Status write_whole(const std::filesystem::path& file,
                                 std::span<const std::byte> bytes);

}  // namespace bulkhead::control::cli
