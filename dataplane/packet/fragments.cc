// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/fragments.h"

#include <rte_mbuf.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace bulkhead::dataplane {
namespace {

constexpr std::size_t kSets = 128;
constexpr std::size_t kWays = 4;
constexpr std::size_t kDatagrams = kSets * kWays;
constexpr std::size_t kPorts = 4096;

}  // namespace

struct FragmentCache::Datagram {
  // Torn: a part was dropped after others had left, so its receiver waits for what never comes.
  enum class State : std::uint8_t { Free = 0, Waiting, Passed, Refused, Torn, Poisoned };

  State state = State::Free;
  std::uint8_t held_count = 0;
  std::uint8_t released_count = 0;   // flushed to go on, not admitted again yet
  std::uint8_t following_count = 0;  // told to follow, fate not known yet
  std::uint16_t total_units = 0;     // of 8 bytes; 0 until the last fragment came
  std::uint16_t seen_units = 0;
  std::uint16_t end_units = 0;  // where the farthest fragment so far ended
  PortId in_port;
  std::uint32_t id = 0;
  std::uint64_t deadline_ns = 0;
  FlowKey ends;       // as the fragments carry it, without ports
  FlowKey first_key;  // with them
  std::array<rte_mbuf*, kHeldPerDatagram> held{};
  // Which units of 8 bytes have been seen: exact, whatever the order and number of fragments.
  std::array<std::uint64_t, 128> seen{};

  // False when it contradicts what came before: a unit was seen already, there are two ends, or
  // something lies beyond the end.
  bool cover(std::size_t offset, std::size_t bytes, bool is_last) {
    const std::size_t first = offset / 8;
    const std::size_t end = (offset + bytes + 7) / 8;
    if (is_last && total_units == 0) total_units = static_cast<std::uint16_t>(end);
    end_units = std::max(end_units, static_cast<std::uint16_t>(end));
    bool is_new =
        total_units == 0 || (end_units <= total_units && (!is_last || end == total_units));
    for (std::size_t unit = first; unit < end; ++unit) {
      const std::uint64_t bit = std::uint64_t{1} << (unit % 64);
      is_new = is_new && (seen[unit / 64] & bit) == 0;
      seen[unit / 64] |= bit;
    }
    seen_units = static_cast<std::uint16_t>(seen_units + (end - first));
    return is_new;
  }

  // Every byte has come and gone on, or was refused: nothing is left to wait for.
  [[nodiscard]] bool is_finished() const {
    const bool is_decided = state == State::Passed || state == State::Refused;
    return is_decided && seen_units == total_units && held_count == 0 && released_count == 0 &&
           following_count == 0;
  }
};

FragmentCache::FragmentCache(std::uint64_t secret)
    : secret_(secret),
      datagrams_(std::make_unique<Datagram[]>(kDatagrams)),
      held_bytes_of_(kPorts),
      datagrams_of_(kPorts) {
  ready_.reserve(kHeldInAll);
}

FragmentCache::~FragmentCache() = default;

