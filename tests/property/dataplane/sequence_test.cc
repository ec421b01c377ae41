// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/property/dataplane/random_traffic.h"
#include "tests/property/dataplane/world.h"

// Random packet sequences through the whole pipeline against a small model: what leaves must be
// allowed, part of an open flow, and read by its receiver as what was decided.
namespace bulkhead::dataplane::testing {
namespace {

constexpr std::size_t kSequences = 120;
constexpr std::size_t kBursts = 150;

std::uint64_t seed() {
  const char* given = std::getenv("BULKHEAD_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
}

// Frames of 2 KB that are used again, for a sequence is long.
class Frames {
 public:
  rte_mbuf* take(const Sent& sent) {
    if (free_.empty()) {
      all_.push_back(std::make_unique<Frame>());
      free_.push_back(&all_.back()->mbuf);
    }
    rte_mbuf* const mbuf = free_.back();
    free_.pop_back();
    Frame& frame = *reinterpret_cast<Frame*>(mbuf);
    *mbuf = {};
    mbuf->buf_addr = frame.bytes.data();
    mbuf->data_off = 128;
    mbuf->buf_len = sizeof frame.bytes;
    mbuf->nb_segs = 1;
    mbuf->data_len = static_cast<std::uint16_t>(sent.frame.size());
    mbuf->pkt_len = mbuf->data_len;
    std::memcpy(frame_of(mbuf), sent.frame.data(), sent.frame.size());
    store(frame_of(mbuf) - kVnetHeaderBytes, sent.vnet);
    return mbuf;
  }
  void give_back(rte_mbuf* mbuf) { free_.push_back(mbuf); }

 private:
  struct Frame {
    rte_mbuf mbuf;  // first: a frame is found by it
    std::array<std::uint8_t, 2048> bytes;
  };
  std::vector<std::unique_ptr<Frame>> all_;
  std::vector<rte_mbuf*> free_;
};

class Sequence {
 public:
  explicit Sequence(std::uint64_t seed)
      : node_({.max_flows = 4096, .limits = {}}), traffic_(seed), now_ms_(1'000'000) {}

  void run() {
    for (std::size_t burst = 0; burst < kBursts; ++burst) {
      change_the_world();
      send_burst();
      for (const auto& outcome : node_.released()) settle(outcome);
      (void)node_.generated();
      ASSERT_TRUE(node_.is_conserved()) << "burst " << burst;
      if (::testing::Test::HasFailure()) return;
    }
  }

  std::size_t forwarded = 0;
  std::size_t dropped = 0;

 private:
  void change_the_world() {
    switch (traffic_.below(12)) {
      case 0:
        world_.set_db_hears_web(!world_.db_hears_web());
        node_.publish(world_.db_hears_web());
        break;
      case 1: {
        const bool lives = traffic_.below(3) != 0;
        world_.set_db_lives(lives);
        for (const IpAddress& address : kDbAddresses) {
          if (lives) {
            node_.place(address, PipelineNode::kDbIdentity, PipelineNode::kDb);
          } else {
            node_.forget(address);
          }
        }
        break;
      }
      case 2:
        now_ms_ += 700;
        node_.pass_ms(700);
        break;
      case 3:
        now_ms_ += 100;
        node_.idle_ms(100);
        break;
      default:
        break;
    }
  }

  void send_burst() {
    const std::size_t count = 1 + traffic_.below(kBatchSize);
    std::vector<rte_mbuf*> mbufs;
    // A burst comes in by one port here; the worker's may mix them.
    std::vector<Sent> sent;
    const PortId in = traffic_.next().in;
    for (std::size_t tries = 0; sent.size() < count && tries < 8 * count; ++tries) {
      Sent one = traffic_.next();
      if (one.in == in) sent.push_back(std::move(one));
    }
    if (sent.empty()) return;
    for (const Sent& one : sent) {
      mbufs.push_back(frames_.take(one));
      in_flight_[mbufs.back()] = one;
    }
    for (const auto& outcome : node_.send(in, mbufs)) settle(outcome);
  }

  void settle(const PipelineNode::Outcome& outcome) {
    if (outcome.fate == Fate::Hold) return;
    const Sent sent = std::move(in_flight_[outcome.mbuf]);
    in_flight_.erase(outcome.mbuf);
    if (outcome.fate == Fate::Forward) {
      ++forwarded;
      check_forwarded(sent, outcome);
    } else if (outcome.fate == Fate::Drop) {
      ++dropped;
      const auto packet = receive(sent.frame);
      if (packet && outcome.reason == DropReason::EstablishedCut) world_.cut(*packet);
      if (packet && sent.is_plain) check_refused(*packet, outcome);
    }
    frames_.give_back(outcome.mbuf);
  }

  void check_forwarded(const Sent& sent, const PipelineNode::Outcome& outcome) {
    Bytes left = bytes_of(outcome.mbuf);
    const auto vnet = load<VnetHeader>(frame_of(outcome.mbuf) - kVnetHeaderBytes);
    ASSERT_TRUE(complete_checksum(left, vnet)) << "a kernel would refuse the virtio-net header";
    const auto before = receive(sent.frame);
    const auto after = receive(left);
    ASSERT_TRUE(before && after) << "what left is no packet\nit came in as "
                                 << fmt::format("{:02x}", fmt::join(sent.frame, ""))
                                 << "\nand left as    "
                                 << fmt::format("{:02x}", fmt::join(left, ""));
    ASSERT_EQ(world_.judge_forwarded(*before, *after, sent.in, outcome.out_port, now_ms_), "")
        << after->tuple.text() << " in " << sent.in.value << " out " << outcome.out_port.value;
    ASSERT_LE(left.size(), sent.frame.size());
  }

  // The deny twin's twin: a datagram that policy allows does leave.
  void check_refused(const Received& packet, const PipelineNode::Outcome& outcome) {
    if (packet.tuple.protocol == kTcp || !world_.allows(packet.tuple)) return;
    // A masqueraded client and the node itself may pick the same tuple; the first keeps it.
    const bool is_taken = outcome.reason == DropReason::SpoofedIp && world_.knows(packet.tuple);
    ASSERT_TRUE(is_taken || outcome.reason == DropReason::EstablishedCut)
        << packet.tuple.text() << " dropped as " << name_of(outcome.reason);
  }

  PipelineNode node_;
  World world_;
  RandomTraffic traffic_;
  Frames frames_;
  std::map<rte_mbuf*, Sent> in_flight_;
  std::uint64_t now_ms_;
};

TEST(PacketSequences, OnlyWhatPolicyAllowsLeaves) {
  const std::uint64_t first = seed();
  std::cout << "BULKHEAD_SEED=" << first << "\n";
  std::size_t forwarded = 0;
  std::size_t dropped = 0;
  for (std::size_t n = 0; n < kSequences; ++n) {
    SCOPED_TRACE("BULKHEAD_SEED=" + std::to_string(first) + " sequence " + std::to_string(n));
    Sequence sequence(first + n * 0x9e3779b97f4a7c15);
    sequence.run();
    forwarded += sequence.forwarded;
    dropped += sequence.dropped;
    if (HasFailure()) return;
  }
  std::cout << forwarded << " packets left, " << dropped << " were dropped\n";
  EXPECT_GT(forwarded, kSequences * 100);
  EXPECT_GT(dropped, kSequences * 100);
}

}  // namespace
}  // namespace bulkhead::dataplane::testing
