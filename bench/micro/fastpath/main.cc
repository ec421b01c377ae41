// SPDX-License-Identifier: Apache-2.0
// Cycles per packet of the pipeline without I/O: 64 byte UDP and TCP between pods, flows and
// directions in random order, policy of both ends, TCP windows, counters and events on. Headers are
// in the cache, as they are right after a receiving copy.
#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>

#include "bench/micro/fastpath/bursts.h"
#include "bench/micro/fastpath/frames.h"
#include "bench/micro/fastpath/memory.h"
#include "bench/micro/fastpath/node.h"
#include "policy/base/protocol.h"

namespace bulkhead::bench {
namespace {

using namespace dataplane;

// The flows of one run as both their ends see them.
class Conversations {
 public:
  Conversations(std::size_t count, Family family, std::uint8_t protocol)
      : family_(family), protocol_(protocol), next_(count * 2), order_(count) {
    std::iota(order_.begin(), order_.end(), 0u);
    std::shuffle(order_.begin(), order_.end(), random_);
  }

  [[nodiscard]] std::size_t size() const { return order_.size() / kBatchSize * kBatchSize; }

  // Each flow's first packet, its answer and, for TCP, the third: a burst of each at a time. Only
  // the first are timed into `fresh`.
  void open(Node& node, Batch& batch, Bursts& fresh) {
    Bursts others;
    for (std::size_t at = 0; at + kBatchSize <= order_.size(); at += kBatchSize) {
      const std::span<const std::uint32_t> flows{&order_[at], kBatchSize};
      open_step(node, batch, flows, false, kTcpSyn, fresh);
      open_step(node, batch, flows, true, kTcpSyn | kTcpAck, others);
      if (protocol_ == kTcp) open_step(node, batch, flows, false, kTcpAck, others);
    }
  }

  // A burst of packets of flows that are open.
  void talk(Node& node, Batch& batch, Bursts& established) {
    for (std::size_t i = 0; i < kBatchSize; ++i) {
      write(batch, i, order_[random_() % size()], (random_() & 1) != 0, kTcpAck);
    }
    send(node, batch, established);
  }

 private:
  void open_step(Node& node, Batch& batch, std::span<const std::uint32_t> flows, bool is_reply,
                 std::uint8_t flags, Bursts& bursts) {
    for (std::size_t i = 0; i < kBatchSize; ++i) write(batch, i, flows[i], is_reply, flags);
    send(node, batch, bursts);
  }
  void write(Batch& batch, std::size_t i, std::uint32_t flow, bool is_reply, std::uint8_t flags) {
    std::uint32_t& own = next_[flow * 2 + (is_reply ? 1 : 0)];
    const std::uint32_t other = next_[flow * 2 + (is_reply ? 0 : 1)];
    const std::uint32_t acknowledged = (flags & kTcpAck) != 0 ? other : 0;
    frames_.write(batch, i, {flow, is_reply, protocol_, flags, own, acknowledged}, family_);
    own += tcp_payload(family_) + ((flags & kTcpSyn) != 0 ? 1 : 0);
  }
  void send(Node& node, Batch& batch, Bursts& bursts) {
    batch.size = kBatchSize;
    check(run(node, batch, bursts) == kBatchSize, "a packet of an allowed flow was not forwarded");
    node.drain_events();
  }

