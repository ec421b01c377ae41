// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "policy/compile/compile.h"

namespace bulkhead::compile {

// Compiles one version of a cluster after the other. Keeps what does not depend on what changed:
// where only policies did, the pods, their identities and every peer that was resolved before; and
// of the policies all but the changed ones. The bytes are those that compile() gives for the same
// numbers. Thread: one.
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
