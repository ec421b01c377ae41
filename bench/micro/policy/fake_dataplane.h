// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "control/apply/dataplane.h"

namespace bulkhead::bench {

// Acknowledges everything at once.
class FakeDataplane final : public control::apply::Dataplane {
 public:
  using Ack = dataplane::api::Ack;
  template <class T>
  using Outcome = control::apply::Outcome<T>;

  Outcome<Ack> configure(const dataplane::api::Configure&) override { return Ack{}; }
  Outcome<Ack> publish(Revision, std::span<const control::apply::OutgoingSection>) override {
    return Ack{};
  }
  Outcome<Ack> attach(const dataplane::api::AttachPort&, std::span<const int>) override {
    return Ack{};
  }
  Outcome<Ack> detach(PortId, std::uint32_t) override { return Ack{}; }
  Outcome<Ack> upsert(std::span<const dataplane::api::AddressUpdate>) override { return Ack{}; }
  Outcome<Ack> remove(std::span<const IpAddress>) override { return Ack{}; }
};

}  // namespace bulkhead::bench
