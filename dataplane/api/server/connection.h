// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "dataplane/api/channel.h"
#include "dataplane/api/server/keeper.h"
#include "dataplane/api/server/shared_memory.h"
#include "dataplane/port/port.h"

namespace bulkhead::dataplane {

// The agent's connection: greeting, then one Ack for each message. What it asked for stays when it
// goes (law 2). Thread: control.
class Connection {
 public:
  struct Greeting {
    const SharedMemory* shared = nullptr;
    int events_wakeup_fd = -1;
    IoProbe io;
  };
  Connection(api::Channel channel, const Greeting& greeting, Keeper& keeper)
      : channel_(std::move(channel)), greeting_(greeting), keeper_(keeper) {}

  [[nodiscard]] int fd() const { return channel_.fd(); }

  // Answers messages that wait, a bounded number of them. Fails when the connection is over; the
  // caller drops it.
  [[nodiscard]] Status serve();

  void tell(const api::PortClosed& closed);

 private:
  [[nodiscard]] Status answer(api::Message message);
  [[nodiscard]] Status greet(const api::Message& hello);
  [[nodiscard]] Outcome act(api::Message& message);
  [[nodiscard]] Status acknowledge(std::uint64_t sequence, const Outcome& outcome);

  api::Channel channel_;
  Greeting greeting_;
  Keeper& keeper_;
  bool is_greeted_ = false;
};

}  // namespace bulkhead::dataplane
