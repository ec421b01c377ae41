// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "policy/compile/compile.h"
#include "policy/compile/identities.h"
#include "policy/model/cluster.h"

namespace bulkhead::compile {

// The groups whose decisions a table must answer as subjects; follows the cluster and the local
// pods at the cost of what changed.
class LocalGroups {
 public:
  // `change` leads to `cluster`; the groups it freed are still known by number. True when groups
  // came or went.
  bool follow(const model::Cluster& cluster, const LocalPods& local, const Identities& identities,
              const Identities::Change& change);

  [[nodiscard]] std::vector<std::uint32_t> all() const;

 private:
  void add(std::uint32_t group, std::int32_t pods);

  LocalPods local_ = std::set<model::PodKey>();
  std::map<std::uint32_t, std::int32_t> pods_;  // how many local pods a group has
  bool has_changed_ = false;
};

}  // namespace bulkhead::compile
