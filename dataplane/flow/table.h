// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/flow/entry.h"
#include "dataplane/flow/hash.h"
#include "dataplane/flow/index.h"
#include "dataplane/flow/limits.h"
#include "dataplane/flow/now.h"
#include "policy/base/drop_reason.h"
#include "policy/base/result.h"

namespace bulkhead::dataplane {

struct FlowTableConfig {
  std::uint64_t max_flows = 262144;  // of this worker
  std::uint8_t worker = 0;           // a table made for another partition is not taken over
  std::uint8_t workers = 1;
  HashKey key{};       // hashes keys into buckets; used on a cold start only
  HashKey steering{};  // Pipeline's; likewise kept in the file, so that a restart steers alike
  Now now;
  FlowLimits limits;  // zeros: derived from max_flows
};

// The flows of one worker, in memory of the caller's that may outlive the process. Single writer,
// single reader: the worker's thread (open: before it starts).
class FlowTable {
 public:
  // How the table came to be.
  enum class Start : std::uint8_t {
    Cold,      // no usable contents: another layout, size, partition, or all zero
    TakeOver,  // contents kept
  };

  [[nodiscard]] static std::size_t bytes_needed(std::uint64_t max_flows);

  // `memory`: at least bytes_needed(config.max_flows) bytes, 128-byte aligned, writable, zero or
  // what an earlier table left. Keeps the flows of an earlier table of the same layout: entries
  // that were being written when their writer died, or that make no sense, are freed; the index
  // and the FIFOs are built again. Anything else is a cold start: everything is cleared.
  [[nodiscard]] static Result<FlowTable> open(std::span<std::byte> memory,
                                              const FlowTableConfig& config);

  FlowTable(FlowTable&&) = default;
  FlowTable& operator=(FlowTable&&) = default;

  [[nodiscard]] Start start() const { return start_; }
  // On a take-over the stored one, which then replaces the configured one everywhere.
  [[nodiscard]] const HashKey& steering_key() const;
  [[nodiscard]] std::uint64_t started_cold_ns() const;  // monotonic, survives take-overs

  // In which direction a packet may match: an echo reply only ever answers, a request only asks.
  enum class Match : std::uint8_t { Either, Forward, Reverse };
  struct Found {
    std::uint32_t slot = kNoSlot;
    bool is_reply = false;
  };

  // Looks up the keys whose bit is set in `which`: hash all, prefetch all, compare all. The spans
  // are as long as the highest bit. found[i] is overwritten for those only.
  void find(std::span<const FlowKey> keys, std::span<const Match> match, std::uint64_t which,
            std::span<Found> found) const;
  [[nodiscard]] Found find(const FlowKey& key, Match match = Match::Either) const;

  [[nodiscard]] Flow& operator[](std::uint32_t slot) { return flows_[slot]; }
  [[nodiscard]] const Flow& operator[](std::uint32_t slot) const { return flows_[slot]; }

  // Whether one more flow of this originator may start; recycles the oldest unassured flow when
  // that makes the room. Returns None and the slot of a flow to be closed first (or kNoSlot).
  struct Room {
    DropReason reason = DropReason::None;
    std::uint32_t recycle = kNoSlot;
  };
  [[nodiscard]] Room room_for(std::uint32_t originator_port, bool is_capped, Now now) const;

  // A new, unassured flow with this key, everything else as in a default Flow. room_for() has said
  // yes. kNoSlot when the index has no way left for the key.
  [[nodiscard]] std::uint32_t insert(const FlowKey& key, std::uint32_t originator_port, Now now);
  void erase(std::uint32_t slot);
  // Starts loading what erase() will need; worth it when many are erased in a row.
  void prepare_erase(std::uint32_t slot) const;
  // Moves the flow to the tail of a class's FIFO.
  void move_to(std::uint32_t slot, AgeClass age_class, std::uint32_t now_ms);
  // The originator turned up at another port (a pod re-attached).
  void move_originator(std::uint32_t slot, std::uint32_t port);

  [[nodiscard]] std::uint32_t oldest(AgeClass age_class) const { return fifo(age_class).head; }
  [[nodiscard]] std::uint32_t count(AgeClass age_class) const { return fifo(age_class).count; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t capacity() const { return flows_.size(); }
  [[nodiscard]] const FlowLimits& limits() const { return limits_; }
  // Live flows by protocol: TCP, UDP, SCTP, ICMP of either family.
  [[nodiscard]] std::uint64_t count_tcp() const { return by_protocol_[0]; }
  [[nodiscard]] std::uint64_t count_udp() const { return by_protocol_[1]; }
  [[nodiscard]] std::uint64_t count_sctp() const { return by_protocol_[2]; }
  [[nodiscard]] std::uint64_t count_icmp() const { return by_protocol_[3]; }

  // A planned end: the next take-over need not look for half-written entries.
  void mark_clean();

 private:
  struct Header;
  struct Fifo {
    std::uint32_t head = kNoSlot;
    std::uint32_t tail = kNoSlot;
    std::uint32_t count = 0;
  };

  FlowTable() = default;
  void clear(const FlowTableConfig& config);
  void take_over(Now now);
  [[nodiscard]] std::uint64_t hash(const FlowKey& key) const;
  [[nodiscard]] Found compare(std::uint32_t slot, const FlowKey& key, Match match) const;
  [[nodiscard]] Found search(std::uint64_t hash, const FlowKey& key, Match match) const;
  void link(std::uint32_t slot, AgeClass age_class, std::uint32_t now_ms);
  void unlink(std::uint32_t slot);
  void count_in(const Flow& flow, std::uint32_t difference);
  [[nodiscard]] Fifo& fifo(AgeClass age_class) {
    return fifos_[static_cast<std::size_t>(age_class)];
  }
  [[nodiscard]] const Fifo& fifo(AgeClass age_class) const {
    return fifos_[static_cast<std::size_t>(age_class)];
  }

  Header* header_ = nullptr;
  std::span<Flow> flows_;
  FlowIndex index_;
  HashKey key_{};
  FlowLimits limits_;
  Start start_ = Start::Cold;
  std::array<Fifo, kAgeClasses> fifos_{};
  std::uint32_t free_ = kNoSlot;
  std::uint32_t fresh_ = 0;  // slots from here on have never been used: their memory is untouched
  std::uint64_t size_ = 0;
  std::array<std::uint64_t, 4> by_protocol_{};
  std::vector<std::uint32_t> flows_of_;      // by originator's PortId
  std::vector<std::uint32_t> unassured_of_;  // likewise
};

[[nodiscard]] inline std::uint32_t milliseconds(Now now) {
  return static_cast<std::uint32_t>(now.monotonic_ns / 1'000'000);
}

}  // namespace bulkhead::dataplane
