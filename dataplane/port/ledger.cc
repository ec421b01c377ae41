// SPDX-License-Identifier: Apache-2.0
#include "dataplane/port/ledger.h"

namespace bulkhead::dataplane {

Ledger::Ledger() : ports_(api::kMaxPorts) { dirty_.reserve(api::kMaxPorts); }

Ledger::Sums& Ledger::touch(PortId port) {
  // Row 0 belongs to no port and is never shown: it takes what has no valid number.
  const std::uint32_t row = port.value < ports_.size() ? port.value : 0;
  Sums& sums = ports_[row];
  if (!sums.is_dirty) {
    sums.is_dirty = true;
    dirty_.push_back(row);
  }
  return sums;
}

void Ledger::received(PortId port, std::uint32_t bytes) {
  Sums& sums = touch(port);
  ++sums.received_packets;
  sums.received_bytes += bytes;
}

void Ledger::sent(PortId port, std::uint32_t bytes) {
  Sums& sums = touch(port);
  ++sums.sent_packets;
  sums.sent_bytes += bytes;
  ++sent_;
}

void Ledger::dropped(PortId port, DropReason reason) {
  ++touch(port).dropped;
  ++dropped_;
  ++drops_[static_cast<std::size_t>(reason) % kDropReasonLimit];
}

void Ledger::restart(PortId port, std::uint32_t generation) {
  Sums& sums = touch(port);
  sums = Sums{};
  sums.generation = generation;
  sums.is_dirty = true;
}

void Ledger::store(std::span<api::PortStats> rows) {
  constexpr auto relaxed = std::memory_order_relaxed;
  for (const std::uint32_t row : dirty_) {
    Sums& sums = ports_[row];
    rows[row].generation.store(sums.generation, relaxed);
    rows[row].received_packets.store(sums.received_packets, relaxed);
    rows[row].received_bytes.store(sums.received_bytes, relaxed);
    rows[row].sent_packets.store(sums.sent_packets, relaxed);
    rows[row].sent_bytes.store(sums.sent_bytes, relaxed);
    rows[row].dropped.store(sums.dropped, relaxed);
    sums.is_dirty = false;
  }
  dirty_.clear();
}

}  // namespace bulkhead::dataplane
