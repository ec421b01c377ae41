// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/compile/compile.h"
#include "policy/compile/identities.h"
#include "policy/compile/policy_index.h"
#include "policy/compile/rule_book.h"
#include "policy/model/cluster.h"

namespace bulkhead::compile {

// The two answers of every question: with the enforced policies only, and as if the staged ones
// were enforced too.
enum class World : std::uint8_t { Enforced = 0, Staged = 1 };
inline constexpr std::size_t kWorlds = 2;

// What decides where no rule matches: `isolated` if the NetworkPolicy tier has the subject, else
// `default_verdict` in the name of `default_rule`.
struct Base {
  bool is_isolated = false;
  Verdict default_verdict = Verdict::Deny;
  RuleName default_rule = RuleName::Node;
  friend bool operator==(const Base&, const Base&) = default;
};

// Everything that decides about a group of pods in one direction, before looking at the peer.
struct Stance {
  bool is_quarantined = false;
  std::array<Base, kWorlds> base;    // by World
  std::vector<std::uint32_t> rules;  // of the RuleBook, in the order they are asked
};

struct Subject {
  std::uint32_t group = 0;
  std::vector<std::uint32_t> identities;  // of the group, by number, ascending
  std::array<Stance, 2> stance;           // by Direction
};

// What decides about each group of `groups`, by their lowest identities. A group of which only some
// addresses are the cluster's DNS makes two subjects.
[[nodiscard]] std::vector<Subject> find_subjects(const model::Cluster& cluster,
                                                 std::span<const std::uint32_t> groups,
                                                 const Identities& identities,
                                                 const PolicyIndex& policies, Resolver& resolver,
                                                 RuleBook& book);

}  // namespace bulkhead::compile
