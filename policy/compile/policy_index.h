// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "policy/base/ip.h"
#include "policy/model/cluster.h"

namespace bulkhead::compile {

// Every prefix the policy's peers name.
[[nodiscard]] std::vector<Prefix> named_prefixes(const model::Policy& policy);

// The policies of a cluster as a compile asks for them: by the namespace whose pods they can
// select, and by the prefixes they name. Borrows from the cluster. Follows it from version to
// version at the cost of what changed.
class PolicyIndex {
 public:
  // In the order they are asked within their tier: priority, then id.
  using Ordered = std::map<std::pair<std::int32_t, std::string>, const model::Policy*>;

  // What a change came to.
  struct Effect {
    bool moves_prefixes = false;   // a prefix is named for the first time, or no longer
    bool names_namespace = false;  // a namespace that no policy before it was in
  };

  explicit PolicyIndex(const model::Cluster& cluster);
  // `before` is what the index was last brought to.
  Effect follow(const model::Cluster& before, const model::Cluster& now);

  [[nodiscard]] const Ordered& cluster_wide() const { return of(""); }
  [[nodiscard]] const Ordered& of(const std::string& namespace_name) const;
  // What policies, the DNS setting and quarantines name. All policies count, not only those of
  // local pods, so that identities do not depend on which pods live here.
  [[nodiscard]] std::vector<Prefix> prefixes() const;

 private:
  void add_prefixes(const model::Policy& policy, Effect& effect);
  void place(const std::string& id, const model::Policy& policy, Effect& effect);
  void remove(const std::string& id, const model::Policy& policy, Effect& effect);

  std::map<std::string, Ordered, std::less<>> of_namespace_;  // "": cluster-wide
  std::map<Prefix, std::uint32_t> uses_;                      // by how many peers
  std::vector<Prefix> fixed_;                                 // of settings and quarantines
};

}  // namespace bulkhead::compile
