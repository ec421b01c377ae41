// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "control/flowlog/log_file.h"

namespace bulkhead::control::agent {

enum class Level : std::uint8_t { Info, Warning, Error };

// Structured lines: key=value on stderr, and what is worse than Info as JSON in errors.jsonl.
// Values may come from anywhere; control characters never reach the terminal. Thread: any.
class Log {
 public:
  using Field = std::pair<std::string_view, std::string>;

  explicit Log(const std::filesystem::path& errors);

  void info(std::string_view message, std::initializer_list<Field> fields = {});
  void warning(std::string_view message, std::initializer_list<Field> fields = {});
  void error(std::string_view message, std::initializer_list<Field> fields = {});

 private:
  void write(Level level, std::string_view message, std::initializer_list<Field> fields);

  std::mutex mutex_;
  flowlog::LogFile file_;
};

}  // namespace bulkhead::control::agent
