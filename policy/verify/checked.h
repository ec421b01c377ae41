// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "policy/compile/compile.h"
#include "policy/model/cluster.h"

namespace bulkhead::verify {

// What is checked: a table and the cluster it was made from, kept alive.
struct Checked {
  std::shared_ptr<const model::Cluster> cluster;
  std::shared_ptr<const compile::LocalPods> local;
  std::shared_ptr<const compile::CompiledTable> compiled;
};

}  // namespace bulkhead::verify
