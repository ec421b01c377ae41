// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::control::cli {

// A tar archive in memory (POSIX.1-1988 ustar): plain files, mode 0600, root's.
class Tar {
 public:
  explicit Tar(std::uint64_t time_s) : time_s_(time_s) {}

  // `name` has at most 100 bytes: what is longer is cut at the front of its file name.
  void add(std::string name, std::string_view content);
  // The archive, ended.
  [[nodiscard]] std::vector<std::byte> bytes() const;

 private:
  std::uint64_t time_s_;
  std::string text_;
};

}  // namespace bulkhead::control::cli