FragmentCache::Datagram* FragmentCache::find_or_make(PortId in_port, const FlowKey& key,
                                                     std::uint32_t id, bool may_make,
                                                     std::uint64_t now_ns) {
  FlowKey ends = key;
  ends.source_port = ends.destination_port = Be16();
  std::uint64_t words[5];
  std::memcpy(words, &ends, sizeof words);
  std::uint64_t hash = secret_ ^ (std::uint64_t{id} << 32) ^ in_port.value;
  for (const std::uint64_t word : words) {
    hash = (std::rotl(hash, 23) ^ word) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  Datagram* const set = &datagrams_[hash % kSets * kWays];
  Datagram* room = nullptr;
  for (std::size_t way = 0; way < kWays; ++way) {
    Datagram& datagram = set[way];
    if (datagram.state == Datagram::State::Free) {
      room = &datagram;
    } else if (datagram.id == id && datagram.in_port == in_port && datagram.ends == ends) {
      if (now_ns < datagram.deadline_ns) return &datagram;
      free(datagram);
      room = &datagram;
    }
  }
  if (!may_make || room == nullptr || datagrams_of_[in_port.value] >= kDatagramsPerPort) {
    return nullptr;
  }
  *room = Datagram{};
  room->state = Datagram::State::Waiting;
  room->in_port = in_port;
  room->id = id;
  room->ends = ends;
  room->deadline_ns = now_ns + kWaitNs;
  ++datagrams_of_[in_port.value];
  ++used_;
  return room;
}

FragmentCache::Admission FragmentCache::admit(rte_mbuf* mbuf, PortId in_port, const FlowKey& key,
                                              const PacketInfo& info, bool is_released,
                                              std::uint64_t now_ns) {
  if (in_port.value >= kPorts) return {};
  Datagram* const datagram = find_or_make(in_port, key, info.fragment_id, !is_released, now_ns);
  if (datagram == nullptr) {
    return {Answer::Drop, is_released ? DropReason::FragmentOrphan : DropReason::FragmentLimit};
  }
  const auto slot = static_cast<std::uint16_t>(datagram - datagrams_.get());
  const std::size_t data_bytes = info.l3_bytes + 14u - info.l4_offset;
  const bool must_wait = datagram->state == Datagram::State::Waiting && !is_released &&
                         info.fragment != FragmentKind::First;
  // Before it counts as seen: its receiver will miss it, so the datagram must not look complete.
  if (must_wait && !has_room_for(*mbuf, *datagram)) {
    return {Answer::Drop, DropReason::FragmentLimit};
  }
  if (is_released) {
    if (datagram->released_count > 0) --datagram->released_count;
  } else if (!datagram->cover(info.fragment_offset, data_bytes, !info.more_fragments)) {
    // As long as a decided one: its receiver may hold the parts that left.
    if (datagram->state != Datagram::State::Poisoned) datagram->deadline_ns = now_ns + kFollowNs;
    datagram->state = Datagram::State::Poisoned;
    flush(*datagram, DropReason::FragmentOverlap);
  }
  switch (datagram->state) {
    case Datagram::State::Waiting:
      if (is_released) return {Answer::Drop, DropReason::FragmentOrphan};  // nobody waits twice
      break;
    case Datagram::State::Passed:
      ++datagram->following_count;
      return {Answer::Follow, DropReason::None, slot, datagram->first_key};
    case Datagram::State::Poisoned:
      return {Answer::Drop, DropReason::FragmentOverlap};
    case Datagram::State::Refused:
      if (datagram->is_finished()) free(*datagram);
      return {Answer::Drop, DropReason::FragmentOrphan};
    case Datagram::State::Torn:
    case Datagram::State::Free:
      return {Answer::Drop, DropReason::FragmentOrphan};
  }
  if (info.fragment == FragmentKind::First) {
    datagram->first_key = key;
    return {Answer::Judge, DropReason::None, slot};
  }
  datagram->held[datagram->held_count++] = mbuf;
  held_bytes_of_[in_port.value] += mbuf->data_len;
  ++held_;
  return {Answer::Hold, DropReason::None, slot};
}

bool FragmentCache::has_room_for(const rte_mbuf& mbuf, const Datagram& datagram) const {
  return datagram.held_count < kHeldPerDatagram && held_ < kHeldInAll &&
         held_bytes_of_[datagram.in_port.value] + mbuf.data_len <= kHeldBytesPerPort;
}

void FragmentCache::decide(std::uint16_t slot, bool is_forwarded) {
  Datagram& datagram = datagrams_[slot];
  if (datagram.state != Datagram::State::Waiting) return;
  datagram.state = is_forwarded ? Datagram::State::Passed : Datagram::State::Refused;
  datagram.deadline_ns += kFollowNs;
  if (is_forwarded) datagram.released_count = datagram.held_count;
  flush(datagram, is_forwarded ? DropReason::None : DropReason::FragmentOrphan);
  if (datagram.is_finished()) free(datagram);
}

void FragmentCache::followed(std::uint16_t slot, bool is_forwarded) {
  Datagram& datagram = datagrams_[slot];
  --datagram.following_count;
  if (!is_forwarded && datagram.state == Datagram::State::Passed) {
    datagram.state = Datagram::State::Torn;
  }
  if (datagram.is_finished()) free(datagram);
}

void FragmentCache::flush(Datagram& datagram, DropReason reason) {
  for (std::size_t i = 0; i < datagram.held_count; ++i) {
    held_bytes_of_[datagram.in_port.value] -= datagram.held[i]->data_len;
    ready_.push_back({datagram.held[i], datagram.in_port, reason});
  }
  datagram.held_count = 0;
}

void FragmentCache::free(Datagram& datagram) {
  flush(datagram, DropReason::FragmentOrphan);
  --datagrams_of_[datagram.in_port.value];
  --used_;
  datagram.state = Datagram::State::Free;
}

void FragmentCache::expire(std::uint64_t now_ns) {
  if (used_ == 0) return;
  constexpr std::size_t kSlice = 64;
  for (std::size_t i = 0; i < kSlice; ++i) {
    Datagram& datagram = datagrams_[hand_];
    hand_ = (hand_ + 1) % kDatagrams;
    if (datagram.state != Datagram::State::Free && now_ns >= datagram.deadline_ns) free(datagram);
  }
}

std::size_t FragmentCache::release(std::span<Released> released) {
  const std::size_t count = std::min(released.size(), ready_.size());
  std::copy_n(ready_.begin(), count, released.begin());
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
  held_ -= count;
  return count;
}

}  // namespace bulkhead::dataplane
