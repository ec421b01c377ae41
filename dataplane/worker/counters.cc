// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/counters.h"

namespace bulkhead::dataplane {

void WorkerCounters::store(api::WorkerStats& row) const {
  constexpr auto relaxed = std::memory_order_relaxed;
  row.received.store(received, relaxed);
  row.generated.store(generated, relaxed);
  row.sent.store(sent, relaxed);
  row.dropped.store(dropped, relaxed);
  row.consumed.store(consumed, relaxed);
  row.held.store(held, relaxed);
  row.busy_ns.store(busy_ns, relaxed);
  row.idle_ns.store(idle_ns, relaxed);
  row.polls.store(polls, relaxed);
  row.handed_over.store(handed_over, relaxed);
  row.events_lost.store(events_lost, relaxed);
  row.flows_tcp.store(flows_tcp, relaxed);
  row.flows_udp.store(flows_udp, relaxed);
  row.flows_sctp.store(flows_sctp, relaxed);
  row.flows_icmp.store(flows_icmp, relaxed);
  row.flow_capacity.store(flow_capacity, relaxed);
  row.epoch_rechecks.store(epoch_rechecks, relaxed);
  for (std::size_t i = 0; i < drops.size(); ++i) row.drops[i].store(drops[i], relaxed);
}

}  // namespace bulkhead::dataplane
