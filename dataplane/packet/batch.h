// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "policy/base/drop_reason.h"
#include "policy/base/flow_key.h"
#include "policy/base/ids.h"

struct rte_mbuf;

namespace bulkhead::dataplane {

inline constexpr std::size_t kBatchSize = 64;

// Bytes of the virtio-net header (struct virtio_net_hdr_mrg_rxbuf). It always stands right before
// the Ethernet header in the mbuf: at rte_pktmbuf_mtod(m) - kVnetHeaderBytes. Ports without one
// write zeros there on receive.
inline constexpr std::size_t kVnetHeaderBytes = 12;

// What becomes of a packet; the worker acts on it after the last stage. Each packet leaves the
// pipeline with exactly one fate, and the counters follow from it.
enum class Fate : std::uint8_t {
  Drop = 0,  // born dropped (law 1); the reason is in Batch::reason
  Forward,   // send to Batch::out_port
  Consume,   // answered here (ARP, ND, ping to the gateway); free it
  HandOver,  // belongs to worker Batch::owner
  Hold,      // kept by the fragment cache, which owns the mbuf now
};

// A burst as struct of arrays: one stage is one loop over these. The receiving side fills size, mbuf
// and in_port; the stages fill the rest; the worker acts on fate. Further arrays belong to the stages
// (parse results, decisions) and are meaningless before the stage that fills them.
struct Batch {
  std::uint16_t size = 0;
  std::array<rte_mbuf*, kBatchSize> mbuf;
  std::array<PortId, kBatchSize> in_port;

  std::array<Fate, kBatchSize> fate;
  std::array<DropReason, kBatchSize> reason;
  std::array<PortId, kBatchSize> out_port;
  std::array<std::uint8_t, kBatchSize> owner;  // worker index, for HandOver
};

}  // namespace bulkhead::dataplane
