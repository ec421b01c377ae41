// SPDX-License-Identifier: Apache-2.0
#include "control/agent/log.h"

#include <unistd.h>

#include <chrono>

#include "control/flowlog/json_text.h"
#include "policy/base/result.h"

namespace bulkhead::control::agent {
namespace {

constexpr std::uint64_t kRotateBytes = std::uint64_t{16} << 20;
constexpr std::size_t kRotatedFiles = 2;

std::string_view name_of(Level level) {
  switch (level) {
    case Level::Info:
      return "info";
    case Level::Warning:
      return "warning";
    case Level::Error:
      return "error";
  }
  return "unknown";
}

std::uint64_t now_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // namespace

Log::Log(const std::filesystem::path& errors) : file_(errors, kRotateBytes, kRotatedFiles) {}

void Log::info(std::string_view message, std::initializer_list<Field> fields) {
  write(Level::Info, message, fields);
}
void Log::warning(std::string_view message, std::initializer_list<Field> fields) {
  write(Level::Warning, message, fields);
}
void Log::error(std::string_view message, std::initializer_list<Field> fields) {
  write(Level::Error, message, fields);
}

void Log::write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  const std::string time = flowlog::time_text(now_ns());
  std::string line =
      fmt::format("{} level={} message={}", time, name_of(level), flowlog::json_string(message));
  std::string json = fmt::format("{{\"time\":\"{}\",\"level\":\"{}\",\"message\":{}", time,
                                 name_of(level), flowlog::json_string(message));
  for (const auto& [key, value] : fields) {
    line += fmt::format(" {}={}", key, flowlog::json_string(value));
    json += fmt::format(",{}:{}", flowlog::json_string(key), flowlog::json_string(value));
  }
  line += '\n';

  const std::lock_guard lock(mutex_);
  // A closed or full stderr must not stop the agent.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  if (level == Level::Info) return;
  file_.append(json + "}");
  file_.flush();
}

}  // namespace bulkhead::control::agent
