// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "policy/base/result.h"
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

using Stances = std::array<Stance, 2>;  // by Direction

struct Subject {
  std::uint32_t group = 0;
  std::vector<std::uint32_t> identities;  // of the group, by number, ascending
  std::shared_ptr<const Stances> stances;

  [[nodiscard]] const Stance& stance(Direction direction) const {
    return (*stances)[static_cast<std::size_t>(direction)];
  }
};

// What decides about groups of pods; kept from table to table.
class SubjectFinder {
 public:
  // All are borrowed.
  SubjectFinder(const model::Cluster& cluster, const Identities& identities,
                const PolicyIndex& policies, Resolver& resolver, RuleBook& book)
      : cluster_(cluster),
        identities_(identities),
        policies_(policies),
        resolver_(resolver),
        book_(book) {}

  // Policies of these namespaces, or the namespaces, are others now; "": cluster-wide policies.
  void forget(const std::set<std::string>& namespaces);
  // A subject for each of the groups, by their lowest identities. A group of which only some
  // addresses are the cluster's DNS makes two. Fails as soon as the Resolver's limit is exceeded.
  [[nodiscard]] Result<std::vector<Subject>> find(std::span<const std::uint32_t> groups);

 private:
  struct Part {
    std::uint32_t group = 0;
    std::vector<std::uint32_t> identities;
    bool is_dns = false;
  };
  struct Known {
    std::shared_ptr<const std::string> group_key;  // numbers of groups come back, keys do not
    std::string namespace_name;
    std::shared_ptr<const Stances> stances;
    bool is_asked = false;
  };

  [[nodiscard]] std::vector<Part> parts_of(std::span<const std::uint32_t> groups) const;
  [[nodiscard]] std::shared_ptr<const Stances> stances_of(const Part& part);
  [[nodiscard]] Stances read(std::uint32_t group, bool is_dns);
  [[nodiscard]] std::vector<const model::Policy*> policies_selecting(std::uint32_t group) const;
  [[nodiscard]] Stance quarantined(const model::Quarantine& quarantine);
  void add_defaults(const model::Namespace& ns, Stance& stance) const;
  void add_policy(const model::Policy& policy, const model::Namespace& ns, Direction direction,
                  Stance& stance);

  const model::Cluster& cluster_;
  const Identities& identities_;
  const PolicyIndex& policies_;
  Resolver& resolver_;
  RuleBook& book_;
  std::map<std::pair<std::uint32_t, bool>, Known> known_;  // by group, and whether it is the DNS
};

}  // namespace bulkhead::compile
