// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policy/base/verdict.h"
#include "policy/model/cluster.h"

namespace bulkhead::verify {

// What of the answers that were known a change of the text can touch, by the oracle's reading. Too
// much is fine, too little is not. Pods that came or changed are no part of it: Parties tells who
// of them was never asked about.
struct Scope {
  // Changed texts, old and new, by the Direction they have something to say about: of the pods they
  // select, with every peer.
  std::array<std::vector<model::PolicyPtr>, 2> policies;
  // Namespaces whose own object changed: their pods, as subjects and as peers.
  std::set<std::string> spaces;

  // `cluster`: after the change.
  [[nodiscard]] bool has_subject(const model::Cluster& cluster, Direction direction,
                                 const model::Pod& pod) const;
  [[nodiscard]] bool is_empty() const;
  // All whose pods it can have as subjects, `spaces` among them; nothing: any namespace.
  [[nodiscard]] std::optional<std::set<std::string>> namespaces() const;
};

// An object that is not the same shared one in both counts as changed, and a policy that names
// nodes changes with them. The settings are those of both. Cost: what the versions do not share;
// every policy where the nodes differ.
[[nodiscard]] Scope scope_between(const model::Cluster& before, const model::Cluster& after);

}  // namespace bulkhead::verify