  Family family_;
  std::uint8_t protocol_;
  Frames frames_;
  std::mt19937 random_{7};
  std::vector<std::uint32_t> next_;  // sequence numbers: of the flow's originator, its responder
  std::vector<std::uint32_t> order_;
};

double print(const std::string& what, std::size_t flows, Family family, Bursts& bursts) {
  double sum = 0;
  std::string stages;
  const auto each = bursts.per_packet();
  for (std::size_t stage = 0; stage < each.size(); ++stage) {
    sum += each[stage];
    if (each[stage] > 0) stages += fmt::format(" {} {:.1f}", kStageNames[stage], each[stage]);
  }
  fmt::print("{:<15} {:>8} flows {}: {:6.1f} cycles/packet ({} )\n", what, flows, name_of(family),
             sum, stages);
  return sum;
}

// Opens `count` flows and then sends packets of them in random order, either way.
void measure(std::size_t count, Family family, std::uint8_t protocol, double tsc_ghz) {
  const std::uint64_t capacity = std::max<std::uint64_t>(count * 5 / 4, 4096);
  Node node(capacity);
  auto batch = std::make_unique<Batch>();
  Bursts fresh;
  Conversations conversations(count, family, protocol);
  conversations.open(node, *batch, fresh);
  // A small table is open within a few bursts, the first of which runs cold code: open more.
  for (std::size_t done = count; done < 50'000; done += count) {
    Node another(capacity);
    Conversations(count, family, protocol).open(another, *batch, fresh);
  }
  Bursts established;
  const std::size_t packets = std::max<std::size_t>(2 * count, 1 << 20);
  for (std::size_t done = 0; done < packets; done += kBatchSize) {
    conversations.talk(node, *batch, established);
  }
  const std::string name(protocol == kTcp ? "TCP" : "UDP");
  print("established " + name, count, family, established);
  const double first = print("new " + name, count, family, fresh);
  fmt::print("{:16}{:.1f} M new flows/s\n", "", tsc_ghz * 1000 / first);
}

// New flows for ever, each expiring unanswered: the clock runs so fast that about 100,000 live.
void measure_churn(double tsc_ghz) {
  constexpr std::uint64_t kAlive = 100'000;
  constexpr std::uint64_t kFlows = 2'000'000;
  Node node(kAlive * 2);
  Frames frames;
  auto batch = std::make_unique<Batch>();
  Bursts bursts;
  std::size_t forwarded = 0;
  for (std::uint64_t sent = 0; sent < kFlows; sent += kBatchSize) {
    batch->size = kBatchSize;
    for (std::size_t i = 0; i < kBatchSize; ++i) {
      const auto flow = static_cast<std::uint32_t>(sent + i);
      frames.write(*batch, i, {.flow = flow, .protocol = kUdp}, Family::V4);
    }
    // 30 s pass while kAlive flows open.
    node.now.monotonic_ns += 30'000'000'000 / kAlive * kBatchSize;
    forwarded += run(node, *batch, bursts, Ages::Yes);
    node.drain_events();
  }
  const double each = print("new+expiry UDP", node.flows->size(), Family::V4, bursts);
  fmt::print("{:16}{:.1f} M new flows/s sustained, {:.1f}% forwarded\n", "", tsc_ghz * 1000 / each,
             100.0 * static_cast<double>(forwarded) / kFlows);
}

}  // namespace
}  // namespace bulkhead::bench

int main(int argc, char** argv) {
  using namespace bulkhead;
  CLI::App app(
      "Cycles a packet of the pipeline without I/O, stage by stage, and the memory of flows.");
  std::vector<std::size_t> sizes = {1000, 100'000, 1'000'000};
  app.add_option("FLOWS", sizes, "How many flows are established; for each the run goes over them")
      ->capture_default_str()
      ->check(CLI::Range(1, 4'000'000));
  CLI11_PARSE(app, argc, argv);
  const bench::MemoryFigures memory = bench::measure_memory();
  fmt::print("machine: TSC {:.2f} GHz, dependent miss {:.0f} cycles, prefetched batch {:.0f}\n",
             memory.tsc_ghz, memory.dependent_miss, memory.prefetched_miss);
  fmt::print("memory of 4M flows: {:.0f} MB\n",
             static_cast<double>(dataplane::FlowTable::bytes_needed(4'000'000)) / 1e6);
  for (const std::size_t count : sizes) {
    for (const std::uint8_t protocol : {kUdp, kTcp}) {
      bench::measure(count, Family::V4, protocol, memory.tsc_ghz);
      bench::measure(count, Family::V6, protocol, memory.tsc_ghz);
    }
  }
  bench::measure_churn(memory.tsc_ghz);
  return 0;
}
