// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/scenario/dataplane/plane.h"
#include "tests/scenario/dataplane/pod.h"

namespace bulkhead::scenario {

inline constexpr int kSoonMs = 3000;  // an allowed packet arrives well before
inline constexpr int kNeverMs = 150;  // a denied one has not by then
inline constexpr std::uint16_t kOpenPort = 3306;

// The real data plane with two real pods, web and db, under a played agent. db hears web on one TCP
// port and the same UDP port, and nobody else.
class Node : public testing::Test {
 protected:
  void SetUp() override;
  void start(const std::vector<std::string>& arguments = {"--flows-max", "4096"});
  void connect();  // a new agent
  void attach(std::uint32_t generation);
  void publish(std::uint64_t revision, std::uint16_t open_port = kOpenPort);
  // Kills it, starts it again, and plays the agent's part.
  void die_and_return(std::uint64_t revision, std::uint16_t open_port = kOpenPort);
  void expect_enforced();

  std::optional<Plane> plane_;
  std::optional<Pod> web_;
  std::optional<Pod> db_;
  std::optional<FakeAgent> agent_;
};

// Datagrams from web to db on two ports as fast as one thread can send them.
class Flood {
 public:
  Flood(const Pod& from, const IpAddress& to, std::uint16_t one, std::uint16_t other);
  ~Flood();
  [[nodiscard]] std::uint64_t sent() const { return sent_.load(); }

 private:
  std::atomic<bool> must_stop_{false};
  std::atomic<std::uint64_t> sent_{0};
  std::thread thread_;
};

// Reads and counts all that waits.
std::size_t drain(const Fd& socket);

}  // namespace bulkhead::scenario
