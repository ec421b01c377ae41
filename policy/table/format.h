// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "policy/base/protocol.h"

// The bytes of a policy table, as the compiler writes and the data plane maps them. Host byte
// order: both ends are on one machine. A table is one Header section and, for every kind of
// SectionKind after it, an array of fixed-size records that is cut into parts of
// Header::part_bytes; only the last part of a kind may be shorter, and an empty array has no part.
// How a look-up walks them:
//
//   identity --Identities--> subject class, peer class (per direction; class 0 is "nobody")
//   row(subject class)[peer class / 64] --Rows--> block
//   block[peer class % 64]              --Blocks--> rule set
//   rule set: cuts of the (protocol, port) line --RuleSets--> decision (or a wide map when there
//                                                 are more than kIntervals of them)
//   decision --Decisions--> verdicts and counter slots
//
// Record 0 of Identities, Blocks, RuleSets and Decisions is "denied, in no rule".
namespace bulkhead::table {

inline constexpr std::uint32_t kMagic = 0x42485054;  // "BHPT"
inline constexpr std::uint16_t kMajor = 1;           // a reader refuses any other
inline constexpr std::uint16_t kMinor = 0;           // a reader ignores what it does not know

enum class SectionKind : std::uint32_t {
  Header = 1,
  Identities = 2,
  EgressRows = 3,
  IngressRows = 4,
  Blocks = 5,
  RuleSets = 6,
  Decisions = 7,
  WideMaps = 8,
  WidePages = 9,
  TrieNodes4 = 10,
  TrieLeaves4 = 11,
  TrieNodes6 = 12,
  TrieLeaves6 = 13,
};
inline constexpr std::size_t kArrayKinds = 12;  // all but the header
[[nodiscard]] constexpr std::size_t array_index(SectionKind kind) {
  return static_cast<std::size_t>(kind) - 2;
}

// The `kind` of a section that crosses: its SectionKind in the low byte, the part above it.
[[nodiscard]] constexpr std::uint32_t section_id(SectionKind kind, std::uint32_t part) {
  return static_cast<std::uint32_t>(kind) | part << 8;
}

// Limits. Exceeding one is an error of the compile; a reader refuses what exceeds it.
inline constexpr std::size_t kMaxSections = 32;  // one publish message carries that many fds
inline constexpr std::size_t kMaxTableBytes = std::size_t{512} << 20;
inline constexpr std::size_t kMinPartBytes = std::size_t{256} << 10;
inline constexpr std::uint32_t kMaxIdentities = 1u << 22;
inline constexpr std::uint32_t kMaxSlots = 262144;  // what the statistics page has room for

struct Header {
  std::uint32_t magic = kMagic;
  std::uint16_t major = kMajor;
  std::uint16_t minor = kMinor;
  std::uint64_t revision = 0;
  std::uint32_t part_bytes = kMinPartBytes;   // a power of two
  std::uint32_t section_count = 0;            // entries of the directory that follows this header
  std::array<std::uint32_t, 2> row_count{};   // by Direction; row 0 is "nobody"
  std::array<std::uint32_t, 2> row_stride{};  // blocks a row
  std::uint32_t slot_limit = 1;               // every slot is below it
  std::uint32_t reserved = 0;
  std::array<std::uint32_t, kArrayKinds> record_count{};
};
static_assert(sizeof(Header) == 96);

// The header names its sections, so that parts of two tables cannot be mixed.
struct DirectoryEntry {
  std::uint32_t kind = 0;  // section_id()
  std::uint32_t reserved = 0;
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
};
static_assert(sizeof(DirectoryEntry) == 24);

struct IdentityRecord {
  std::array<std::uint32_t, 2> subject_class{};  // by Direction
  std::array<std::uint32_t, 2> peer_class{};
};
static_assert(sizeof(IdentityRecord) == 16);

inline constexpr std::uint32_t kBlockCells = 64;
struct Block {
  std::array<std::uint32_t, kBlockCells> rule_set{};
};
static_assert(sizeof(Block) == 256);

// Protocol and port as one number, so that one sorted list of cuts serves all protocols:
// TCP, UDP and SCTP take 65536 values each, every other protocol shares the last value.
inline constexpr std::uint32_t kLineTcp = 0;
inline constexpr std::uint32_t kLineUdp = 1u << 16;
inline constexpr std::uint32_t kLineSctp = 2u << 16;
inline constexpr std::uint32_t kLineOther = 3u << 16;
inline constexpr std::uint32_t kLineEnd = kLineOther;  // the last point

[[nodiscard]] constexpr std::uint32_t line_point(std::uint8_t protocol, std::uint16_t port) {
  switch (protocol) {
    case kTcp:
      return kLineTcp + port;
    case kUdp:
      return kLineUdp + port;
    case kSctp:
      return kLineSctp + port;
    default:
      return kLineOther;
  }
}

// One cache line. Interval i ends with last[i] (the eighth ends at kLineEnd); unused ones repeat
// kLineEnd. A point's interval is the number of last[] below it.
inline constexpr std::size_t kIntervals = 8;
struct RuleSet {
  std::array<std::uint32_t, kIntervals - 1> last{kLineEnd, kLineEnd, kLineEnd, kLineEnd,
                                                 kLineEnd, kLineEnd, kLineEnd};
  std::array<std::uint32_t, kIntervals> decision{};
  std::uint32_t wide = 0;  // 0, or 1 + the WideMap that answers instead
};
static_assert(sizeof(RuleSet) == 64);

// A rule set with more intervals: point / 256 -> page -> decision.
inline constexpr std::uint32_t kPagePoints = 256;
struct WideMap {
  std::array<std::uint32_t, 1024> page{};  // kLineEnd / 256 + 1 = 769 are used
};
static_assert(sizeof(WideMap) == 4096);
struct WidePage {
  std::array<std::uint32_t, kPagePoints> decision{};
};
static_assert(sizeof(WidePage) == 1024);

struct DecisionRecord {
  std::uint32_t slot = 0;
  std::uint32_t staged_slot = 0;
  std::uint8_t verdict = 0;  // 0 deny, 1 allow; nothing else
  std::uint8_t staged_verdict = 0;
  std::array<std::uint8_t, 6> reserved{};
};
static_assert(sizeof(DecisionRecord) == 16);

// A node of the prefix trie (poptrie: Asai and Ohara, SIGCOMM 2015), stride 6. Bit v of `internal`:
// slot v has a child, at child_base + rank. Else the slot is a leaf: the runs of equal leaves start
// where `leaf_starts` has a bit, the value is at leaf_base + rank - 1. Children come after parents.
inline constexpr unsigned kTrieStride = 6;
struct TrieNode {
  std::uint64_t internal = 0;
  std::uint64_t leaf_starts = 0;
  std::uint32_t child_base = 0;
  std::uint32_t leaf_base = 0;
  std::array<std::uint32_t, 2> reserved{};
};
static_assert(sizeof(TrieNode) == 32);

[[nodiscard]] constexpr std::size_t record_bytes(SectionKind kind) {
  switch (kind) {
    case SectionKind::Header:
      return sizeof(Header);
    case SectionKind::Identities:
      return sizeof(IdentityRecord);
    case SectionKind::EgressRows:
    case SectionKind::IngressRows:
    case SectionKind::TrieLeaves4:
    case SectionKind::TrieLeaves6:
      return sizeof(std::uint32_t);
    case SectionKind::Blocks:
      return sizeof(Block);
    case SectionKind::RuleSets:
      return sizeof(RuleSet);
    case SectionKind::Decisions:
      return sizeof(DecisionRecord);
    case SectionKind::WideMaps:
      return sizeof(WideMap);
    case SectionKind::WidePages:
      return sizeof(WidePage);
    case SectionKind::TrieNodes4:
    case SectionKind::TrieNodes6:
      return sizeof(TrieNode);
  }
  return 0;
}

[[nodiscard]] constexpr const char* name_of(SectionKind kind) {
  constexpr std::array<const char*, kArrayKinds + 2> names = {
      "",          "header",           "identities", "egress rows",     "ingress rows",
      "blocks",    "rule sets",        "decisions",  "wide maps",       "wide pages",
      "IPv4 trie", "IPv4 trie leaves", "IPv6 trie",  "IPv6 trie leaves"};
  return names[static_cast<std::size_t>(kind)];
}

// XXH3-64 of the bytes: what names a section.
[[nodiscard]] std::uint64_t checksum_of(const void* bytes, std::size_t size);

}  // namespace bulkhead::table
