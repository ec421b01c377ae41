// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/publish/address_map.h"
#include "dataplane/stage/context.h"
#include "policy/table/builder.h"

namespace bulkhead::bench {

// Ends the program with this message unless it holds: a figure of a broken run is none.
void check(bool holds, const char* what);

// A node where every pod may speak to every other by port 53, and what a worker's stages need
// there.
class Node {
 public:
  explicit Node(std::uint64_t max_flows);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] dataplane::StageContext context();
  // The agent reads them.
  void drain_events() { ring_->tail.store(ring_->head.load()); }
  // What a worker's tick does about flows.
  void age();

  dataplane::Snapshot snapshot;
  dataplane::Now now{1'000'000'000'000, 0};
  std::unique_ptr<dataplane::FlowTable> flows;

 private:
  void build_policy();
  void add_pod(std::uint32_t pod);

  std::size_t bytes_ = 0;
  std::byte* memory_ = nullptr;
  dataplane::AddressMap addresses_;
  std::vector<table::Section> sections_;
  std::unique_ptr<dataplane::api::EventRing> ring_ = std::make_unique<dataplane::api::EventRing>();
  std::unique_ptr<dataplane::EventWriter> events_;
  std::unique_ptr<dataplane::Decisions> decided_ = std::make_unique<dataplane::Decisions>();
  std::unique_ptr<dataplane::api::Counter[]> counters_ =
      std::make_unique<dataplane::api::Counter[]>(64);
  dataplane::FragmentCache fragments_{1};
  dataplane::Replies replies_{nullptr};
  dataplane::HashKey steering_{1, 2, 3, 4};
  std::uint64_t rechecks_ = 0;
};

}  // namespace bulkhead::bench
