// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "control/agent/log.h"

namespace bulkhead::control::agent {

// Starts bulkhead-dataplane and starts it again whenever it ends, for machines without systemd. A
// data plane that already listens on `socket` is left alone. The child outlives this process: the
// fast path does not depend on the agent (law 2).
class Supervisor {
 public:
  Supervisor(std::filesystem::path program, std::vector<std::string> flags,
             std::filesystem::path socket, Log& log);
  ~Supervisor();  // stops watching; the data plane goes on
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

 private:
  void run();
  [[nodiscard]] pid_t start();
  [[nodiscard]] bool is_running_elsewhere() const;

  std::filesystem::path program_;
  std::vector<std::string> flags_;
  std::filesystem::path socket_;
  Log& log_;
  std::atomic<bool> stops_{false};  // written by the owner, read by thread_
  std::thread thread_;
};

}  // namespace bulkhead::control::agent
