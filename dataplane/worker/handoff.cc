// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/handoff.h"

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <string>

namespace bulkhead::dataplane {

Result<std::unique_ptr<HandOff>> HandOff::make(std::size_t workers) {
  std::unique_ptr<HandOff> handoff(new HandOff);
  for (std::size_t worker = 0; worker < workers; ++worker) {
    const std::string name = "handoff" + std::to_string(worker);
    handoff->lanes_[worker].ring =
        rte_ring_create(name.c_str(), kRingSize, SOCKET_ID_ANY, RING_F_SC_DEQ);
    if (handoff->lanes_[worker].ring == nullptr) {
      return fail("cannot make a hand-over ring: {}", rte_strerror(rte_errno));
    }
  }
  return handoff;
}

HandOff::~HandOff() {
  for (Lane& lane : lanes_) {
    if (lane.ring == nullptr) continue;
    void* packet = nullptr;
    while (rte_ring_sc_dequeue(lane.ring, &packet) == 0) {
      rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
    }
    rte_ring_free(lane.ring);
  }
}

bool HandOff::put(std::uint8_t owner, rte_mbuf* packet, PortId in_port, std::uint32_t generation) {
  packet->port = static_cast<std::uint16_t>(in_port.value);
  packet->hash.usr = generation;
  return rte_ring_mp_enqueue(lanes_[owner].ring, packet) == 0;
}

void HandOff::take(std::uint8_t worker, Batch& batch) {
  // Half a batch: other workers' traffic never keeps this one from its own ports.
  const auto room = static_cast<unsigned>((kBatchSize - batch.size) / 2);
  rte_mbuf** first = batch.mbuf.data() + batch.size;
  const unsigned count = rte_ring_sc_dequeue_burst(lanes_[worker].ring,
                                                   reinterpret_cast<void**>(first), room, nullptr);
  for (unsigned i = 0; i < count; ++i) {
    const std::size_t at = batch.size++;
    batch.in_port[at] = PortId{batch.mbuf[at]->port};
    batch.generation[at] = batch.mbuf[at]->hash.usr;
    batch.handed_over[at] = true;
  }
}

bool HandOff::lie_down(std::uint8_t worker) {
  // Sequentially consistent with the exchange in sleeps(): either we see the packet here or the one
  // who put it sees us asleep.
  lanes_[worker].is_asleep.exchange(true, std::memory_order_seq_cst);
  return rte_ring_empty(lanes_[worker].ring) != 0;
}

void HandOff::get_up(std::uint8_t worker) {
  lanes_[worker].is_asleep.store(false, std::memory_order_relaxed);
}

bool HandOff::sleeps(std::uint8_t worker) {
  // A read-modify-write rather than a load: it stays behind the enqueue.
  return lanes_[worker].is_asleep.exchange(false, std::memory_order_seq_cst);
}

}  // namespace bulkhead::dataplane
