// SPDX-License-Identifier: Apache-2.0
#include "policy/table/view.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "policy/table/check.h"
#include "policy/table/trie_slot.h"

namespace bulkhead::table {
namespace {

struct Contents {
  Header header;
  std::vector<DirectoryEntry> directory;
};

Result<Contents> read_header(std::span<const SectionBytes> sections) {
  if (sections.empty() || sections.size() > kMaxSections) {
    return fail("table: has {} sections, 1 to {} are possible", sections.size(), kMaxSections);
  }
  const auto header_id = section_id(SectionKind::Header, 0);
  const auto found = std::ranges::find(sections, header_id, &SectionBytes::kind);
  if (found == sections.end()) return fail("header: is missing");
  if (found->bytes.size() < sizeof(Header)) return fail("header: is truncated");
  Contents contents;
  std::memcpy(&contents.header, found->bytes.data(), sizeof(Header));
  const Header& header = contents.header;
  if (header.magic != kMagic) return fail("header: this is not a policy table");
  if (header.major != kMajor) {
    return fail("header: format {}.{}, this build reads {}.x", header.major, header.minor, kMajor);
  }
  if (!std::has_single_bit(header.part_bytes) || header.part_bytes < kMinPartBytes ||
      header.part_bytes > kMaxTableBytes) {
    return fail("header: {} is not a part size", header.part_bytes);
  }
  if (header.section_count + std::size_t{1} != sections.size() ||
      found->bytes.size() != sizeof(Header) + header.section_count * sizeof(DirectoryEntry)) {
    return fail("header: names {} sections, {} came", header.section_count, sections.size() - 1);
  }
  contents.directory.resize(header.section_count);
  if (!contents.directory.empty()) {
    std::memcpy(contents.directory.data(), found->bytes.data() + sizeof(Header),
                contents.directory.size() * sizeof(DirectoryEntry));
  }
  return contents;
}

Status check_counts(const Header& header) {
  const auto count = [&](SectionKind kind) { return header.record_count[array_index(kind)]; };
  if (count(SectionKind::Identities) < kFirstDynamicIdentity.value ||
      count(SectionKind::Identities) > kMaxIdentities) {
    return fail("header: {} identities are out of range", count(SectionKind::Identities));
  }
  for (const SectionKind kind :
       {SectionKind::Blocks, SectionKind::RuleSets, SectionKind::Decisions}) {
    if (count(kind) == 0) return fail("header: there are no {}", name_of(kind));
  }
  for (const Direction direction : kDirections) {
    const auto d = static_cast<std::size_t>(direction);
    const auto kind =
        direction == Direction::Egress ? SectionKind::EgressRows : SectionKind::IngressRows;
    if (header.row_count[d] == 0 || header.row_stride[d] == 0 ||
        std::uint64_t{header.row_count[d]} * header.row_stride[d] != count(kind)) {
      return fail("header: {} {} rows of {} blocks are not {} entries", header.row_count[d],
                  name_of(direction), header.row_stride[d], count(kind));
    }
  }
  if (header.slot_limit == 0 || header.slot_limit > kMaxSlots) {
    return fail("header: slot limit {} is out of range", header.slot_limit);
  }
  return {};
}

Status check_section(const SectionBytes& section, std::span<const DirectoryEntry> directory,
                     const CheckedSection* known) {
  const auto kind = section.kind & 0xffu;
  if (kind < 1 || kind > kArrayKinds + 1) return fail("section {:#x}: unknown kind", section.kind);
  const char* name = name_of(static_cast<SectionKind>(kind));
  if (reinterpret_cast<std::uintptr_t>(section.bytes.data()) % alignof(std::uint64_t) != 0) {
    return fail("{}: is not aligned", name);
  }
  if (known == nullptr &&
      checksum_of(section.bytes.data(), section.bytes.size()) != section.checksum) {
    return fail("{}: checksum does not match", name);
  }
  if (static_cast<SectionKind>(kind) == SectionKind::Header) return {};
  const auto entry = std::ranges::find(directory, section.kind, &DirectoryEntry::kind);
  if (entry == directory.end()) return fail("{}: the header does not name this part", name);
  if (entry->checksum != section.checksum || entry->size != section.bytes.size()) {
    return fail("{}: is of another table than the header", name);
  }
  return {};
}

// Collects the parts of one array. Every byte the header promises must be there, and no more.
template <class Record>
Result<PartedArray<Record>> collect(const Header& header, SectionKind kind,
                                    std::span<const SectionBytes> sections) {
  const std::uint32_t count = header.record_count[array_index(kind)];
  const auto records_a_part = static_cast<std::uint32_t>(header.part_bytes / sizeof(Record));
  const std::uint32_t part_count = count / records_a_part + (count % records_a_part != 0 ? 1 : 0);
  const auto present = std::ranges::count_if(sections, [&](const SectionBytes& section) {
    return (section.kind & 0xffu) == static_cast<std::uint32_t>(kind);
  });
  if (part_count > kMaxSections || present != static_cast<std::ptrdiff_t>(part_count)) {
    return fail("{}: {} parts came, {} are needed", name_of(kind), present, part_count);
  }
  std::vector<const Record*> parts(part_count);
  for (std::uint32_t part = 0; part < part_count; ++part) {
    const auto section = std::ranges::find(sections, section_id(kind, part), &SectionBytes::kind);
    const std::size_t records = std::min(records_a_part, count - part * records_a_part);
    if (section == sections.end()) return fail("{}: part {} is missing", name_of(kind), part);
    if (section->bytes.size() != records * sizeof(Record)) {
      return fail("{}: part {} has {} bytes, {} are needed", name_of(kind), part,
                  section->bytes.size(), records * sizeof(Record));
    }
    parts[part] = reinterpret_cast<const Record*>(section->bytes.data());
  }
  return PartedArray<Record>(std::move(parts), records_a_part, count);
}

}  // namespace

std::uint64_t checksum_of(const void* bytes, std::size_t size) { return XXH3_64bits(bytes, size); }

Result<TableView> TableView::open(std::span<const SectionBytes> sections, const TableView* before) {
  auto contents = read_header(sections);
  if (!contents) return tl::unexpected(contents.error());
  const Header& header = contents->header;
  // A part of another length holds other records of its array.
  const bool has_same_parts = before != nullptr && before->header().part_bytes == header.part_bytes;
  const auto known = has_same_parts ? before->sections() : std::span<const CheckedSection>();
  for (const SectionBytes& section : sections) {
    if (auto ok = check_section(section, contents->directory, same_section(section, known)); !ok) {
      return tl::unexpected(ok.error());
    }
  }
  if (auto ok = check_counts(header); !ok) return tl::unexpected(ok.error());

  TableView view;
  view.header_ = header;
  for (const SectionBytes& section : sections) view.sections_.push_back({section, {}});
  Status status;
  const auto take = [&]<class Record>(SectionKind kind, PartedArray<Record>& array) {
    if (!status) return;
    auto collected = collect<Record>(header, kind, sections);
    if (!collected) {
      status = tl::unexpected(collected.error());
      return;
    }
    array = std::move(*collected);
  };
  take(SectionKind::Identities, view.identities_);
  take(SectionKind::EgressRows, view.rows_[0]);
  take(SectionKind::IngressRows, view.rows_[1]);
  take(SectionKind::Blocks, view.blocks_);
  take(SectionKind::RuleSets, view.rule_sets_);
  take(SectionKind::Decisions, view.decisions_);
  take(SectionKind::WideMaps, view.wide_maps_);
  take(SectionKind::WidePages, view.wide_pages_);
  take(SectionKind::TrieNodes4, view.trie4_.nodes);
  take(SectionKind::TrieLeaves4, view.trie4_.leaves);
  take(SectionKind::TrieNodes6, view.trie6_.nodes);
  take(SectionKind::TrieLeaves6, view.trie6_.leaves);
  if (status) status = check_indexes(view, known, view.sections_);
  if (!status) return tl::unexpected(status.error());
  return view;
}

IdentityId TableView::outside_identity(const IpAddress& address) const {
  const Trie& trie = this->trie(address.family);
  std::uint32_t index = 0;
  // 6 steps for IPv4, 22 for IPv6; a trie that goes deeper is broken and answers unknown.
  for (unsigned offset = 0; offset < address.bits(); offset += kTrieStride) {
    const TrieNode& node = trie.nodes[index];
    const unsigned slot = trie_slot(address, offset);
    const std::uint64_t up_to_slot = ~std::uint64_t{0} >> (63 - slot);
    if ((node.internal >> slot & 1) == 0) {
      const auto rank = static_cast<std::uint32_t>(std::popcount(node.leaf_starts & up_to_slot));
      return IdentityId{trie.leaves[node.leaf_base + rank - 1]};
    }
    const auto rank = static_cast<std::uint32_t>(std::popcount(node.internal & up_to_slot));
    index = node.child_base + rank - 1;
  }
  return kUnknownIdentity;
}

}  // namespace bulkhead::table
