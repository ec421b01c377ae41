// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "policy/base/result.h"
#include "policy/compile/compile.h"
#include "policy/model/cluster.h"

namespace bulkhead::verify {

// How long to go on. policy/ has no clock: the caller's function is asked after every pair.
struct Budget {
  std::function<bool()> has_time;  // empty: until everything is checked
  std::uint64_t seed = 1;          // where the walk starts, if it will not reach everything
};

// What was compared: pairs of (local subject, direction, peer), each with all its protocols and
// port cut points.
struct Report {
  std::uint64_t pairs = 0;
  std::uint64_t checked = 0;
  std::uint64_t questions = 0;  // (pair, protocol, port) asked of the table

  [[nodiscard]] double ratio() const {
    return pairs == 0 ? 1.0 : static_cast<double>(checked) / static_cast<double>(pairs);
  }
  [[nodiscard]] bool is_complete() const { return checked == pairs; }
};

// The second reader of law 4: asks the oracle and the table the same questions and fails at the
// first different answer, with both in words. Knows nothing of the compiler's classes: it walks
// pods, the bounds of every prefix and port the policy text names, and the identity that the
// compile gave each address. Pods that the policy text cannot tell apart *and* that were given the
// same identity are asked once. Also fails when the bytes do not open, or when the list of
// addresses is not exactly that of the live pods.
// Cost: about pairs x policies; linear memory.
[[nodiscard]] Result<Report> verify(const model::Cluster& cluster, const compile::LocalPods& local,
                                    const compile::CompiledTable& compiled, const Budget& budget);

}  // namespace bulkhead::verify
