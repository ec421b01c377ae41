// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "policy/base/result.h"

namespace bulkhead::control::cli {

// The bytes of a file (or of what else can be read to an end); a folder is an error that says so.
[[nodiscard]] Result<std::string> read_whole(const std::filesystem::path& file);

// Beside the file first, so that no reader ever sees half of one. On failure nothing is left.
[[nodiscard]] Status write_whole(const std::filesystem::path& file,
                                 std::span<const std::byte> bytes);

}  // namespace bulkhead::control::cli
