// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/port/ring.h"
#include "dataplane/worker/loop.h"
#include "tests/support/pipeline_node.h"
#include "tests/unit/dataplane/port/eal_environment.h"

namespace bulkhead::dataplane::testing {

// PipelineNode's pods, addresses and table under real workers with real threads; each pod's port is
// a pair of rings a worker, so a test decides at which worker a frame arrives.
class WorkerNode {
 public:
  using Node = PipelineNode;
  static constexpr std::size_t kBuffers = 4095;
  static constexpr std::size_t kRing = 1024;

  explicit WorkerNode(std::size_t workers, std::vector<PortId> ports = {Node::kWeb, Node::kDb},
                      std::size_t ring_size = kRing)
      : publisher_(workers, *node_.snapshot.addresses) {
    EXPECT_TRUE(eal_for_tests());
    pool_ = std::move(BufferPool::make("frames", kBuffers, 2176).value());
    handoff_ = std::move(HandOff::make(workers).value());
    rows_.resize(workers);
    flows_.resize(workers);
    port_rows_.resize(workers);
    for (std::size_t i = 0; i < workers; ++i) workers_.push_back(make_worker(i, workers));
    publisher_.publish(std::make_unique<Snapshot>(node_.snapshot));
    for (const PortId port : ports) {
      for (std::size_t i = 0; i < workers; ++i) {
        const std::string name = "p" + std::to_string(port.value) + "w" + std::to_string(i);
        rings_.push_back({port, i, std::move(RingPort::make(name.c_str(), ring_size).value())});
      }
    }
  }
  ~WorkerNode() { stop(); }

  // A test may leave one asleep for ever.
  void start(std::size_t worker) {
    ASSERT_TRUE(workers_[worker]->start());
    is_started_[worker] = true;
    for (auto& ring : rings_) {
      if (ring.worker == worker) workers_[worker]->attach_queue(ring.port, 1, ring.rings->queue());
    }
  }
  void start() {
    for (std::size_t i = 0; i < workers_.size(); ++i) start(i);
  }
  // Afterwards the counters are final.
  void stop() {
    for (auto& worker : workers_) worker->stop();
  }

