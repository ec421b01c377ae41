// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <new>
#include <vector>

#include "dataplane/publish/address_map.h"
#include "dataplane/worker/pipeline.h"
#include "policy/table/builder.h"
#include "tests/support/packet_builder.h"

namespace bulkhead::dataplane::testing {

// A node with two pods, a host and a policy, and one worker's pipeline on it; time is a number.
//   web 10.0.0.1 fd00::1 on port 16, may speak to anybody; hears the node and the world
//   db  10.0.0.2 fd00::2 on port 17, may speak to anybody; hears web on TCP/5432, UDP/53, SCTP/99
//       and ICMP, and nobody else
//   the node 192.0.2.1 2001:db8::1; bulkhead0 is port 1, bulkhead1 port 2
// 10.0.0.0/8 and fd00::/8 are pod addresses: unknown unless somebody lives there.
class PipelineNode {
 public:
  static constexpr PortId kNode{1};
  static constexpr PortId kOutside{2};
  static constexpr PortId kWeb{16};
  static constexpr PortId kDb{17};
  static constexpr IdentityId kWebIdentity{16};
  static constexpr IdentityId kDbIdentity{17};
  static constexpr MacAddress kGatewayMac{2, 0, 0, 0, 0, 0xff};
  static constexpr CounterSlot kEgressSlot{1};
  static constexpr CounterSlot kDbAllowSlot{7};
  static constexpr CounterSlot kWebAllowSlot{8};
  static constexpr CounterSlot kDenySlot{9};

  struct Options {
    std::uint64_t max_flows = 1024;
    FlowLimits limits;
    std::uint8_t worker = 0;
    std::uint8_t workers = 1;
    bool in_grace = false;
  };

