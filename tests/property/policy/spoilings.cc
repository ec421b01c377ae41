// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "policy/table/format.h"
#include "tests/property/policy/broken_compile.h"
#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::testing {
namespace {

using compile::CompiledTable;
using table::SectionKind;

constexpr std::size_t kIn = static_cast<std::size_t>(Direction::Ingress);
constexpr std::size_t kOut = static_cast<std::size_t>(Direction::Egress);

// Names the sections by what they now hold, in the header too.
void seal(CompiledTable& compiled) {
  table::Section& header = compiled.sections[0];
  for (std::size_t i = 1; i < compiled.sections.size(); ++i) {
    auto& section = compiled.sections[i];
    section.checksum = table::checksum_of(section.bytes.data(), section.bytes.size());
    auto* entry =
        header.bytes.own().data() + sizeof(table::Header) + (i - 1) * sizeof(table::DirectoryEntry);
    std::memcpy(entry + offsetof(table::DirectoryEntry, checksum), &section.checksum,
                sizeof section.checksum);
  }
  header.checksum = table::checksum_of(header.bytes.data(), header.bytes.size());
}

// Changes the records of a section.
template <class Record>
std::function<void(CompiledTable&)> in_records(
    SectionKind kind, std::function<void(CompiledTable&, std::span<Record>)> change) {
  return [=](CompiledTable& compiled) {
    const auto id = table::section_id(kind, 0);
    auto& bytes = std::ranges::find(compiled.sections, id, &table::Section::kind)->bytes.own();
    change(compiled, {reinterpret_cast<Record*>(bytes.data()), bytes.size() / sizeof(Record)});
    seal(compiled);
  };
}

compile::PodAddress& entry_of(CompiledTable& compiled, std::string_view address) {
  return compiled.addresses.at(ip(address));
}
std::uint32_t identity_of(CompiledTable& compiled, std::string_view address) {
  return entry_of(compiled, address).identity.value;
}

using Identities = std::span<table::IdentityRecord>;
std::function<void(CompiledTable&)> in_identities(
    std::function<void(CompiledTable&, Identities)> change) {
  return in_records<table::IdentityRecord>(SectionKind::Identities, std::move(change));
}
// Gives `to` the class that `from` has.
std::function<void(CompiledTable&)> merged(
    std::array<std::uint32_t, 2> table::IdentityRecord::*classes, std::size_t direction,
    std::string from, std::string to) {
  return in_identities([=](CompiledTable& compiled, Identities records) {
    (records[identity_of(compiled, to)].*classes)[direction] =
        (records[identity_of(compiled, from)].*classes)[direction];
  });
}

std::vector<BrokenCompile> identities() {
  const auto subject = &table::IdentityRecord::subject_class;
  const auto peer = &table::IdentityRecord::peer_class;
  return {
      {"two identities are merged",
       {},
       [](CompiledTable& compiled) {
         entry_of(compiled, "10.0.0.4").identity = entry_of(compiled, "10.1.0.1").identity;
       }},
      {"a number is reused while an address has it",
       {},
       [](CompiledTable& compiled) {
         std::swap(entry_of(compiled, "10.0.0.3").identity,
                   entry_of(compiled, "10.1.0.2").identity);
       }},
      {"a pod's families are swapped",
       {},
       [](CompiledTable& compiled) {
         std::swap(entry_of(compiled, "10.0.0.3").identity, entry_of(compiled, "fd00::3").identity);
       }},
      {"an identity beyond the table",
       {},
       [](CompiledTable& compiled) { entry_of(compiled, "10.1.0.1").identity.value += 100000; }},
      {"peer columns are merged (ingress)", {}, merged(peer, kIn, "10.1.0.1", "10.1.0.3")},
      {"peer columns are merged (egress)", {}, merged(peer, kOut, "10.0.0.1", "10.0.0.2")},
      {"subject rows are merged (ingress)", {}, merged(subject, kIn, "10.2.0.1", "10.0.0.1")},
      {"subject rows are merged (egress)", {}, merged(subject, kOut, "10.2.0.1", "10.1.0.1")},
      {"a subject has no row", {}, in_identities([](CompiledTable& compiled, Identities records) {
         records[identity_of(compiled, "10.2.0.1")].subject_class = {};
       })},
      {"rows of the two directions are swapped",
       {},
       in_identities([](CompiledTable& compiled, Identities records) {
         auto& classes = records[identity_of(compiled, "10.0.0.3")].peer_class;
         std::swap(classes[0], classes[1]);
       })},
      {"the own node is nobody", {}, in_identities([](CompiledTable&, Identities records) {
         records[kOwnNodeIdentity.value].peer_class[kIn] = 0;
       })},
      {"the world is the own node", {}, in_identities([](CompiledTable&, Identities records) {
         records[kWorldIdentity.value].peer_class[kIn] =
             records[kOwnNodeIdentity.value].peer_class[kIn];
       })},
  };
}

std::vector<BrokenCompile> decisions() {
  using Records = std::span<table::DecisionRecord>;
  const auto in_decisions = [](std::function<void(Records)> change) {
    return in_records<table::DecisionRecord>(
        SectionKind::Decisions, [=](CompiledTable&, Records records) { change(records); });
  };
  return {
      {"one verdict is turned over", {}, in_decisions([](Records records) {
         records[1].verdict ^= 1;
       })},
      {"one staged verdict is turned over", {}, in_decisions([](Records records) {
         records.back().staged_verdict ^= 1;
       })},
      {"a decision is counted for another rule", {}, in_decisions([](Records records) {
         std::swap(records[1].slot, records[2].slot);
       })},
      {"a decision is counted for no rule", {}, in_decisions([](Records records) {
         records[1].slot = 0;
       })},
      {"two slots have each other's rule",
       {},
       [](CompiledTable& compiled) {
         std::swap(compiled.slots.own()[0].rule, compiled.slots.own()[1].rule);
       }},
  };
}

// TCP of rule sets that have room for two more intervals gets ports [30000, 30001] of a decision
// that allows: no bound of the text is near.
void add_island(CompiledTable& compiled, std::span<table::RuleSet> sets) {
  const auto id = table::section_id(SectionKind::Decisions, 0);
  const auto& bytes = std::ranges::find(compiled.sections, id, &table::Section::kind)->bytes;
  const auto* records = reinterpret_cast<const table::DecisionRecord*>(bytes.data());
  std::uint32_t allows = 0;
  while (records[allows].verdict == 0) ++allows;
  for (auto& set : sets.subspan(1)) {
    std::size_t here = 0;
    while (here < set.last.size() && set.last[here] < 30000) ++here;
    const bool has_room = here + 2 < set.last.size() && set.last[here + 2] == table::kLineEnd &&
                          set.last[here] > 30001;
    if (set.wide != 0 || !has_room || records[set.decision[here]].verdict != 0) continue;
    for (std::size_t i = set.decision.size() - 1; i >= here + 2; --i) {
      set.decision[i] = set.decision[i - 2];
      if (i < set.last.size()) set.last[i] = set.last[i - 2];
    }
    set.decision[here + 1] = allows;
    set.last[here] = 29999;
    set.last[here + 1] = 30001;
  }
}

std::vector<BrokenCompile> bytes() {
  using Leaves = std::span<std::uint32_t>;
  return {
      {"an island of ports that nobody wrote",
       {},
       in_records<table::RuleSet>(SectionKind::RuleSets, add_island)},
      {"a cut of ports moves",
       {},
       in_records<table::RuleSet>(SectionKind::RuleSets,
                                  [](CompiledTable&, std::span<table::RuleSet> sets) {
                                    for (auto& set : sets) {
                                      for (auto& last : set.last) last += last == 3305 ? 1u : 0u;
                                    }
                                  })},
      {"the cells of a block move on",
       {},
       in_records<table::Block>(SectionKind::Blocks,
                                [](CompiledTable&, std::span<table::Block> blocks) {
                                  for (auto& block : blocks) {
                                    auto& cells = block.rule_set;
                                    std::rotate(cells.begin() + 2, cells.begin() + 3, cells.end());
                                  }
                                })},
      {"rows are swapped",
       {},
       in_records<std::uint32_t>(SectionKind::IngressRows,
                                 [](CompiledTable&, Leaves rows) { std::swap(rows[1], rows[2]); })},
      {"addresses of no pod have the world's leaf",
       {},
       in_records<std::uint32_t>(SectionKind::TrieLeaves4,
                                 [](CompiledTable&, Leaves leaves) {
                                   std::ranges::replace(leaves, kUnknownIdentity.value,
                                                        kWorldIdentity.value);
                                 })},
      {"an outside prefix is lost",
       {},
       in_records<std::uint32_t>(SectionKind::TrieLeaves4,
                                 [](CompiledTable&, Leaves leaves) {
                                   for (auto& leaf : leaves) {
                                     if (leaf >= kFirstDynamicIdentity.value) {
                                       leaf = kWorldIdentity.value;
                                     }
                                   }
                                 })},
      {"IPv6 prefixes have each other's leaf",
       {},
       in_records<std::uint32_t>(
           SectionKind::TrieLeaves6,
           [](CompiledTable&, Leaves leaves) { std::ranges::reverse(leaves); })},
      {"an address is not named",
       {},
       [](CompiledTable& compiled) {
         compiled.addresses.erase(std::prev(compiled.addresses.end()));
       }},
      {"an address of no pod is named",
       {},
       [](CompiledTable& compiled) {
         const auto first = compiled.addresses.begin()->second.identity;
         compiled.addresses.emplace(ip("fdff::9"), compile::PodAddress{first, {"db", "x"}});
       }},
  };
}

}  // namespace

std::vector<BrokenCompile> spoilings() {
  std::vector<BrokenCompile> all;
  for (auto& ways : {identities(), decisions(), bytes()}) {
    all.insert(all.end(), ways.begin(), ways.end());
  }
  return all;
}

}  // namespace bulkhead::testing
