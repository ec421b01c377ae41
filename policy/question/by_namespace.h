// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/model/cluster.h"

namespace bulkhead::question {

// A cluster's live pods and its policies by where they are, so that a question about one of them
// looks only at those that can matter to it. Borrows the cluster. Immutable; any thread.
class ByNamespace {
 public:
  using Pods = std::span<const model::Pod* const>;
  using Policies = std::span<const model::Policy* const>;

  explicit ByNamespace(const model::Cluster& cluster);

  // All live pods, ascending by key; those of a namespace; those that the policy could select.
  [[nodiscard]] Pods pods() const { return pods_; }
  [[nodiscard]] Pods pods(const std::string& name) const;
  [[nodiscard]] Pods pods_for(const model::Policy& policy) const {
    return policy.namespace_name.empty() ? pods() : pods(policy.namespace_name);
  }

  // The namespaces that have live pods.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

  // In the order in which the ordered tiers are asked. "" has the policies of the whole cluster.
  [[nodiscard]] Policies policies() const { return policies_; }
  [[nodiscard]] Policies policies(const std::string& name) const;
  // True when one of the policies that could select pods of the namespace is like this.
  template <class Predicate>
  [[nodiscard]] bool any_policy(const std::string& name, const Predicate& is_like_this) const {
    return std::ranges::any_of(policies(name), is_like_this) ||
           std::ranges::any_of(policies(std::string()), is_like_this);
  }

  // The live pods' addresses in the block, ascending.
  using Address = std::pair<IpAddress, const model::Pod*>;
  [[nodiscard]] std::span<const Address> addresses_in(const Prefix& block) const;
  // A pod with an address in the block, outside its exceptions; null when there is none.
  [[nodiscard]] const model::Pod* pod_in(const model::CidrPeer& block) const;

 private:
  std::vector<const model::Pod*> pods_;
  std::vector<std::string> names_;
  std::vector<Address> addresses_;  // ascending
  std::vector<const model::Policy*> policies_;
  std::map<std::string_view, std::vector<const model::Policy*>> policies_of_;
};

}  // namespace bulkhead::question
