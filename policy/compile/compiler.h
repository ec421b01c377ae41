// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "policy/compile/compile.h"

namespace bulkhead::compile {

// Compiles one version of a cluster after the other at the cost of what differs: pods, namespaces,
// policies, local pods. The bytes are those that compile() gives for the same numbers. Settings
// that differ, nodes that differ where a policy names nodes, and numbers that are others than last
// time mean a full compile. Thread: one.
class Compiler {
 public:
  Compiler();
  Compiler(Compiler&&) noexcept;
  Compiler& operator=(Compiler&&) noexcept;
  ~Compiler();

  // As the function compile().
  [[nodiscard]] Result<CompiledTable> compile(const model::Cluster& cluster, const LocalPods& local,
                                              Revision revision, Numbers& numbers,
                                              std::span<const Alias> aliases = {});

 private:
  class Kept;
  std::unique_ptr<Kept> kept_;  // null before the first
};

}  // namespace bulkhead::compile
