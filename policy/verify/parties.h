// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/compile/compile.h"
#include "policy/model/cluster.h"
#include "policy/oracle/oracle.h"
#include "policy/table/view.h"

namespace bulkhead::verify {

// Where the address space is cut by the policy text: between two neighbouring bounds no policy
// tells addresses apart. Families apart.
class AddressCuts {
 public:
  explicit AddressCuts(const model::Cluster& cluster);

  // The first address of every stretch.
  [[nodiscard]] const std::vector<IpAddress>& starts() const { return starts_; }
  // The number of the stretch that holds the address.
  [[nodiscard]] std::size_t stretch_of(const IpAddress& address) const;

 private:
  void add(const Prefix& prefix);
  std::vector<IpAddress> starts_;  // sorted
};

// One end to ask about, and the identity the compile gave it.
struct Party {
  oracle::Party party;
  IdentityId identity;
  // Another pod that stands for the same, to ask about when the first is the subject itself.
  const model::Pod* other_pod = nullptr;
  std::optional<IpAddress> other_address;
  // An address of the cluster that no one pod owns: must be unknown, and so denied.
  bool must_be_unknown = false;

  [[nodiscard]] std::string text() const;
};

struct Parties {
  std::vector<Party> subjects;
  std::vector<Party> peers;
};

// Fails when the compile's addresses are not exactly those of the live pods.
[[nodiscard]] Result<Parties> find_parties(const model::Cluster& cluster,
                                           const compile::LocalPods& local,
                                           const compile::CompiledTable& compiled,
                                           const table::TableView& table);

}  // namespace bulkhead::verify
