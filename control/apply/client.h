// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

#include "control/apply/dataplane.h"
#include "dataplane/api/channel.h"
#include "dataplane/api/events.h"
#include "dataplane/api/stats.h"
#include "policy/base/fd.h"

namespace bulkhead::control::apply {

// A port that the data plane held before this agent came, with its queues handed back.
struct HeldPort {
  dataplane::api::AttachPort attached;
  std::vector<Fd> queues;
};

// What a data plane says of itself.
struct Greeting {
  dataplane::api::HelloReply reply;
  std::vector<HeldPort> ports;
  std::shared_ptr<const dataplane::api::StatsPage> stats;
  std::shared_ptr<dataplane::api::EventRings> rings;
  Fd wake;  // signalled when a ring has something for a sleeping reader
};

// The connection to one data plane process. Messages are numbered and answered one by one; an
// answer that does not come within the deadline breaks the connection, because what is in force is
// then unknown. Thread: the control thread.
class Client final : public Dataplane {
 public:
  struct Connected;
  struct Deadlines {
    std::chrono::milliseconds greeting{2000};
    std::chrono::milliseconds answer{3000};
  };
  // Fails at once when nobody listens on `socket`.
  [[nodiscard]] static Result<Connected> connect(const std::filesystem::path& socket,
                                                 const Deadlines& deadlines);

  [[nodiscard]] int descriptor() const { return channel_.fd(); }
  [[nodiscard]] bool is_connected() const { return channel_.is_open(); }

  // Takes what arrived unasked. False when the connection is over.
  [[nodiscard]] bool receive_waiting();
  // The ports the data plane closed since the last call.
  [[nodiscard]] std::vector<dataplane::api::PortClosed> take_closed();

  Outcome<dataplane::api::Ack> configure(const dataplane::api::Configure& settings) override;
  Outcome<dataplane::api::Ack> publish(Revision revision,
                                       std::span<const OutgoingSection> sections) override;
  Outcome<dataplane::api::Ack> attach(const dataplane::api::AttachPort& port,
                                      std::span<const int> fds) override;
  Outcome<dataplane::api::Ack> detach(PortId port, std::uint32_t generation) override;
  Outcome<dataplane::api::Ack> upsert(
      std::span<const dataplane::api::AddressUpdate> updates) override;
  Outcome<dataplane::api::Ack> remove(std::span<const IpAddress> addresses) override;

 private:
  Client(dataplane::api::Channel channel, const Deadlines& deadlines)
      : channel_(std::move(channel)), deadlines_(deadlines) {}

  [[nodiscard]] Result<Greeting> greet();
  [[nodiscard]] Outcome<dataplane::api::Ack> transact(std::span<const std::byte> message,
                                                      std::span<const int> fds);
  [[nodiscard]] tl::unexpected<Problem> lost(Error error);

  dataplane::api::Channel channel_;
  Deadlines deadlines_;
  std::uint64_t sequence_ = 0;
  std::vector<dataplane::api::PortClosed> closed_;
};

struct Client::Connected {
  std::unique_ptr<Client> client;
  Greeting greeting;
};

}  // namespace bulkhead::control::apply
