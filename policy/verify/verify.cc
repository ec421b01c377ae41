// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/verify.h"

#include "policy/verify/sweep.h"

namespace bulkhead::verify {
namespace {

// Shares what the caller keeps alive.
template <class T>
std::shared_ptr<const T> borrowed(const T& object) {
  return {std::shared_ptr<const T>(), &object};
}

}  // namespace

Result<Report> verify(const model::Cluster& cluster, const compile::LocalPods& local,
                      const compile::CompiledTable& compiled, const Budget& budget,
                      const Scope& scope) {
  auto sweep = Sweep::begin(borrowed(cluster), local, borrowed(compiled), scope, budget.seed);
  if (!sweep) return tl::unexpected(sweep.error());
  if (auto ok = sweep->step(budget.has_time); !ok) return tl::unexpected(ok.error());
  return sweep->report();
}

}  // namespace bulkhead::verify
