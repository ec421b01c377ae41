// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow/table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "dataplane/api/messages.h"
#include "dataplane/flow/key_match.h"
#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

constexpr std::uint64_t kMagic = 0x42484d464c4f5731;  // "BHMFLOW1"
constexpr std::uint64_t kClearing = 1;                // somebody died while clearing
constexpr std::uint32_t kLayoutVersion = 2;

constexpr std::size_t round_up(std::size_t bytes) { return (bytes + 127) / 128 * 128; }

void prefetch(const void* line) { __builtin_prefetch(line, 0, 3); }

std::size_t protocol_index(std::uint8_t protocol) {
  if (protocol == kTcp) return 0;
  if (protocol == kUdp) return 1;
  if (protocol == kSctp) return 2;
  return 3;
}

bool makes_sense(const Flow& flow) {
  const auto age_class = static_cast<std::size_t>(flow.age_class);
  return age_class > 0 && age_class < kAgeClasses && flow.tcp_state <= TcpState::Reset &&
         (flow.key.protocol == kTcp) == (flow.tcp_state != TcpState::None) &&
         (flow.key.family == 4 || flow.key.family == 6) &&
         (flow.is_assured()
              ? flow.age_class != AgeClass::Unassured
              : flow.age_class == AgeClass::Unassured || flow.age_class == AgeClass::TcpClosed);
}

}  // namespace

// The head of the memory. Buckets follow, then the entries.
struct FlowTable::Header {
  std::uint64_t magic;
  std::uint32_t layout_version;
  std::uint32_t entry_bytes;
  std::uint64_t max_flows;
  std::uint8_t worker;
  std::uint8_t workers;
  std::uint8_t is_clean;
  std::uint8_t pad[5];
  std::uint64_t started_cold_ns;
  HashKey key;
  HashKey steering;
};

std::size_t FlowTable::bytes_needed(std::uint64_t max_flows) {
  static_assert(sizeof(Header) <= 128);
  return 128 + round_up(FlowIndex::buckets_for(max_flows) * sizeof(Bucket)) +
         max_flows * sizeof(Flow);
}

Result<FlowTable> FlowTable::open(std::span<std::byte> memory, const FlowTableConfig& config) {
  if (config.max_flows == 0 || config.max_flows >= kNoSlot) {
    return fail("a flow table of {} flows is not possible", config.max_flows);
  }
  if (memory.size() < bytes_needed(config.max_flows) ||
      reinterpret_cast<std::uintptr_t>(memory.data()) % 128 != 0) {
    return fail("the flow table needs {} aligned bytes, got {}", bytes_needed(config.max_flows),
                memory.size());
  }
  FlowTable table;
  table.header_ = reinterpret_cast<Header*>(memory.data());
  const std::size_t buckets = FlowIndex::buckets_for(config.max_flows);
  const std::span<Bucket> index{reinterpret_cast<Bucket*>(memory.data() + 128), buckets};
  table.flows_ = {reinterpret_cast<Flow*>(memory.data() + 128 + round_up(buckets * sizeof(Bucket))),
                  static_cast<std::size_t>(config.max_flows)};
  table.index_ = FlowIndex(index);
  table.limits_ = config.limits.derived_for(config.max_flows);
  table.flows_of_.resize(api::kMaxPorts);
  table.unassured_of_.resize(api::kMaxPorts);

  const Header& found = *table.header_;
  const bool usable = found.magic == kMagic && found.layout_version == kLayoutVersion &&
                      found.entry_bytes == sizeof(Flow) && found.max_flows == config.max_flows &&
                      found.worker == config.worker && found.workers == config.workers;
  // A new file reads as zeros: its pages are left alone until flows need them.
  if (found.magic != 0) std::memset(static_cast<void*>(index.data()), 0, index.size_bytes());
  if (usable) {
    table.take_over(config.now);
  } else {
    table.clear(config);
  }
  return table;
}

void FlowTable::clear(const FlowTableConfig& config) {
  start_ = Start::Cold;
  if (header_->magic != 0) {
    header_->magic = kClearing;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    std::memset(static_cast<void*>(flows_.data()), 0, flows_.size_bytes());
  }
  *header_ = {kClearing,
              kLayoutVersion,
              sizeof(Flow),
              config.max_flows,
              config.worker,
              config.workers,
              0,
              {},
              config.now.monotonic_ns,
              config.key,
              config.steering};
  key_ = config.key;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  header_->magic = kMagic;  // last: a half-cleared table is not taken over
}

