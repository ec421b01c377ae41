// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "dataplane/api/server/connection.h"
#include "dataplane/api/server/keeper.h"
#include "policy/base/fd.h"

namespace bulkhead::dataplane {

// What workers tell the control thread. Any thread posts; rare.
class Notices {
 public:
  struct Gone {
    PortId port;
    std::uint32_t generation = 0;
    int error_number = 0;
  };
  [[nodiscard]] static Result<std::unique_ptr<Notices>> make();
  void post(Gone gone);
  [[nodiscard]] std::vector<Gone> take();
  [[nodiscard]] int fd() const { return wakeup_.value(); }

 private:
  Fd wakeup_;
  std::mutex mutex_;
  std::vector<Gone> gone_;
};

// The control thread's loop: accepts one agent at a time (uid 0 or our own), serves its messages,
// passes on what workers notice, beats the heart of the statistics page.
class Server {
 public:
  struct Parts {
    Fd listener;
    Fd signals;  // a signalfd: readable = end
    Connection::Greeting greeting;
    Keeper* keeper = nullptr;
    Notices* notices = nullptr;
  };
  explicit Server(Parts parts) : parts_(std::move(parts)) {}

  // Returns when a signal says so.
  void run();

 private:
  void serve_agent();
  void accept_agent();
  void pass_notices();
  void look_at_devices();
  void beat();

  Parts parts_;
  std::optional<Connection> agent_;
  bool listener_rests_ = false;   // for one heartbeat
  std::uint64_t look_at_ns_ = 0;  // CLOCK_MONOTONIC: when devices are looked at next
};

}  // namespace bulkhead::dataplane
