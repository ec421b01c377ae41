// SPDX-License-Identifier: Apache-2.0
#include "dataplane/api/server/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace bulkhead::dataplane {

void start_log() {
  auto logger = spdlog::stderr_logger_mt("bulkhead-dataplane");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %n: %v", spdlog::pattern_time_type::utc);
  spdlog::set_default_logger(std::move(logger));
}

void log_line_info(const std::string& line) { spdlog::info(line); }
void log_line_warning(const std::string& line) { spdlog::warn(line); }
void log_line_error(const std::string& line) { spdlog::error(line); }

}  // namespace bulkhead::dataplane
