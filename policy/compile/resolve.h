// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/base/result.h"
#include "policy/compile/identities.h"
#include "policy/model/cluster.h"

namespace bulkhead::compile {

// Resolves peers to sets of identities, each distinct peer once. Pods are found through the values
// of labels, so that the cost of a peer is about the size of its answer, not of the cluster. A set
// keeps its number as long as it is asked for, and follows identities that come and go.
class Resolver {
 public:
  // Of all sets together: tens of thousands of distinct blocks that each leave others out would
  // take as many times the memory of one. 128 MiB.
  static constexpr std::size_t kMaxMembers = std::size_t{1} << 25;

  // Both are borrowed.
  Resolver(const model::Cluster& cluster, const Identities& identities)
      : cluster_(cluster), identities_(identities) {}

  // The number of the peer's set. `own_namespace`: the policy's, empty for a cluster-wide one,
  // where "own namespace" is every namespace.
  [[nodiscard]] std::uint32_t set_of(const model::Peer& peer, const std::string& own_namespace);
  // The same, remembered by where the peer is; it stays there until forget().
  [[nodiscard]] std::uint32_t set_of_written(const model::Peer& peer,
                                             const std::string& own_namespace);
  void forget(const model::Policy& policy);
  [[nodiscard]] std::uint32_t set_of_dns();
  // Every live pod.
  [[nodiscard]] std::uint32_t set_of_all_pods();
  // Fails when the limit was exceeded; sets are empty from there on.
  [[nodiscard]] Status check_limit() const;
  // Identities by number, ascending, by set number.
  [[nodiscard]] const std::vector<std::vector<std::uint32_t>>& sets() const { return sets_; }

  // Identities that came and went since the sets were resolved.
  void follow(const Identities::Change& change);
  // Forgets sets that are not used, when there have become many.
  void forget_unused(const std::vector<bool>& is_used);

 private:
  using Numbers = std::vector<std::uint32_t>;
  // Whether an identity belongs to the set.
  using Holds = std::function<bool(const Identity&)>;

  template <class Make>
  std::uint32_t remembered(const std::string& text, const Make& make, Holds holds);
  [[nodiscard]] std::uint32_t set_of_pods(const model::PodPeer& peer,
                                          const std::string& own_namespace);
  [[nodiscard]] std::uint32_t set_of_block(const model::CidrPeer& peer);
  [[nodiscard]] std::uint32_t set_of_nodes(const model::NodePeer& peer);
  // Every pod, or every outside identity.
  [[nodiscard]] std::uint32_t set_of_all(const std::string& text, bool is_pod);
  [[nodiscard]] bool has_pod(const model::PodPeer& peer, const std::string& own_namespace,
                             std::uint32_t group) const;
  [[nodiscard]] bool is_dns(const Identity& identity) const;
  [[nodiscard]] Numbers identities_of(const Numbers& groups) const;
  [[nodiscard]] Numbers groups_of(const model::PodPeer& peer,
                                  const std::string& own_namespace) const;
  [[nodiscard]] Numbers spaces_of(const model::LabelSelector& selector) const;

  const model::Cluster& cluster_;
  const Identities& identities_;

  std::vector<Numbers> sets_;
  std::vector<Holds> holds_;        // beside sets_; empty: a free place
  std::vector<std::string> texts_;  // beside sets_
  std::vector<std::uint32_t> free_;
  std::size_t members_ = 0;
  std::unordered_map<std::string, std::uint32_t> numbers_;  // by text
  std::unordered_map<const model::Peer*, std::uint32_t> written_;
};

}  // namespace bulkhead::compile
