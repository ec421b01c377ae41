// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/verify.h"

#include "policy/verify/verifier.h"

namespace bulkhead::verify {
namespace {

// Shares what the caller keeps alive.
template <class T>
std::shared_ptr<const T> borrowed(const T& object) {
  return {std::shared_ptr<const T>(), &object};
}

}  // namespace

Result<Report> verify(const model::Cluster& cluster, const compile::LocalPods& local,
                      const compile::CompiledTable& compiled, const Budget& budget) {
  Verifier verifier;
  const Checked checked{borrowed(cluster), borrowed(local), borrowed(compiled)};
  if (auto ok = verifier.follow(checked, budget.seed); !ok) return tl::unexpected(ok.error());
  if (auto ok = verifier.step(budget.has_time, Verifier::Until::EverythingIsChecked); !ok) {
    return tl::unexpected(ok.error());
  }
  return verifier.report();
}

}  // namespace bulkhead::verify
