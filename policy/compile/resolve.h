// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/base/result.h"
#include "policy/compile/identities.h"
#include "policy/compile/inventory.h"
#include "policy/compile/regions.h"
#include "policy/model/cluster.h"

namespace bulkhead::compile {

// Resolves peers to sets of identities, each distinct peer once. Pods are found through the values
// of labels, so that the cost of a peer is about the size of its answer, not of the cluster.
class Resolver {
 public:
  // Of all sets together: tens of thousands of distinct blocks that each leave others out would
  // take as many times the memory of one. 128 MiB.
  static constexpr std::size_t kMaxMembers = std::size_t{1} << 25;

  Resolver(const model::Settings& settings, const Inventory& inventory, const Regions& regions,
           const Identities& identities);

  // The number of the peer's set. `namespace_index`: the policy's own, kNoNamespace for a
  // cluster-wide one, where "own namespace" is every namespace.
  [[nodiscard]] std::uint32_t set_of(const model::Peer& peer, std::uint32_t namespace_index);
  [[nodiscard]] std::uint32_t set_of_dns();
  // Every live pod.
  [[nodiscard]] std::uint32_t set_of_all_pods();
  // Fails when the limit was exceeded; sets are empty from there on.
  [[nodiscard]] Status check_limit() const;
  [[nodiscard]] std::size_t members() const { return members_; }
  // Indexes into Identities::all, ascending, by set number.
  [[nodiscard]] const std::vector<std::vector<std::uint32_t>>& sets() const { return sets_; }

 private:
  using Indexes = std::vector<std::uint32_t>;

  template <class Make>
  std::uint32_t remembered(const std::string& text, const Make& make);
  [[nodiscard]] Indexes identities_of(const Indexes& groups) const;
  [[nodiscard]] Indexes resolve(const model::PodPeer& peer, std::uint32_t namespace_index);
  [[nodiscard]] Indexes resolve(const model::CidrPeer& peer) const;
  [[nodiscard]] Indexes resolve_world() const;
  [[nodiscard]] Indexes resolve_dns();
  [[nodiscard]] const Indexes& namespaces_of(const model::LabelSelector& selector);
  [[nodiscard]] Indexes groups_of(const Indexes& namespaces, const model::LabelSelector& pods);
  void index_namespaces();
  void index_groups();

  const model::Settings& settings_;
  const Inventory& inventory_;
  const Regions& regions_;
  const Identities& identities_;

  std::vector<Indexes> sets_;
  std::size_t members_ = 0;
  std::unordered_map<std::string, std::uint32_t> set_numbers_;
  std::unordered_map<std::string, Indexes> namespaces_by_selector_;
  // label key and value -> who has it; built at first need.
  std::unordered_map<std::string, Indexes> namespaces_by_label_;
  std::unordered_map<std::string, Indexes> groups_by_label_;
};

}  // namespace bulkhead::compile
