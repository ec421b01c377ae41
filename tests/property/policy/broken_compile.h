// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "policy/compile/compile.h"
#include "policy/model/cluster.h"

namespace bulkhead::testing {

// A cluster on which every way of BrokenCompile matters: each kind of peer and port, both families,
// all tiers, staged policies, quarantine, defaults, DNS, pods that are no pods any more.
[[nodiscard]] model::Cluster mutation_cluster();

// A way to compile wrongly. It either misunderstands the cluster (so that a right compile of what
// it understood is a wrong compile of what was written), or spoils what comes out. The product has
// no switch for any of it.
struct BrokenCompile {
  std::string what;
  std::function<void(model::Cluster&)> misread = {};
  std::function<void(compile::CompiledTable&)> spoil = {};
};
// Those that misunderstand, and those that spoil.
[[nodiscard]] std::vector<BrokenCompile> misreadings();
[[nodiscard]] std::vector<BrokenCompile> spoilings();

}  // namespace bulkhead::testing
