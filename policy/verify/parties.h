// SPDX-License-Identifier: Apache-2.0
#pragma once

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
  // Another pod that stands for the same, to ask about when the first is the subject itself.
  const model::Pod* other_pod = nullptr;
  std::optional<IpAddress> other_address = {};
  // An address of the cluster that no one pod owns: must be unknown, and so denied.
  bool must_be_unknown = false;
  // The scope has it, or one of those it stands for.
  bool is_touched = true;

  [[nodiscard]] std::string text() const;
};

struct Parties {
  std::vector<Party> subjects;
  std::vector<Party> peers;
};

// One party for all that the policy text cannot tell apart *and* that were given the same identity.
// Fails when the compile's addresses are not exactly those of the live pods.
[[nodiscard]] Result<Parties> find_parties(const model::Cluster& cluster,
                                           const compile::LocalPods& local,
                                           const compile::CompiledTable& compiled,
                                           const table::TableView& table, const Scope& scope);

}  // namespace bulkhead::verify
