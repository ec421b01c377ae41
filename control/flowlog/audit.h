// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

#include "control/flowlog/log_file.h"

namespace bulkhead::control::flowlog {

struct AuditLine {
  std::uint64_t time_ns = 0;  // CLOCK_REALTIME
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t pid = 0;
  std::string role;
  std::string method;  // may be empty: the request was not understood
  std::string path;    // cut to 256 bytes
  int status = 0;      // what was answered
  std::string code;    // the error's code, empty when it succeeded
};

// /var/log/bulkhead/audit.jsonl: one line a call, on disk before the next call's. Thread: any.
class AuditLog {
 public:
  explicit AuditLog(std::filesystem::path file, std::uint64_t rotate_bytes = 16ull << 20,
                    std::size_t rotated_files = 4);
  void add(const AuditLine& line);

 private:
  std::mutex mutex_;
  LogFile file_;
};

}  // namespace bulkhead::control::flowlog
