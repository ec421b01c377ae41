// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "control/state/desired.h"
#include "policy/compile/compile.h"

namespace bulkhead::control::apply {

// A table and what it was made from. Immutable; both null before the first one.
struct InForce {
  std::shared_ptr<const state::Desired> desired;
  std::shared_ptr<const compile::CompiledTable> table;
};

// The same sections, whatever the revision.
[[nodiscard]] bool answer_alike(const compile::CompiledTable& one,
                                const compile::CompiledTable& other);

}  // namespace bulkhead::control::apply
