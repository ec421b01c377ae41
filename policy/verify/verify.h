// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "policy/base/result.h"
#include "policy/compile/compile.h"
#include "policy/model/cluster.h"
#include "policy/verify/scope.h"

namespace bulkhead::verify {

// How long to go on. policy/ has no clock: the caller's function is asked after every pair that is
// compared and every few hundred that need no comparison. Not asked while the parties are found,
// which is linear in pods: start the clock at the first call to give the whole time to comparing.
struct Budget {
  std::function<bool()> has_time = {};  // empty: until everything is checked
  std::uint64_t seed = 1;               // where the walk starts, if it will not reach everything
};

// What was compared: pairs of (local subject, direction, peer), each with all protocols and ports.
struct Report {
  std::uint64_t pairs = 0;     // in the scope
  std::uint64_t checked = 0;   // of them
  std::uint64_t compared = 0;  // of those, by asking both readers; the others are like one of these
  std::uint64_t questions = 0;  // (pair, protocol, port) asked of the table

  [[nodiscard]] double ratio() const {
    return pairs == 0 ? 1.0 : static_cast<double>(checked) / static_cast<double>(pairs);
  }
  [[nodiscard]] bool is_complete() const { return checked == pairs; }
};

// The second reader of law 4: asks the oracle and the table the same questions and fails at the
// first different answer, with both in words. Knows nothing of how the compiler came to its
// classes: it walks pods, the bounds of every prefix and port the policy text names, the bounds the
// table itself has, and the identity that the compile gave each address. A pair is not asked again
// when the oracle's reading of the text cannot tell it from one that was, *and* the table has the
// same identity or class for it, so that its answer is the same bytes. Also fails when the bytes do
// not open, or when the list of addresses is not exactly that of the live pods.
// `scope`: what must be asked; scope_between() finds what a change can touch.
// Cost: about subjects x peers x rules of the subject; memory linear in the cluster.
[[nodiscard]] Result<Report> verify(const model::Cluster& cluster, const compile::LocalPods& local,
                                    const compile::CompiledTable& compiled, const Budget& budget,
                                    const Scope& scope = {});

}  // namespace bulkhead::verify
