// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/fastpath/node.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "bench/micro/fastpath/frames.h"
#include "dataplane/flow/ageing.h"

namespace bulkhead::bench {

using namespace dataplane;

void check(bool holds, const char* what) {
  if (holds) return;
  fmt::print(stderr, "bench-fastpath: {}\n", what);
  std::exit(1);
}

Node::Node(std::uint64_t max_flows) : addresses_(4096) {
  bytes_ = FlowTable::bytes_needed(max_flows);
  void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(memory != MAP_FAILED, "no memory for the flow table");
  madvise(memory, bytes_, MADV_HUGEPAGE);
  std::memset(memory, 0, bytes_);  // the kernel's clearing of pages is no part of a new flow
  memory_ = static_cast<std::byte*>(memory);
  FlowTableConfig config;
  config.max_flows = max_flows;
  config.key = random_hash_key();
  config.steering = random_hash_key();
  config.now = now;
  config.limits = {max_flows, max_flows, max_flows, 1000};
  flows = std::make_unique<FlowTable>(FlowTable::open({memory_, bytes_}, config).value());
  events_ = std::make_unique<EventWriter>(&*ring_, config.steering);
  build_policy();
  snapshot.addresses = &addresses_;
  snapshot.endpoints.resize(kFirstPort + kPods);
  for (std::uint32_t pod = 0; pod < kPods; ++pod) add_pod(pod);
}

Node::~Node() { munmap(memory_, bytes_); }

StageContext Node::context() {
  return {snapshot,  addresses_.epoch(),    now,       *flows,    fragments_, *events_, replies_,
          *decided_, {counters_.get(), 64}, rechecks_, steering_, 0,          1};
}

void Node::age() {
  const Ageing::Expired expired = Ageing::slice(*flows, now);
  for (std::size_t n = 0; n < expired.count; ++n) {
    events_->flow_closed((*flows)[expired.slot[n]], snapshot.revision, now);
    flows->erase(expired.slot[n]);
  }
}

void Node::build_policy() {
  using namespace table;
  TableBuilder builder;
  const auto yes = builder.decision({.slot = 7, .verdict = 1, .staged_verdict = 1});
  const auto dns = builder.rule_set({{kLineTcp + 52, 0},
                                     {kLineTcp + 53, yes},
                                     {kLineUdp + 52, 0},
                                     {kLineUdp + 53, yes},
                                     {kLineEnd, 0}});
  const std::array cells = {TableBuilder::Cell{1, dns}};
  for (const Direction direction : kDirections) {
    builder.set_peer(IdentityId{16}, direction, 1);
    builder.set_subject(IdentityId{16}, direction, builder.add_row(direction, 0, cells));
  }
  sections_ = builder.finish(Revision{1}).value();
  snapshot.table = std::make_shared<const TableView>(TableView::open(borrow(sections_)).value());
  snapshot.revision = Revision{1};
}

void Node::add_pod(std::uint32_t pod) {
  auto endpoint = std::make_shared<Endpoint>();
  endpoint->port = PortId{kFirstPort + pod};
  endpoint->mtu = 1500;
  endpoint->mac = mac_of(pod);
  endpoint->gateway_mac = {2, 0, 0, 0, 0xff, 0xff};
  endpoint->address_count = 2;
  endpoint->addresses[0] = address_of(pod, Family::V4);
  endpoint->addresses[1] = address_of(pod, Family::V6);
  for (std::size_t a = 0; a < 2; ++a) {
    check(addresses_.upsert(endpoint->addresses[a], {IdentityId{16}, endpoint->port, false, true}),
          "the address map is full");
  }
  snapshot.endpoints[endpoint->port.value] = endpoint;
}

}  // namespace bulkhead::bench
