// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "policy/base/result.h"
#include "policy/compile/compile.h"
#include "policy/model/cluster.h"
#include "policy/verify/verify.h"

namespace bulkhead::verify {

struct Parties;

// What is checked: a table and the cluster it was made from, kept alive.
struct Checked {
  std::shared_ptr<const model::Cluster> cluster;
  compile::LocalPods local;
  std::shared_ptr<const compile::CompiledTable> compiled;
};

// A verification that can be left and gone on with: what did not fit before the swap is checked
// behind it, in small steps, until it is complete or another table is published. Keeps the table
// and the cluster it was made from alive. Thread: one at a time.
//
//   auto sweep = Sweep::begin(cluster, local, table);
//   while (!sweep->is_complete()) {                    // every 20 ms, a step of 1 ms
//     if (auto ok = sweep->step(has_time); !ok) ...    // publish the last verified revision again
//   }
class Sweep {
 public:
  // Fails when the bytes do not open or the addresses are not those of the live pods. Cost: linear
  // in the pods, the policies and the table.
  [[nodiscard]] static Result<Sweep> begin(std::shared_ptr<const model::Cluster> cluster,
                                           const compile::LocalPods& local,
                                           std::shared_ptr<const compile::CompiledTable> compiled,
                                           const Scope& scope = {}, std::uint64_t seed = 1);

  Sweep(Sweep&&) noexcept;
  Sweep& operator=(Sweep&&) noexcept;
  ~Sweep();

  // Goes on until everything is checked, or `has_time` (empty: always) says no. At least one pair
  // is checked a step. Fails at a mismatch, and from then on again with the same one.
  [[nodiscard]] Status step(const std::function<bool()>& has_time);

  [[nodiscard]] const Report& report() const;
  [[nodiscard]] double ratio() const { return report().ratio(); }
  // Everything was checked and nothing differed.
  [[nodiscard]] bool is_complete() const;

 private:
  friend class Verifier;
  class State;
  explicit Sweep(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Verifies one version of a cluster after the other, and keeps whom to ask as long as nothing but
// policies changes. What it keeps says nothing about answers. Thread: one at a time.
class Verifier {
 public:
  // As Sweep::begin(), but for the walk over the cluster.
  [[nodiscard]] Result<Sweep> begin(const Checked& now, const Scope& scope, std::uint64_t seed);

 private:
  [[nodiscard]] bool fits(const Checked& now) const;

  std::optional<Checked> last_;
  std::shared_ptr<const Parties> parties_;  // of last_
};

}  // namespace bulkhead::verify
