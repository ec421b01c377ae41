// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "policy/base/ip.h"
#include "policy/model/cluster.h"

namespace bulkhead::compile {

// Every prefix the policy's peers name, nodes' addresses included.
[[nodiscard]] std::vector<Prefix> named_prefixes(const model::Cluster& cluster,
                                                 const model::Policy& policy);

// The policies of a cluster as a compile asks for them: by the namespace whose pods they can
// select, and by the prefixes they name. Borrows from the cluster. Follows it from version to
// version at the cost of what changed.
class PolicyIndex {
 public:
  // In the order they are asked within their tier: priority, then id.
  using Ordered = std::map<std::pair<std::int32_t, std::string>, const model::Policy*>;

  // What a step came to: prefixes that are named for the first time, or no longer, ascending.
  struct Change {
    std::vector<Prefix> come;
    std::vector<Prefix> gone;
    std::set<std::string> spaces;  // namespaces whose policies differ; "": cluster-wide ones do
  };

  // `before` is what the index was last brought to; at first, nothing. Settings may not differ
  // later, nor nodes where a policy names them.
  Change follow(const model::Cluster& before, const model::Cluster& now);

  [[nodiscard]] const Ordered& cluster_wide() const { return of(""); }
  [[nodiscard]] const Ordered& of(const std::string& namespace_name) const;
  // A policy's peers are the addresses of nodes, or once were: what was resolved of them is kept.
  [[nodiscard]] bool has_named_nodes() const { return has_named_nodes_; }

 private:
  void use(const std::vector<Prefix>& prefixes);
  void leave(const std::vector<Prefix>& prefixes);

  std::map<std::string, Ordered, std::less<>> of_namespace_;  // "": cluster-wide
  // What policies, the DNS setting and quarantines name, by how many. All policies count, not only
  // those of local pods, so that identities do not depend on which pods live here.
  std::map<Prefix, std::uint32_t> uses_;
  std::map<Prefix, bool> touched_;  // by the step under way: was it used before?
  bool has_named_nodes_ = false;
};

}  // namespace bulkhead::compile