  void put(PortId port, std::size_t worker, const Bytes& frame, const VnetHeader& vnet = {}) {
    rte_mbuf* mbuf = nullptr;
    while ((mbuf = pool_->take()) == nullptr) std::this_thread::yield();
    put(port, worker, frame, mbuf, vnet);
  }
  // In a buffer that hoard() gave.
  void put(PortId port, std::size_t worker, const Bytes& frame, rte_mbuf* mbuf,
           const VnetHeader& vnet = {}) {
    std::memcpy(rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(frame.size())), frame.data(),
                frame.size());
    store(frame_of(mbuf) - kVnetHeaderBytes, vnet);
    while (ring_of(port, worker).put(std::span(&mbuf, 1)) == 0) std::this_thread::yield();
  }
  // Every buffer there is: the workers find none.
  [[nodiscard]] std::vector<rte_mbuf*> hoard() {
    std::vector<rte_mbuf*> all;
    while (rte_mbuf* const mbuf = pool_->take()) all.push_back(mbuf);
    return all;
  }
  // The next frame that leaves by this port, by whichever worker; false after two seconds.
  [[nodiscard]] bool take(PortId port) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (std::chrono::steady_clock::now() < end) {
      for (auto& ring : rings_) {
        std::array<rte_mbuf*, 1> frame;
        if (ring.port != port || ring.rings->take(frame) == 0) continue;
        rte_pktmbuf_free(frame[0]);
        return true;
      }
      std::this_thread::yield();
    }
    return false;
  }

  [[nodiscard]] std::uint64_t drops(DropReason reason) const {
    std::uint64_t sum = 0;
    for (const auto& row : rows_) sum += row->drops[static_cast<std::size_t>(reason)].load();
    return sum;
  }
  [[nodiscard]] std::uint64_t total(api::Counter api::WorkerStats::*counter) const {
    std::uint64_t sum = 0;
    for (const auto& row : rows_) sum += ((*row).*counter).load();
    return sum;
  }
  // Of each worker, once they have stopped.
  [[nodiscard]] bool is_conserved() const {
    for (const auto& row : rows_) {
      if (row->received + row->generated != row->sent + row->dropped + row->consumed + row->held) {
        return false;
      }
    }
    return true;
  }
  [[nodiscard]] Node& node() { return node_; }
  [[nodiscard]] Publisher& publisher() { return publisher_; }
  // Who owns what web and db say to each other.
  [[nodiscard]] std::size_t owner(Family family) const {
    const bool is_v4 = family == Family::V4;
    FlowKey key;
    key.family = is_v4 ? 4 : 6;
    std::memcpy(key.source, ip(is_v4 ? "10.0.0.1" : "fd00::1").bytes.data(), 16);
    std::memcpy(key.destination, ip(is_v4 ? "10.0.0.2" : "fd00::2").bytes.data(), 16);
    return owner_of(key, kSteering, static_cast<std::uint8_t>(workers_.size()));
  }

 private:
  static constexpr HashKey kSteering = {1, 2, 3, 4};
  static constexpr std::uint64_t kFlows = 4096;

  struct Ring {
    PortId port;
    std::size_t worker;
    std::unique_ptr<RingPort> rings;
  };
  struct Aligned {
    void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{128}); }
  };
  struct Flows {
    std::unique_ptr<std::byte[], Aligned> memory;
    std::unique_ptr<FlowTable> table;
  };

  std::unique_ptr<Worker> make_worker(std::size_t index, std::size_t workers) {
    const std::size_t bytes = FlowTable::bytes_needed(kFlows);
    Flows& flows = flows_[index];
    flows.memory.reset(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{128})));
    std::memset(flows.memory.get(), 0, bytes);
    FlowTableConfig table;
    table.max_flows = kFlows;
    table.key = {5, 6, 7, 8};
    table.steering = kSteering;
    flows.table =
        std::make_unique<FlowTable>(FlowTable::open({flows.memory.get(), bytes}, table).value());
    rows_[index] = std::make_unique<api::WorkerStats>();
    port_rows_[index] = std::make_unique<api::PortStats[]>(api::kMaxPorts);
    WorkerConfig config;
    config.pipeline.worker = static_cast<std::uint8_t>(index);
    config.pipeline.workers = static_cast<std::uint8_t>(workers);
    config.pipeline.steering_key = kSteering;
    config.pipeline.flows = flows.table.get();
    config.pipeline.buffers = pool_.get();
    config.buffers = pool_.get();
    config.publisher = &publisher_;
    config.addresses = node_.snapshot.addresses;
    config.handoff = handoff_.get();
    config.stats = rows_[index].get();
    config.port_stats = {port_rows_[index].get(), api::kMaxPorts};
    config.prepare_thread = [] { return register_worker_thread(); };
    config.wake_worker = [this](std::uint8_t worker) {
      if (is_started_[worker]) workers_[worker]->wake();
    };
    return std::make_unique<Worker>(std::move(config));
  }
  RingPort& ring_of(PortId port, std::size_t worker) {
    for (auto& ring : rings_) {
      if (ring.port == port && ring.worker == worker) return *ring.rings;
    }
    throw std::logic_error("no such port");
  }

  Node node_;
  std::unique_ptr<BufferPool> pool_;
  std::vector<Ring> rings_;
  std::unique_ptr<HandOff> handoff_;
  Publisher publisher_;
  std::vector<Flows> flows_;
  std::vector<std::unique_ptr<api::WorkerStats>> rows_;
  std::vector<std::unique_ptr<api::PortStats[]>> port_rows_;
  std::array<std::atomic<bool>, api::kMaxWorkers> is_started_{};
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace bulkhead::dataplane::testing
