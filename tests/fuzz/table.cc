// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "policy/table/builder.h"
#include "policy/table/lookup.h"
#include "policy/table/view.h"

namespace {

using namespace bulkhead;  // NOLINT(google-build-using-namespace): one small program

std::vector<table::Section> good_table() {
  table::TableBuilder builder;
  const auto yes = builder.decision({.slot = 7, .verdict = 1});
  const auto web = builder.rule_set({{79, 0}, {80, yes}, {table::kLineEnd, 0}});
  builder.set_peer(IdentityId{16}, Direction::Ingress, 1);
  const std::array cells{table::TableBuilder::Cell{1, web}};
  builder.set_subject(IdentityId{17}, Direction::Ingress,
                      builder.add_row(Direction::Ingress, 0, cells));
  return builder.finish(Revision{1}).value();
}

// The header's directory names every section by size and checksum: make it true again.
void reseal(std::vector<table::Section>& sections) {
  auto& header = sections[0];
  for (std::size_t i = 1; i < sections.size(); ++i) {
    const std::size_t at = sizeof(table::Header) + (i - 1) * sizeof(table::DirectoryEntry);
    if (at + sizeof(table::DirectoryEntry) > header.bytes.size()) break;
    const auto& bytes = sections[i].bytes;
    sections[i].checksum = table::checksum_of(bytes.data(), bytes.size());
    const table::DirectoryEntry entry{
        .kind = sections[i].kind, .size = bytes.size(), .checksum = sections[i].checksum};
    std::memcpy(header.bytes.own().data() + at, &entry, sizeof entry);
  }
  header.checksum = table::checksum_of(header.bytes.data(), header.bytes.size());
}

void ask(const table::TableView& view) {
  std::array<table::Query, 8> queries{};
  std::array<table::Decision, 8> decisions;
  for (std::uint32_t i = 0; i < queries.size(); ++i) {
    queries[i] = {IdentityId{i * 17}, IdentityId{i * 16}, static_cast<std::uint16_t>(i * 40), 6};
  }
  for (const Direction direction : kDirections) {
    table::lookup(view, direction, queries, decisions);
  }
  for (const char* text : {"10.0.0.1", "255.255.255.255", "::", "fd00::1"}) {
    (void)view.outside_identity(IpAddress::parse(text).value());
  }
}

}  // namespace

// Edits of a good table, four bytes each (section, offset, value), resealed so that the
// checks behind the checksums are reached. Whatever still opens must answer every question within
// its own bytes (ASan watches).
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<table::Section> good = good_table();
  auto sections = good;
  for (std::size_t at = 0; at + 4 <= size; at += 4) {
    auto& section = sections[data[at] % sections.size()];
    if (section.bytes.empty()) continue;
    if (data[at + 3] == 0xee) {
      section.bytes.own().resize(section.bytes.size() / 2);
    } else {
      const std::size_t offset = (data[at + 1] * 256u + data[at + 2]) % section.bytes.size();
      section.bytes.own()[offset] = static_cast<std::byte>(data[at + 3]);
    }
  }
  reseal(sections);
  const auto borrowed = table::borrow(sections);
  if (const auto view = table::TableView::open(borrowed)) ask(*view);
  return 0;
}
