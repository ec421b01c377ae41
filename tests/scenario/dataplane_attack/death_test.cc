// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "tests/scenario/dataplane_attack/node.h"

// The data plane dies, is stopped and comes back, under traffic.
namespace bulkhead::scenario {
namespace {

using DataplaneDeath = Node;

// Epochs count from one again, so a taken-over flow's epoch may equal the new one by chance.
TEST_F(DataplaneDeath, ATakenOverFlowIsDecidedAgain) {
  start();
  connect();
  publish(1);
  attach(1);
  const Fd server = db_->listen_tcp(Family::V4, kOpenPort);
  const Fd client = web_->connect_tcp(db_->address(Family::V4), kOpenPort, kSoonMs);
  ASSERT_TRUE(client.is_open());
  ASSERT_TRUE(is_readable(server, kSoonMs));
  const Fd served(accept4(server.value(), nullptr, nullptr, SOCK_NONBLOCK));
  ASSERT_EQ(send(client.value(), "a", 1, 0), 1);
  ASSERT_TRUE(is_readable(served, kSoonMs));
  ASSERT_EQ(drain(served), 1u);
  die_and_return(2, 22);
  ASSERT_EQ(send(client.value(), "b", 1, 0), 1);
  // A loaded machine may take a while to come to the packet.
  bool was_cut = false;
  for (int waited_ms = 0; !was_cut && waited_ms < kSoonMs; waited_ms += kNeverMs) {
    ASSERT_FALSE(is_readable(served, kNeverMs));
    was_cut = agent_->drops(DropReason::EstablishedCut) >= 1;
  }
  EXPECT_TRUE(was_cut);
}

TEST_F(DataplaneDeath, TwentyKillsUnderLoadLeakNothing) {
  std::random_device device;
  const auto seed = device();
  std::cout << "seed " << seed << "\n";
  std::mt19937 random(seed);
  start();
  connect();
  publish(1);
  attach(1);
  const Fd open = db_->bind_udp(Family::V4, kOpenPort);
  const Fd closed = db_->bind_udp(Family::V4, 123);
  const Flood flood(*web_, db_->address(Family::V4), kOpenPort, 123);
  for (std::uint64_t round = 2; round < 22; ++round) {
    // Anywhere in a burst: the flood decides how far the data plane has come, not the clock.
    const std::uint64_t until = flood.sent() + random() % 20'000;
    while (flood.sent() < until) std::this_thread::yield();
    const bool allows = round % 2 == 0;
    die_and_return(round, allows ? kOpenPort : 22);
    ASSERT_FALSE(HasFailure()) << "round " << round;
    if (allows) {
      EXPECT_TRUE(is_readable(open, kSoonMs)) << "round " << round;
    } else {
      // What a write had delivered before the address map was whole again is not there to be found:
      // nothing passes from the start on.
      drain(open);
      EXPECT_FALSE(is_readable(open, kNeverMs)) << "round " << round;
    }
    drain(open);
    EXPECT_EQ(drain(closed), 0u) << "round " << round;
  }
  std::cout << flood.sent() << " datagrams sent\n";
}

TEST_F(DataplaneDeath, ARottenFlowsFileIsAColdStart) {
  start();
  connect();
  publish(1);
  attach(1);
  expect_enforced();
  const auto path = plane_->root() / "run/bulkhead/flows";
  const auto size = std::filesystem::file_size(path);
  std::mt19937 random(7);
  const auto overwrite = [&](std::size_t from, std::size_t to, std::size_t step) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    for (std::size_t at = from; at < to; at += 1 + random() % step) {
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(random()));
    }
  };
  for (int kind = 0; kind < 6; ++kind) {
    SCOPED_TRACE(kind);
    plane_->kill();
    agent_.reset();
    switch (kind) {
      case 0:
        std::filesystem::resize_file(path, size / 3);
        break;
      case 1:
        std::filesystem::resize_file(path, 0);
        break;
      case 2:
        overwrite(8, 12, 1);  // the layout version
        break;
      case 3:
        overwrite(0, size, 1);
        break;
      case 4:
        overwrite(128, size, 3);  // a good header before random entries
        break;
      default:
        overwrite(128, size, 4096);
    }
    plane_->start();
    connect();
    publish(static_cast<std::uint64_t>(10 + kind));
    attach(1);
    expect_enforced();
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(DataplaneDeath, EndsAndPausesUnderLoad) {
  start();
  connect();
  publish(1);
  attach(1);
  const Fd open = db_->bind_udp(Family::V4, kOpenPort);
  const Flood flood(*web_, db_->address(Family::V4), kOpenPort, 123);
  ASSERT_TRUE(is_readable(open, kSoonMs));
  ASSERT_EQ(::kill(plane_->pid(), SIGSTOP), 0);
  const std::uint64_t until = flood.sent() + 20'000;
  while (flood.sent() < until) std::this_thread::yield();
  ASSERT_EQ(::kill(plane_->pid(), SIGCONT), 0);
  // What it passed before the pause is behind: only new datagrams count.
  drain(open);
  EXPECT_TRUE(is_readable(open, kSoonMs));
  EXPECT_EQ(plane_->stop(), 0);
}

}  // namespace
}  // namespace bulkhead::scenario