  PipelineNode() : PipelineNode(Options()) {}
  explicit PipelineNode(const Options& options) : addresses_(64) {
    const std::size_t bytes = FlowTable::bytes_needed(options.max_flows);
    memory_.reset(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{128})));
    std::memset(memory_.get(), 0, bytes);
    FlowTableConfig config;
    config.max_flows = options.max_flows;
    config.limits = options.limits;
    config.key = {0x9ae16a3b2f90404f, 0xc3a5c85c97cb3127, 0xb492b66fbe98f273, 0x165667b19e3779f9};
    config.steering = {0xd6e8feb86659fd93, 0xa0761d6478bd642f, 0xe7037ed1a0b428db,
                       0x8ebc6af09c88c6e3};
    config.now = now_;
    flows = std::make_unique<FlowTable>(FlowTable::open({memory_.get(), bytes}, config).value());
    if (!options.in_grace) now_.monotonic_ns += 60'000'000'000;
    decisions_ = std::make_unique<api::Counter[]>(64);
    ring = std::make_unique<api::EventRing>();
    PipelineConfig pipeline_config;
    pipeline_config.worker = options.worker;
    pipeline_config.workers = options.workers;
    pipeline_config.steering_key = config.steering;
    pipeline_config.flows = flows.get();
    pipeline_config.counters = &counters;
    pipeline_config.buffers = &buffers;
    pipeline_config.decisions = {decisions_.get(), 64};
    pipeline_config.events = ring.get();
    pipeline = std::make_unique<Pipeline>(pipeline_config);
    snapshot.node_port = kNode;
    snapshot.outside_port = kOutside;
    snapshot.addresses = &addresses_;
    snapshot.endpoints.resize(32);
    attach(kNode, api::PortRole::Node, 0xa, {});
    attach(kOutside, api::PortRole::Outside, 0xb, {});
    attach(kWeb, api::PortRole::Pod, 1, {ip("10.0.0.1"), ip("fd00::1")});
    attach(kDb, api::PortRole::Pod, 2, {ip("10.0.0.2"), ip("fd00::2")});
    for (const char* a : {"10.0.0.1", "fd00::1"}) place(ip(a), kWebIdentity, kWeb);
    for (const char* a : {"10.0.0.2", "fd00::2"}) place(ip(a), kDbIdentity, kDb);
    for (const char* a : {"192.0.2.1", "2001:db8::1"}) {
      EXPECT_TRUE(addresses_.upsert(ip(a), {IdentityId{0}, kNode, true, true}));
    }
    publish(true);
  }

  void attach(PortId port, api::PortRole role, std::uint8_t mac, std::vector<IpAddress> own,
              std::uint16_t mtu = 1500) {
    auto endpoint = std::make_shared<Endpoint>();
    endpoint->port = port;
    endpoint->role = role;
    endpoint->mtu = mtu;
    endpoint->generation = ++generation_;
    endpoint->mac = {2, 0, 0, 0, 0, mac};
    endpoint->gateway_mac = kGatewayMac;
    endpoint->address_count = static_cast<std::uint16_t>(own.size());
    std::ranges::copy(own, endpoint->addresses.begin());
    snapshot.endpoints[port.value] = endpoint;
  }
  void place(const IpAddress& address, IdentityId identity, PortId port) {
    EXPECT_TRUE(addresses_.upsert(address, {identity, port, false, true}));
  }
  void forget(const IpAddress& address) { addresses_.remove(address); }

  // Publishes a table in which db hears web or does not.
  void publish(bool db_hears_web) {
    using namespace table;
    TableBuilder builder;
    const auto decision = [&](CounterSlot slot, bool allows) {
      return builder.decision({.slot = slot.value,
                               .verdict = allows ? std::uint8_t{1} : std::uint8_t{0},
                               .staged_verdict = allows ? std::uint8_t{1} : std::uint8_t{0}});
    };
    const auto no = decision(kDenySlot, false);
    const auto speak = builder.rule_set({{kLineEnd, decision(kEgressSlot, true)}});
    const auto hear = builder.rule_set({{kLineEnd, decision(kWebAllowSlot, true)}});
    const auto closed = builder.rule_set({{kLineEnd, no}});
    const auto yes = decision(kDbAllowSlot, true);
    const auto database = db_hears_web ? builder.rule_set({{5431, no},
                                                           {5432, yes},
                                                           {kLineUdp + 52, no},
                                                           {kLineUdp + 53, yes},
                                                           {kLineSctp + 98, no},
                                                           {kLineSctp + 99, yes},
                                                           {kLineOther - 1, no},
                                                           {kLineEnd, yes}})
                                       : closed;
    for (const Direction direction : kDirections) {
      builder.set_peer(kWebIdentity, direction, 1);
      builder.set_peer(kDbIdentity, direction, 2);
      builder.set_peer(kWorldIdentity, direction, 3);
      builder.set_peer(kOwnNodeIdentity, direction, 4);
    }
    using Cell = TableBuilder::Cell;
    const std::array everyone = {Cell{1, speak}, Cell{2, speak}, Cell{3, speak}, Cell{4, speak}};
    const auto talk = builder.add_row(Direction::Egress, closed, everyone);
    builder.set_subject(kWebIdentity, Direction::Egress, talk);
    builder.set_subject(kDbIdentity, Direction::Egress, talk);
    const std::array to_db = {Cell{1, database}};
    builder.set_subject(kDbIdentity, Direction::Ingress,
                        builder.add_row(Direction::Ingress, closed, to_db));
    const std::array to_web = {Cell{3, hear}, Cell{4, hear}};
    builder.set_subject(kWebIdentity, Direction::Ingress,
                        builder.add_row(Direction::Ingress, closed, to_web));
    builder.set_outside({{Prefix::parse("10.0.0.0/8")->prefix, kUnknownIdentity},
                         {Prefix::parse("fd00::/8")->prefix, kUnknownIdentity}});
    const auto sections = std::make_shared<std::vector<Section>>(
        builder.finish(Revision{++snapshot.revision.value}).value());
    tables_.push_back(sections);
    snapshot.table = std::make_shared<const TableView>(TableView::open(borrow(*sections)).value());
    addresses_.raise_epoch();
  }

  struct Outcome {
    Fate fate = Fate::Drop;
    DropReason reason = DropReason::None;
    PortId out_port;
    rte_mbuf* mbuf = nullptr;
    std::uint8_t owner = 0;
    friend void PrintTo(const Outcome& o, std::ostream* os) {
      *os << "fate " << int(o.fate) << " reason " << name_of(o.reason) << " port "
          << o.out_port.value;
    }
  };

  // One burst; also plays the worker's bookkeeping.
  std::vector<Outcome> send(PortId port, const std::vector<rte_mbuf*>& mbufs) {
    auto& batch = *batch_;
    batch.size = static_cast<std::uint16_t>(mbufs.size());
    batch.handed_over.fill(false);
    for (std::size_t i = 0; i < mbufs.size(); ++i) {
      batch.mbuf[i] = mbufs[i];
      batch.in_port[i] = port;
    }
    counters.received += mbufs.size();
    pipeline->run(batch, snapshot, addresses_.epoch(), now_);
    return settle();
  }
  Outcome send(PortId port, const Bytes& frame, const VnetHeader& vnet = {}) {
    return send(port, std::vector{buffers.with(frame, vnet)}).front();
  }
  // From a pod, with its MAC.
  Outcome from_web(PacketBuilder packet, const VnetHeader& vnet = {}) {
    return send(kWeb, packet.macs({2, 0, 0, 0, 0, 1}, kGatewayMac).frame(), vnet);
  }
  Outcome from_db(PacketBuilder packet, const VnetHeader& vnet = {}) {
    return send(kDb, packet.macs({2, 0, 0, 0, 0, 2}, kGatewayMac).frame(), vnet);
  }
  // Everything release_held() gives.
  std::vector<Outcome> released() {
    std::vector<Outcome> all;
    while (pipeline->release_held(*batch_, snapshot, addresses_.epoch(), now_) > 0) {
      counters.held -= batch_->size;
      for (const Outcome& outcome : settle()) all.push_back(outcome);
    }
    return all;
  }
  void pass_ms(std::uint64_t ms) { now_.monotonic_ns += ms * 1'000'000; }
  // Lets time pass with a worker's regular ticks.
  void idle_ms(std::uint64_t ms) {
    for (std::uint64_t passed = 0; passed < ms; passed += 100) {
      pass_ms(100);
      pipeline->tick(snapshot, now_);
    }
  }
  std::vector<Outbox::Item> generated() {
    std::vector<Outbox::Item> items;
    Outbox& outbox = pipeline->outbox();
    for (std::size_t i = 0; i < outbox.size(); ++i) {
      ++counters.generated;
      if (outbox[i].buffer == nullptr) {
        ++counters.dropped;
      } else {
        ++counters.sent;
        items.push_back(outbox[i]);
      }
    }
    outbox.clear();
    return items;
  }
  std::vector<api::Event> events() {
    std::vector<api::Event> read;
    std::uint64_t tail = ring->tail;
    for (; tail != ring->head; ++tail) read.push_back(ring->events[tail % api::kEventRingSize]);
    ring->tail = tail;
    return read;
  }
  [[nodiscard]] bool is_conserved() const {
    return counters.received + counters.generated == counters.sent + counters.dropped +
                                                         counters.consumed + counters.held +
                                                         counters.handed_over;
  }
  [[nodiscard]] std::uint64_t decisions(CounterSlot slot) const { return decisions_[slot.value]; }
  [[nodiscard]] Now now() const { return now_; }

  Snapshot snapshot;
  PlainBuffers buffers;
  WorkerCounters counters;
  std::unique_ptr<FlowTable> flows;
  std::unique_ptr<api::EventRing> ring;
  std::unique_ptr<Pipeline> pipeline;

 private:
  struct Aligned {
    void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{128}); }
  };

  std::vector<Outcome> settle() {
    const Batch& batch = *batch_;
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < batch.size; ++i) {
      outcomes.push_back(
          {batch.fate[i], batch.reason[i], batch.out_port[i], batch.mbuf[i], batch.owner[i]});
      switch (batch.fate[i]) {
        case Fate::Drop:
          EXPECT_NE(batch.reason[i], DropReason::None);
          counters.drop(batch.reason[i]);
          break;
        case Fate::Forward:
          ++counters.sent;
          break;
        case Fate::Consume:
          ++counters.consumed;
          break;
        case Fate::HandOver:
          ++counters.handed_over;
          break;
        case Fate::Hold:
          ++counters.held;
          break;
      }
    }
    return outcomes;
  }

  std::unique_ptr<std::byte[], Aligned> memory_;
  std::unique_ptr<api::Counter[]> decisions_;
  AddressMap addresses_;
  std::vector<std::shared_ptr<std::vector<table::Section>>> tables_;
  std::unique_ptr<Batch> batch_ = std::make_unique<Batch>();
  Now now_{1'000'000'000'000, 1'700'000'000'000'000'000};
  std::uint32_t generation_ = 0;
};

// EXPECT_THAT(node.from_web(...), forwarded_to(PipelineNode::kDb)) and its denied twin.
inline auto forwarded_to(PortId port) {
  return ::testing::AllOf(::testing::Field(&PipelineNode::Outcome::fate, Fate::Forward),
                          ::testing::Field(&PipelineNode::Outcome::out_port, port));
}
inline auto dropped_as(DropReason reason) {
  return ::testing::AllOf(::testing::Field(&PipelineNode::Outcome::fate, Fate::Drop),
                          ::testing::Field(&PipelineNode::Outcome::reason, reason));
}

}  // namespace bulkhead::dataplane::testing