void FlowTable::take_over(Now now) {
  start_ = Start::TakeOver;
  key_ = header_->key;
  header_->is_clean = 0;
  const std::uint32_t now_ms = milliseconds(now);
  for (std::size_t i = flows_.size(); i-- > 0;) {
    const auto slot = static_cast<std::uint32_t>(i);
    Flow& flow = flows_[i];
    const bool was_used = flow.age_class != AgeClass::None || flow.sequence != 0;
    if (fresh_ == 0 && !was_used) continue;  // the untouched end of the array
    if (fresh_ == 0) fresh_ = slot + 1;
    const bool keep =
        flow.age_class != AgeClass::None && (flow.sequence & 1) == 0 && makes_sense(flow) &&
        find(flow.key, flow.key.protocol == kIcmp || flow.key.protocol == kIcmpV6 ? Match::Forward
                                                                                  : Match::Either)
                .slot == kNoSlot &&
        index_.insert(hash(flow.key), slot);
    if (!keep) {
      flow = Flow{};
      flow.sequence = 2;
      flow.next = free_;
      free_ = slot;
      continue;
    }
    flow.epoch = 0;  // epochs start at 1 in each process: decided again on its next packet
    // The boot clock goes on over a restart; a stamp from the future is another boot's.
    if (static_cast<std::int32_t>(now_ms - flow.last_seen_ms) < 0) flow.last_seen_ms = now_ms;
    link(slot, flow.age_class, now_ms);
    ++size_;
    count_in(flow, 1);
  }
}

void FlowTable::mark_clean() { header_->is_clean = 1; }
const HashKey& FlowTable::steering_key() const { return header_->steering; }
std::uint64_t FlowTable::started_cold_ns() const { return header_->started_cold_ns; }
std::uint64_t FlowTable::hash(const FlowKey& key) const { return symmetric_hash(key, key_); }

FlowTable::Found FlowTable::compare(std::uint32_t slot, const FlowKey& key, Match match) const {
  const KeyMatch keys = match_keys(flows_[slot].key, key);
  const bool forward = keys.is_same & (match != Match::Reverse);
  const bool reverse = keys.is_reversed & (match != Match::Forward);
  return {(forward | reverse) ? slot : kNoSlot, !forward};
}

FlowTable::Found FlowTable::search(std::uint64_t hash, const FlowKey& key, Match match) const {
  const std::uint16_t tag = FlowIndex::tag_of(hash);
  const Bucket* bucket = &index_.first(hash);
  const bool may_be_displaced = bucket->displaced != 0;
  for (int probe = 0; probe < 2; ++probe) {
    for (std::uint32_t ways = bucket->matches(tag); ways != 0; ways &= ways - 1) {
      const Found found = compare(bucket->slot[std::countr_zero(ways)], key, match);
      if (found.slot != kNoSlot) return found;
    }
    if (!may_be_displaced) break;
    bucket = &index_.second(hash);
  }
  return {};
}

FlowTable::Found FlowTable::find(const FlowKey& key, Match match) const {
  return search(hash(key), key, match);
}

// Three steps a key, in groups: while one group's buckets load, the entries of the group before it
// do too, and the one before that is compared. Groups of 8 keep 16 to 24 lines in flight, as many
// as a core has buffers for; asking for all 64 at once stalls it (DESIGN.md has the figures).
void FlowTable::find(std::span<const FlowKey> keys, std::span<const Match> match,
                     std::uint64_t which, std::span<Found> found) const {
  constexpr std::size_t kGroup = 8;
  std::array<std::uint8_t, 64> packet;
  std::array<std::uint64_t, 64> hashes;
  std::array<std::uint32_t, 64> candidate;
  std::size_t count = 0;
  for (std::uint64_t bits = which; bits != 0; bits &= bits - 1) {
    packet[count++] = static_cast<std::uint8_t>(std::countr_zero(bits));
  }
  // Plain loops: GCC takes a function that only prefetches for one without effect and drops the
  // call.
  for (std::size_t at = 0; at < count + 2 * kGroup; at += kGroup) {
    for (std::size_t n = at; n < std::min(at + kGroup, count); ++n) {
      hashes[n] = hash(keys[packet[n]]);
      prefetch(&index_.first(hashes[n]));
    }
    for (std::size_t n = at - std::min(at, kGroup); n < std::min(at, count); ++n) {
      const Bucket& bucket = index_.first(hashes[n]);
      const std::uint32_t ways = bucket.matches(FlowIndex::tag_of(hashes[n]));
      candidate[n] = kNoSlot;
      if (ways == 0) continue;
      candidate[n] = bucket.slot[std::countr_zero(ways)];
      prefetch(&flows_[candidate[n]]);
    }
    if (at < 2 * kGroup) continue;
    for (std::size_t n = at - 2 * kGroup; n < std::min(at - kGroup, count); ++n) {
      const std::size_t i = packet[n];
      if (candidate[n] != kNoSlot) {
        // The second line of an entry holds the TCP windows, which nobody needs before all keys are
        // found: asked for here, it does not crowd out the first ones.
        if (keys[i].protocol == kTcp) prefetch(&flows_[candidate[n]].tcp);
        found[i] = compare(candidate[n], keys[i], match[i]);
        if (found[i].slot != kNoSlot) continue;
      }
      // A new flow, a key in its second bucket, or two with the same tag.
      found[i] = search(hashes[n], keys[i], match[i]);
    }
  }
}

