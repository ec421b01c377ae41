// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "policy/base/result.h"

namespace bulkhead {

// Whether the bytes must outlive a power failure, or only the process.
enum class Durability : std::uint8_t { Process, Machine };

// Replaces a file so that a reader, or the next start, sees the old or the new text, never a part.
// Mode 0600. Written beside it first, under a name of this process's own that ends with `~`: no
// link in a shared folder is followed, and two processes do not meet. On failure nothing is left.
[[nodiscard]] Status write_whole(const std::filesystem::path& file, std::string_view text,
                                 Durability durability);
[[nodiscard]] Status write_whole(const std::filesystem::path& file,
                                 std::span<const std::byte> bytes, Durability durability);

struct WholeText {
  std::filesystem::path file;
  std::string_view text;
};

// The same for many files, each whole, which wait for the disk together. The first error; the
// others are written all the same.
[[nodiscard]] Status write_whole(std::span<const WholeText> texts, Durability durability);

}  // namespace bulkhead
