// SPDX-License-Identifier: Apache-2.0
#include "dataplane/port/ring.h"

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <string>

namespace bulkhead::dataplane {
namespace {

constexpr unsigned kFlags = RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ;

class RingQueue final : public PolledQueue {
 public:
  RingQueue(rte_ring* inbound, rte_ring* outbound) : inbound_(inbound), outbound_(outbound) {}

  std::size_t receive(std::span<rte_mbuf*> buffers) override {
    return rte_ring_sc_dequeue_burst(inbound_, reinterpret_cast<void**>(buffers.data()),
                                     static_cast<unsigned>(buffers.size()), nullptr);
  }

  void send(std::span<rte_mbuf* const> frames, PortId port, Ledger& ledger) override {
    for (rte_mbuf* frame : frames) {
      const auto bytes = frame->pkt_len;  // read before the other end may free it
      if (rte_ring_sp_enqueue(outbound_, frame) == 0) {
        ledger.sent(port, bytes);
      } else {
        ledger.dropped(port, DropReason::PortFull);
        rte_pktmbuf_free(frame);
      }
    }
  }

 private:
  rte_ring* inbound_;
  rte_ring* outbound_;
};

}  // namespace

Result<std::unique_ptr<RingPort>> RingPort::make(const char* name, std::size_t size) {
  const auto count = static_cast<unsigned>(size);
  const std::string text = name;
  rte_ring* inbound = rte_ring_create((text + ".in").c_str(), count, SOCKET_ID_ANY, kFlags);
  rte_ring* outbound = rte_ring_create((text + ".out").c_str(), count, SOCKET_ID_ANY, kFlags);
  if (inbound == nullptr || outbound == nullptr) {
    rte_ring_free(inbound);
    rte_ring_free(outbound);
    return fail_at("ring " + text, "cannot make it: {}", rte_strerror(rte_errno));
  }
  return std::unique_ptr<RingPort>(new RingPort(inbound, outbound));
}

RingPort::~RingPort() {
  for (rte_ring* ring : {inbound_, outbound_}) {
    void* frame = nullptr;
    while (rte_ring_dequeue(ring, &frame) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(frame));
    rte_ring_free(ring);
  }
}

std::size_t RingPort::put(std::span<rte_mbuf* const> frames) {
  return rte_ring_sp_enqueue_burst(
      inbound_, reinterpret_cast<void* const*>(const_cast<rte_mbuf**>(frames.data())),
      static_cast<unsigned>(frames.size()), nullptr);
}

std::size_t RingPort::take(std::span<rte_mbuf*> frames) {
  return rte_ring_sc_dequeue_burst(outbound_, reinterpret_cast<void**>(frames.data()),
                                   static_cast<unsigned>(frames.size()), nullptr);
}

std::unique_ptr<PolledQueue> RingPort::queue() {
  return std::make_unique<RingQueue>(inbound_, outbound_);
}

}  // namespace bulkhead::dataplane