FlowTable::Room FlowTable::room_for(std::uint32_t originator_port, bool is_capped, Now now) const {
  if (is_capped) {
    if (flows_of_[originator_port] >= limits_.flows_per_endpoint) return {DropReason::FlowLimit};
    if (unassured_of_[originator_port] >= limits_.unassured_per_endpoint) {
      return {DropReason::UnassuredLimit};
    }
  }
  const bool is_full = size_ >= flows_.size();
  const bool is_share_full = fifo(AgeClass::Unassured).count >= limits_.unassured;
  if (!is_full && !is_share_full) return {};
  const DropReason reason = is_full ? DropReason::FlowTableFull : DropReason::UnassuredLimit;
  const std::uint32_t oldest = fifo(AgeClass::Unassured).head;
  if (oldest == kNoSlot) return {reason};
  const std::uint32_t idle_ms = milliseconds(now) - flows_[oldest].last_seen_ms;
  if (idle_ms < limits_.recycle_after_ms) return {reason};
  return {DropReason::None, oldest};
}

std::uint32_t FlowTable::insert(const FlowKey& key, std::uint32_t originator_port, Now now) {
  const bool is_recycled = free_ != kNoSlot;
  if (!is_recycled && fresh_ >= flows_.size()) return kNoSlot;
  const std::uint32_t slot = is_recycled ? free_ : fresh_;
  if (!index_.insert(hash(key), slot)) return kNoSlot;
  Flow& flow = flows_[slot];
  if (is_recycled) {
    free_ = flow.next;
  } else {
    ++fresh_;
  }
  {
    const std::uint8_t sequence = flow.sequence;
    Writing writing(flow);
    flow = Flow{};
    flow.sequence = static_cast<std::uint8_t>(sequence | 1);
    flow.key = key;
    flow.last_seen_ms = milliseconds(now);
    flow.set_port(false, originator_port);
    flow.tcp_state = key.protocol == kTcp ? TcpState::SynSent : TcpState::None;
    link(slot, AgeClass::Unassured, flow.last_seen_ms);
  }
  ++size_;
  count_in(flow, 1);
  return slot;
}

void FlowTable::prepare_erase(std::uint32_t slot) const {
  prefetch(&index_.first(hash(flows_[slot].key)));
}

void FlowTable::erase(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  index_.erase(hash(flow.key), slot);
  count_in(flow, ~0u);
  --size_;
  Writing writing(flow);
  unlink(slot);
  flow.age_class = AgeClass::None;
  flow.next = free_;
  free_ = slot;
}

void FlowTable::move_to(std::uint32_t slot, AgeClass age_class, std::uint32_t now_ms) {
  Flow& flow = flows_[slot];
  if (flow.age_class == AgeClass::Unassured) --unassured_of_[flow.originator_port()];
  unlink(slot);
  link(slot, age_class, now_ms);
  if (age_class == AgeClass::Unassured) ++unassured_of_[flow.originator_port()];
}

void FlowTable::move_originator(std::uint32_t slot, std::uint32_t port) {
  Flow& flow = flows_[slot];
  count_in(flow, ~0u);
  flow.set_port(false, port);
  count_in(flow, 1);
}

// difference is 1 or -1 modulo 2^32.
void FlowTable::count_in(const Flow& flow, std::uint32_t difference) {
  flows_of_[flow.originator_port()] += difference;
  if (flow.age_class == AgeClass::Unassured) unassured_of_[flow.originator_port()] += difference;
  by_protocol_[protocol_index(flow.key.protocol)] +=
      static_cast<std::uint64_t>(static_cast<std::int32_t>(difference));
}

void FlowTable::link(std::uint32_t slot, AgeClass age_class, std::uint32_t now_ms) {
  Fifo& list = fifo(age_class);
  Flow& flow = flows_[slot];
  flow.age_class = age_class;
  flow.set_queued_at(queue_time(age_class, now_ms));
  flow.next = kNoSlot;
  flow.previous = list.tail;
  (list.tail == kNoSlot ? list.head : flows_[list.tail].next) = slot;
  list.tail = slot;
  ++list.count;
}

void FlowTable::unlink(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  Fifo& list = fifo(flow.age_class);
  (flow.previous == kNoSlot ? list.head : flows_[flow.previous].next) = flow.next;
  (flow.next == kNoSlot ? list.tail : flows_[flow.next].previous) = flow.previous;
  --list.count;
}

}  // namespace bulkhead::dataplane
