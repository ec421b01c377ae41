// SPDX-License-Identifier: Apache-2.0
#include "policy/table/sections.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace bulkhead::table {
namespace {

struct RawArray {
  SectionKind kind;
  std::span<const std::byte> bytes;
};

template <class Record>
RawArray raw(SectionKind kind, const std::vector<Record>& records) {
  return {kind, std::as_bytes(std::span(records))};
}

std::vector<RawArray> raw_arrays(const Arrays& arrays) {
  return {raw(SectionKind::Identities, *arrays.identities),
          raw(SectionKind::EgressRows, arrays.rows[0]),
          raw(SectionKind::IngressRows, arrays.rows[1]),
          raw(SectionKind::Blocks, *arrays.blocks),
          raw(SectionKind::RuleSets, *arrays.rule_sets),
          raw(SectionKind::Decisions, *arrays.decisions),
          raw(SectionKind::WideMaps, *arrays.wide_maps),
          raw(SectionKind::WidePages, *arrays.wide_pages),
          raw(SectionKind::TrieNodes4, arrays.tries->v4.nodes),
          raw(SectionKind::TrieLeaves4, arrays.tries->v4.leaves),
          raw(SectionKind::TrieNodes6, arrays.tries->v6.nodes),
          raw(SectionKind::TrieLeaves6, arrays.tries->v6.leaves)};
}

std::size_t parts_of(std::size_t bytes, std::size_t part_bytes) {
  return (bytes + part_bytes - 1) / part_bytes;
}

// The smallest part size that keeps the number of sections within the limit: small parts are what
// makes a small change cheap to publish.
std::size_t choose_part_bytes(std::span<const RawArray> arrays) {
  for (std::size_t part_bytes = kMinPartBytes;; part_bytes *= 2) {
    std::size_t sections = 1;
    for (const RawArray& array : arrays) sections += parts_of(array.bytes.size(), part_bytes);
    if (sections <= kMaxSections) return part_bytes;
  }
}

bool is_same(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

// `last`: where the same bytes may be had from.
Section make_section(std::uint32_t kind, std::span<const std::byte> bytes,
                     std::span<const Section> last = {}) {
  const auto before = std::ranges::find(last, kind, &Section::kind);
  if (before != last.end() && is_same(before->bytes, bytes)) return *before;
  return {.kind = kind,
          .checksum = checksum_of(bytes.data(), bytes.size()),
          .bytes = std::vector<std::byte>(bytes.begin(), bytes.end())};
}

Status check_limits(const Arrays& arrays, std::span<const RawArray> raw, std::uint32_t max_slot) {
  std::size_t total = 0;
  for (const RawArray& array : raw) total += array.bytes.size();
  if (total > kMaxTableBytes) {
    return fail("the table has {} MiB, the limit is {} MiB", total >> 20, kMaxTableBytes >> 20);
  }
  if (arrays.identities->size() > kMaxIdentities) {
    return fail("{} identities exceed the limit of {}", arrays.identities->size(), kMaxIdentities);
  }
  if (max_slot >= kMaxSlots) {
    return fail("counter slot {} exceeds the limit of {} slots", max_slot, kMaxSlots);
  }
  return {};
}

}  // namespace

Result<std::vector<Section>> write_sections(Revision revision, const Arrays& arrays,
                                            std::span<const Section> last) {
  const auto raw = raw_arrays(arrays);
  std::uint32_t max_slot = 0;
  for (const DecisionRecord& record : *arrays.decisions) {
    max_slot = std::max({max_slot, record.slot, record.staged_slot});
  }
  if (auto ok = check_limits(arrays, raw, max_slot); !ok) return tl::unexpected(ok.error());

  Header header;
  header.revision = revision.value;
  header.part_bytes = static_cast<std::uint32_t>(choose_part_bytes(raw));
  header.row_count = arrays.row_count;
  header.row_stride = arrays.row_stride;
  header.slot_limit = max_slot + 1;

  std::vector<Section> sections(1);
  std::vector<DirectoryEntry> directory;
  for (const RawArray& array : raw) {
    header.record_count[array_index(array.kind)] =
        static_cast<std::uint32_t>(array.bytes.size() / record_bytes(array.kind));
    for (std::uint32_t part = 0; part < parts_of(array.bytes.size(), header.part_bytes); ++part) {
      const std::size_t start = std::size_t{part} * header.part_bytes;
      const std::size_t size = std::min<std::size_t>(header.part_bytes, array.bytes.size() - start);
      sections.push_back(
          make_section(section_id(array.kind, part), array.bytes.subspan(start, size), last));
      directory.push_back({.kind = sections.back().kind,
                           .reserved = 0,
                           .size = size,
                           .checksum = sections.back().checksum});
    }
  }
  header.section_count = static_cast<std::uint32_t>(directory.size());
  std::vector<std::byte> bytes(sizeof header + directory.size() * sizeof(DirectoryEntry));
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, directory.data(),
              directory.size() * sizeof(DirectoryEntry));
  sections[0] = make_section(section_id(SectionKind::Header, 0), bytes);
  return sections;
}

std::vector<Section> with_revision(std::vector<Section> sections, Revision revision) {
  Section& header = sections[0];
  auto& bytes = header.bytes.own();
  std::memcpy(bytes.data() + offsetof(Header, revision), &revision.value, sizeof revision.value);
  header.checksum = checksum_of(bytes.data(), bytes.size());
  return sections;
}

}  // namespace bulkhead::table
