// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace bulkhead::dataplane {

// Structured lines on stderr: `2026-01-31T12:00:00.000Z info what happened`. Control thread and
// start-up only, never a worker's hot path. The logging library is behind these functions.
void start_log();
void log_line_info(const std::string& line);
void log_line_warning(const std::string& line);
void log_line_error(const std::string& line);

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line_info(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line_warning(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line_error(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace bulkhead::dataplane
