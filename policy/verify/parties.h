// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/compile/compile.h"
#include "policy/model/cluster.h"
#include "policy/oracle/oracle.h"
#include "policy/table/view.h"
#include "policy/verify/scope.h"

namespace bulkhead::verify {

// One end to ask about, and the identity the compile gave it.
struct Party {
  oracle::Party party;
  IdentityId identity;
  // What the text can ask of a pod, as numbers: equal ones, equal answers. Of Parties::spaces, and
  // of its labels with its service account. Nothing for what is not a pod.
  std::uint32_t space = 0;
  std::uint32_t labels = 0;
  // Another pod that stands for the same, to ask about when the first is the subject itself.
  const model::Pod* other_pod = nullptr;
  std::optional<IpAddress> other_address = {};
  // An address of the cluster that no one pod owns: must be unknown, and so denied.
  bool must_be_unknown = false;

  [[nodiscard]] std::string text() const;
};

// Whom to ask about: one party for all that the policy text cannot tell apart *and* that were given
// the same identity. Borrows the pods and namespaces of the cluster.
struct Parties {
  struct Subject {
    Party party;
    std::vector<std::uint32_t> pods;  // of `pods`: those it stands for
  };
  struct Owner {
    IpAddress address;
    std::uint32_t peer = 0;
  };
  std::vector<Subject> subjects;
  std::vector<Party> peers;
  std::vector<std::size_t> stretch_of_peer;  // of AddressCuts::starts(); the end when there is none
  std::vector<const model::Pod*> pods;       // live ones, by key
  std::vector<std::vector<std::uint32_t>> peers_of_pod;  // beside pods
  std::vector<Owner> owners;                             // by address; those of no one pod too
  std::vector<IpAddress> cuts;                           // AddressCuts::starts()
  std::vector<const model::Namespace*> spaces;           // null: nobody declared it
  std::size_t label_sets = 0;                            // Party::labels is below

  [[nodiscard]] std::optional<std::uint32_t> pod_index(const model::PodKey& key) const;
};

// Fails when the compile's addresses are not exactly those of the live pods.
[[nodiscard]] Result<Parties> find_parties(const model::Cluster& cluster,
                                           const compile::LocalPods& local,
                                           const compile::CompiledTable& compiled,
                                           const table::TableView& table);

// An address that no pod has, as it is to be asked about.
[[nodiscard]] Party outside_party(const model::Cluster& cluster, const table::TableView& table,
                                  const IpAddress& address);

// What of the parties a scope touches.
struct Touched {
  std::vector<bool> subjects;        // beside Parties::subjects: with every peer
  std::vector<std::uint32_t> peers;  // of Parties::peers, ascending: with every subject
  std::vector<Party> more_peers;     // addresses of the scope that no pod has any more
};
[[nodiscard]] Touched touched_by(const Scope& scope, const model::Cluster& cluster,
                                 const table::TableView& table, const Parties& parties);

}  // namespace bulkhead::verify
