// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "policy/base/result.h"

namespace bulkhead::control::state {

// Whether the bytes must outlive a power failure, or only the process.
enum class Durability : std::uint8_t { Process, Machine };

// Replaces a file so that a reader, or the next start, sees the old or the new text, never a part.
// Mode 0600.
[[nodiscard]] Status write_whole(const std::filesystem::path& file, std::string_view text,
                                 Durability durability);

}  // namespace bulkhead::control::state
