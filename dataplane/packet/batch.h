// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "policy/base/drop_reason.h"
#include "policy/base/flow_key.h"
#include "policy/base/ids.h"

struct rte_mbuf;

namespace bulkhead::dataplane {

struct Endpoint;

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

enum class PacketKind : std::uint8_t {
  Unparsed = 0,
  Transport,      // TCP, UDP or SCTP, its whole header read
  IcmpQuery,      // echo request or reply; the identifier is both ports
  IcmpError,      // key is the *embedded* packet's, as its sender wrote it
  LaterFragment,  // no transport header; key has no ports
  Arp,
  Neighbour,  // NS, NA, RS, RA, redirect, MLD and kin: link-local talk, never forwarded
};

enum class FragmentKind : std::uint8_t { None = 0, First, Later };

// What parse read besides the key. Offsets count from the Ethernet header; the IP header is always
// at kEthernetBytes.
struct PacketInfo {
  PacketKind kind = PacketKind::Unparsed;
  std::uint8_t tcp_flags = 0;
  std::uint8_t window_scale = 0xff;  // of a SYN; 0xff = option absent
  std::uint8_t hop_limit = 0;        // TTL in IPv4
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  std::uint8_t embedded_type = 0;  // of an echo inside an IcmpError
  // Not beside `kind`: GCC would ask for both at once, right after one of them was written, and the
  // load waits until that store has left the store buffer.
  FragmentKind fragment = FragmentKind::None;
  bool more_fragments = false;
  bool dont_fragment = false;       // IPv6 always
  std::uint16_t l4_offset = 0;      // transport header, or the fragment's data
  std::uint16_t l3_bytes = 0;       // the whole IP packet
  std::uint16_t payload_bytes = 0;  // after the transport header
  std::uint16_t mtu_bytes = 0;      // what is compared with an MTU: headers + gso_size, or l3_bytes
  std::uint16_t gso_l3_bytes = 0;   // headers + gso_size of a frame to be segmented, else 0
  std::uint16_t tcp_window = 0;     // unscaled
  std::uint16_t fragment_offset = 0;  // bytes
  std::uint32_t tcp_sequence = 0;     // of the embedded segment for an IcmpError
  std::uint32_t tcp_acknowledgment = 0;
  std::uint32_t fragment_id = 0;
};
static_assert(sizeof(PacketInfo) == 36);

inline constexpr std::uint32_t kNoFlow = 0xffffffff;

// What track found out about a packet.
enum class Track : std::uint8_t {
  Miss = 0,  // no flow; classify decides
  Stale,     // a flow decided under an older epoch; classify decides again
  Hit,       // a flow with a decision in force
};

// A burst as struct of arrays: one stage is one loop over these. The receiving side fills size,
// mbuf, in_port and (for packets from another worker) handed_over and generation; the stages fill
// the rest; the worker acts on fate. Thread: its worker.
struct Batch {
  std::uint16_t size = 0;
  bool is_released = false;  // comes out of the fragment cache, see Pipeline::release_held
  std::array<rte_mbuf*, kBatchSize> mbuf;
  std::array<PortId, kBatchSize> in_port;
  // Set by the receiving side for packets out of a hand-off ring: they are bound again, against the
  // endpoint generation the first worker saw, and never handed over twice. The pipeline itself
  // fills generation for every packet it marks HandOver.
  std::array<bool, kBatchSize> handed_over{};
  std::array<std::uint32_t, kBatchSize> generation;

  std::array<Fate, kBatchSize> fate;
  std::array<DropReason, kBatchSize> reason;
  std::array<PortId, kBatchSize> out_port;
  std::array<std::uint8_t, kBatchSize> owner;  // worker index, for HandOver

  // Stages only, below here. Bit i is set while no stage has settled packet i.
  std::uint64_t live = 0;
  // Bit i: packet i is no whole TCP, UDP or SCTP packet (parse sets it), so it needs a closer look.
  std::uint64_t unusual = 0;
  std::array<FlowKey, kBatchSize> key;
  std::array<PacketInfo, kBatchSize> info;
  std::array<std::array<std::uint8_t, 16>, kBatchSize> outer_source;  // of an IcmpError only
  std::array<const Endpoint*, kBatchSize> source;                     // who is at in_port
  std::array<Track, kBatchSize> track;
  std::uint64_t undecided = 0;                     // bit i: track[i] is no Hit
  std::array<std::uint32_t, kBatchSize> flow;      // slot in the flow table, or kNoFlow
  std::array<bool, kBatchSize> is_reply;           // against the flow's originator
  std::array<std::uint16_t, kBatchSize> datagram;  // slot in the fragment cache

  // Every packet is born dropped without a reason; a stage that settles one says why.
  void start() {
    unusual = 0;
    live = size == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << size) - 1;
    fate.fill(Fate::Drop);
    reason.fill(DropReason::None);
  }
  void drop(std::size_t i, DropReason why) {
    reason[i] = why;
    settle(i, Fate::Drop);
  }
  void settle(std::size_t i, Fate what) {
    fate[i] = what;
    live &= ~(std::uint64_t{1} << i);
  }
};

// for (std::size_t i : each_bit(batch.live)) ...: a copy, so the loop may settle packets.
class each_bit {
 public:
  explicit each_bit(std::uint64_t bits) : bits_(bits) {}
  struct iterator {
    std::uint64_t bits;
    std::size_t operator*() const { return static_cast<std::size_t>(std::countr_zero(bits)); }
    iterator& operator++() {
      bits &= bits - 1;
      return *this;
    }
    bool operator!=(const iterator& other) const { return bits != other.bits; }
  };
  [[nodiscard]] iterator begin() const { return {bits_}; }
  [[nodiscard]] iterator end() const { return {0}; }

 private:
  std::uint64_t bits_;
};

}  // namespace bulkhead::dataplane
