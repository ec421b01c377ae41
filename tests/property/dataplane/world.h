// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "tests/property/dataplane/receiver.h"
#include "tests/support/pipeline_node.h"

namespace bulkhead::dataplane::testing {

// PipelineNode's world and what may happen in it, as plainly as it can be said: sets of tuples, no
// hashes, no states, no slots. It does not foretell each verdict; it says which packets must not
// leave and which must.
class World {
 public:
  // Policy as pipeline_node.h writes it in words.
  [[nodiscard]] bool allows(const Tuple& tuple) const;
  // Who may send from this address by this port, before any policy.
  [[nodiscard]] static bool may_speak(PortId port, const IpAddress& source);

  void set_db_hears_web(bool hears) { db_hears_web_ = hears; }
  void set_db_lives(bool lives) { db_lives_ = lives; }
  [[nodiscard]] bool db_hears_web() const { return db_hears_web_; }

  // A frame came in by `in` and left by `out`: empty, or the law that it broke.
  [[nodiscard]] std::string judge_forwarded(const Received& before, const Received& after,
                                            PortId in, PortId out, std::uint64_t now_ms);
  // A flow with this tuple, or one that it answers, is open.
  [[nodiscard]] bool knows(const Tuple& tuple) const {
    return is_open(tuple) || is_open(tuple.reversed());
  }
  // The packet was dropped because its flow was cut.
  void cut(const Received& packet);

 private:
  // (ends and protocol, identification) of datagrams, and which 8-byte units of them have left.
  using Datagram = std::tuple<Tuple, std::uint32_t, std::uint32_t>;
  struct Passed {
    bool has_first = false;
    std::uint64_t since_ms = 0;
    std::size_t total_units = 0;  // of 8 bytes; 0 until the last fragment left
    std::set<std::size_t> units;
  };
  [[nodiscard]] static Datagram datagram_of(const Received& packet, PortId in);

  [[nodiscard]] PortId home_of(const IpAddress& address) const;
  [[nodiscard]] bool is_open(const Tuple& tuple) const { return open_.contains(tuple); }
  [[nodiscard]] std::string judge_fragment(const Received& packet, PortId in, std::uint64_t now_ms);

  bool db_hears_web_ = true;
  bool db_lives_ = true;
  std::set<Tuple> open_;  // originators' tuples that have passed and were not cut since
  std::map<Datagram, Passed> datagrams_;
};

inline const std::array kWebAddresses = {ip("10.0.0.1"), ip("fd00::1")};
inline const std::array kDbAddresses = {ip("10.0.0.2"), ip("fd00::2")};
inline const std::array kNodeAddresses = {ip("192.0.2.1"), ip("2001:db8::1")};
inline const std::array kWorldAddresses = {ip("198.51.100.7"), ip("2001:db8:ffff::7")};
inline const std::array kNobodyAddresses = {ip("10.0.0.99"), ip("fd00::99")};

}  // namespace bulkhead::dataplane::testing
