// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "policy/base/result.h"
#include "policy/compile/compile.h"
#include "policy/model/cluster.h"
#include "policy/verify/report.h"

namespace bulkhead::verify {

// How long to go on. policy/ has no clock: the caller's function is asked as Verifier::step() says.
struct Budget {
  std::function<bool()> has_time = {};  // empty: until everything is checked
  std::uint64_t seed = 1;               // where the walk starts, if it will not reach everything
};

// The second reader of law 4: asks the oracle and the table the same questions and fails at the
// first different answer, with both in words. Knows nothing of how the compiler came to its
// classes: it walks pods, the bounds of every prefix and port the policy text names, the bounds the
// table itself has, and the identity that the compile gave each address. A pair is not asked again
// when the oracle's reading of the text cannot tell it from one that was, *and* the table has the
// same identity or class for it, so that its answer is the same bytes. Also fails when the bytes do
// not open, or when the list of addresses is not exactly that of the live pods.
// Cost: subjects x peers at a nanosecond or two each, and their comparisons; memory linear in the
// cluster.
[[nodiscard]] Result<Report> verify(const model::Cluster& cluster, const compile::LocalPods& local,
                                    const compile::CompiledTable& compiled, const Budget& budget);

}  // namespace bulkhead::verify
