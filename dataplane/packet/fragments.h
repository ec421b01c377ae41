// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/packet/batch.h"
#include "policy/base/drop_reason.h"

struct rte_mbuf;

namespace bulkhead::dataplane {

// Keeps the fragments of a datagram together without reassembling it: the first is judged like any
// packet, later ones follow it, later ones that came before it wait, an overlap (RFC 5722, RFC
// 3128) condemns the rest, a complete one gives its place back. Bounded in every direction. What
// still waits when the cache goes is the pool's to take back, which ends with it. Thread: its
// worker.
class FragmentCache {
 public:
  static constexpr std::size_t kHeldPerDatagram = 4;
  static constexpr std::size_t kHeldBytesPerPort = 64 * 1024;
  static constexpr std::size_t kHeldInAll = 256;
  static constexpr std::size_t kDatagramsPerPort = 32;
  static constexpr std::uint64_t kWaitNs = 1'000'000'000;    // for the first
  static constexpr std::uint64_t kFollowNs = 5'000'000'000;  // for the rest, from the first on
  static constexpr std::uint16_t kNone = 0xffff;

  enum class Answer : std::uint8_t {
    Judge,   // a first fragment: goes on; tell decide() what became of it
    Follow,  // goes on with the first's key; tell followed() what became of it
    Hold,    // the cache keeps the mbuf
    Drop,
  };
  struct Admission {
    Answer answer = Answer::Drop;
    DropReason reason = DropReason::FragmentLimit;
    std::uint16_t datagram = kNone;  // for Judge and Follow: what decide() and followed() take
    FlowKey first_key{};             // for Follow
  };
  struct Released {
    rte_mbuf* mbuf = nullptr;
    PortId in_port;
    DropReason reason = DropReason::None;  // None: run it through the pipeline again
  };

  // `secret` keys the placement of datagrams.
  explicit FragmentCache(std::uint64_t secret);
  ~FragmentCache();
  FragmentCache(const FragmentCache&) = delete;
  FragmentCache& operator=(const FragmentCache&) = delete;

  // A parsed and bound fragment. `is_released`: it comes out of release() and was seen before.
  [[nodiscard]] Admission admit(rte_mbuf* mbuf, PortId in_port, const FlowKey& key,
                                const PacketInfo& info, bool is_released, std::uint64_t now_ns);
  // What became of the first fragment; those that waited for it become ready.
  void decide(std::uint16_t datagram, bool is_forwarded);
  // What became of one that followed, in the burst that admitted it. A datagram that lost a part on
  // its way lets no more pass, and keeps its place as long as its receiver may wait.
  void followed(std::uint16_t datagram, bool is_forwarded);
  // Gives up datagrams whose time is over; what waited becomes ready as FragmentOrphan. Bounded.
  void expire(std::uint64_t now_ns);
  // Up to released.size() fragments that are ready; the caller owns the mbufs.
  [[nodiscard]] std::size_t release(std::span<Released> released);

  [[nodiscard]] bool is_empty() const { return used_ == 0 && ready_.empty(); }

 private:
  struct Datagram;
  [[nodiscard]] Datagram* find_or_make(PortId in_port, const FlowKey& key, std::uint32_t id,
                                       bool may_make, std::uint64_t now_ns);
  [[nodiscard]] bool has_room_for(const rte_mbuf& mbuf, const Datagram& datagram) const;
  void flush(Datagram& datagram, DropReason reason);
  void free(Datagram& datagram);

  std::uint64_t secret_;
  std::unique_ptr<Datagram[]> datagrams_;
  std::vector<Released> ready_;               // never beyond kHeldInAll
  std::vector<std::uint32_t> held_bytes_of_;  // by PortId
  std::vector<std::uint16_t> datagrams_of_;   // by PortId
  std::size_t held_ = 0;                      // waiting or ready
  std::size_t used_ = 0;
  std::size_t hand_ = 0;  // where expire() goes on
};

}  // namespace bulkhead::dataplane
