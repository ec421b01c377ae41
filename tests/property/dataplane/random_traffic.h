// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <random>
#include <vector>

#include "tests/property/dataplane/receiver.h"
#include "tests/support/pipeline_node.h"

namespace bulkhead::dataplane::testing {

// A frame on its way in.
struct Sent {
  PortId in;
  Bytes frame;
  VnetHeader vnet;
  // Well-formed, from where it claims, not part of a connection or datagram: policy alone decides.
  bool is_plain = false;
};

// Few addresses, ports, sequence numbers and identifiers, so that packets meet: conversations,
// answers, errors and fragments of what was sent before, and mutations of all of them.
class RandomTraffic {
 public:
  explicit RandomTraffic(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] Sent next();
  [[nodiscard]] std::size_t below(std::size_t limit) { return random_() % limit; }

 private:
  [[nodiscard]] bool chance(std::size_t percent) { return below(100) < percent; }
  [[nodiscard]] Sent fresh();
  [[nodiscard]] Sent answer();
  [[nodiscard]] Sent error();
  void transport(PacketBuilder& packet, bool is_reply, std::uint16_t from, std::uint16_t to);
  void mutate(Sent& sent);
  void offload(Sent& sent);

  std::mt19937_64 random_;
  std::vector<Sent> past_;  // well-formed ones, to be answered
};

}  // namespace bulkhead::dataplane::testing
