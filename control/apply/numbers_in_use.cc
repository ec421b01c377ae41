// SPDX-License-Identifier: Apache-2.0
#include "control/apply/numbers_in_use.h"

#include <cstring>
#include <string>
#include <vector>

#include "policy/table/format.h"

namespace bulkhead::control::apply {
namespace {

bool is_trie_leaves(std::uint32_t section) {
  const auto kind = static_cast<table::SectionKind>(section & 0xff);
  return kind == table::SectionKind::TrieLeaves4 || kind == table::SectionKind::TrieLeaves6;
}

}  // namespace

std::set<std::uint32_t> identities_in(const compile::CompiledTable& table) {
  std::set<std::uint32_t> used;
  for (const auto& item : table.addresses) used.insert(item.identity.value);
  for (const auto& [pod, identity] : table.pods) used.insert(identity.value);
  for (const auto& section : table.sections) {
    if (!is_trie_leaves(section.kind)) continue;
    for (std::size_t at = 0; at + sizeof(std::uint32_t) <= section.bytes.size();
         at += sizeof(std::uint32_t)) {
      std::uint32_t identity = 0;
      std::memcpy(&identity, section.bytes.data() + at, sizeof identity);
      used.insert(identity);
    }
  }
  return used;
}

void release_identities_except(const std::set<std::uint32_t>& used, compile::Numbers& numbers) {
  std::vector<std::string> unused;
  for (const auto& [key, number] : numbers.identities()) {
    if (!used.contains(number)) unused.push_back(key);
  }
  for (const auto& key : unused) numbers.release_identity(key);
}

void release_slots_except(const compile::CompiledTable& table, compile::Numbers& numbers) {
  std::set<std::uint32_t> used;
  for (const auto& slot : table.slots) used.insert(slot.slot.value);
  std::vector<std::string> unused;
  for (const auto& [key, number] : numbers.slots()) {
    if (!used.contains(number)) unused.push_back(key);
  }
  for (const auto& key : unused) numbers.release_slot(key);
}

}  // namespace bulkhead::control::apply
