// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/agent/log.h"
#include "policy/base/fd.h"

namespace bulkhead::control::agent {

// Starts bulkhead-dataplane and starts it again at once when it ends, for machines without systemd.
// One that already listens on `socket` is only watched, and replaced when it ends. The child
// survives this process when that is killed (law 2: the fast path does not depend on the agent);
// an orderly end is the end of both.
class Supervisor {
 public:
  Supervisor(std::filesystem::path program, std::vector<std::string> flags,
             std::filesystem::path socket, Log& log);
  ~Supervisor();  // ends the child: SIGTERM, and SIGKILL after 5 s
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

 private:
  struct Watched {
    pid_t pid = -1;
    Fd fd;  // a pidfd: readable when the process has ended
    bool is_child = false;
    std::chrono::steady_clock::time_point since;
  };

  void run();
  [[nodiscard]] Watched watch();
  [[nodiscard]] pid_t start();
  [[nodiscard]] std::optional<pid_t> running_elsewhere() const;
  void end(const Watched& child);

  std::filesystem::path program_;
  std::vector<std::string> flags_;
  std::filesystem::path socket_;
  Log& log_;
  Fd stop_;  // an eventfd
  std::thread thread_;
};

}  // namespace bulkhead::control::agent
