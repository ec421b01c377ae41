// SPDX-License-Identifier: Apache-2.0
#include "control/flowlog/audit.h"

#include <fmt/format.h>

#include "control/flowlog/json_text.h"

namespace bulkhead::control::flowlog {

AuditLog::AuditLog(std::filesystem::path file, std::uint64_t rotate_bytes,
                   std::size_t rotated_files)
    : file_(std::move(file), rotate_bytes, rotated_files) {}

void AuditLog::add(const AuditLine& line) {
  const std::string text = fmt::format(
      R"({{"time":{},"uid":{},"gid":{},"pid":{},"role":{},"method":{},"path":{},"status":{},"code":{}}})",
      json_string(time_text(line.time_ns)), line.uid, line.gid, line.pid, json_string(line.role),
      json_string(line.method), json_string(line.path.substr(0, 256)), line.status,
      json_string(line.code));
  const std::lock_guard lock(mutex_);
  file_.append(text);
  file_.flush();
}

}  // namespace bulkhead::control::flowlog
