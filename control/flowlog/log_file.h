// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "policy/base/fd.h"

namespace bulkhead::control::flowlog {

// An append-only file of JSON lines, 0640, rotated by size (name, name.1, name.2 ...). A full disk
// or a vanished folder loses lines and counts them; it never stops the writer, and a line that was
// cut short is ended before the next begins. Not thread safe.
class LogFile {
 public:
  LogFile() = default;  // writes nowhere
  LogFile(std::filesystem::path file, std::uint64_t rotate_bytes, std::size_t rotated_files);
  ~LogFile();

  void append(std::string_view line);  // without newline
  void flush();
  [[nodiscard]] std::uint64_t lost_lines() const { return lost_; }

 private:
  [[nodiscard]] bool open();
  void rotate();

  std::filesystem::path file_;
  std::uint64_t rotate_bytes_ = 0;
  std::size_t rotated_files_ = 0;
  Fd fd_;
  std::uint64_t size_ = 0;  // of the open file
  std::string buffer_;
  std::uint64_t buffered_lines_ = 0;
  bool line_is_cut_ = false;
  std::uint64_t lost_ = 0;
};

}  // namespace bulkhead::control::flowlog
