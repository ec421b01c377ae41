// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/api/messages.h"
#include "policy/base/ids.h"
#include "policy/base/ip.h"
#include "policy/base/result.h"

namespace bulkhead::control::apply {

// Why a message was not acknowledged.
struct Problem {
  enum class Kind : std::uint8_t {
    Refused,  // the data plane answered; nothing changed there
    Lost,     // no answer in time, or the connection broke: what is in force is unknown
  };
  Kind kind = Kind::Lost;
  Error error;
};

template <class T>
using Outcome = tl::expected<T, Problem>;

struct OutgoingSection {
  std::uint32_t kind = 0;
  std::uint64_t checksum = 0;
  std::span<const std::byte> bytes;
  bool is_new = true;  // false: the data plane has it already, only its name is sent
};

// The data plane as the agent sees it: each call returns when every worker has acknowledged the
// change (or not). A process edge: faked in tests. Thread: the control thread.
class Dataplane {
 public:
  virtual ~Dataplane() = default;

  virtual Outcome<dataplane::api::Ack> configure(const dataplane::api::Configure& settings) = 0;
  virtual Outcome<dataplane::api::Ack> publish(Revision revision,
                                               std::span<const OutgoingSection> sections) = 0;
  // The descriptors stay the caller's.
  virtual Outcome<dataplane::api::Ack> attach(const dataplane::api::AttachPort& port,
                                              std::span<const int> fds) = 0;
  virtual Outcome<dataplane::api::Ack> detach(PortId port, std::uint32_t generation) = 0;
  // Any number; more than fit one message are sent as several.
  virtual Outcome<dataplane::api::Ack> upsert(
      std::span<const dataplane::api::AddressUpdate> updates) = 0;
  virtual Outcome<dataplane::api::Ack> remove(std::span<const IpAddress> addresses) = 0;
};

}  // namespace bulkhead::control::apply
