// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "control/apply/client.h"
#include "policy/base/fd.h"

namespace bulkhead::control::agent {

// Connects to the data plane and is greeted by it on a thread of its own: a data plane that hangs
// would hold up every attachment else. One attempt at a time. Thread: the control thread.
class Connector {
 public:
  using Attempt = Result<apply::Client::Connected>;

  explicit Connector(std::filesystem::path socket);
  // Waits for an attempt that is under way (its greeting has a deadline).
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Readable when an attempt has ended.
  [[nodiscard]] int descriptor() const { return ended_.value(); }
  [[nodiscard]] bool is_running() const { return thread_.joinable(); }
  // Nothing when one is under way.
  void start();
  // The attempt that has ended, once.
  [[nodiscard]] std::optional<Attempt> take();

 private:
  std::filesystem::path socket_;
  Fd ended_;
  std::thread thread_;
  std::mutex mutex_;
  std::optional<Attempt> attempt_;
};

}  // namespace bulkhead::control::agent
