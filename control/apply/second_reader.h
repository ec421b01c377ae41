// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "control/apply/in_force.h"
#include "policy/base/result.h"
#include "policy/verify/sweep.h"

namespace bulkhead::control::apply {

// Law 4, driven. Before a swap: all that the change can touch by the oracle's reading, within a
// budget. Behind it: everything, in small steps, until all of it was compared; from then on that
// table is the one to go back to. Thread: the control thread.
class SecondReader {
 public:
  // Says no when the time it was made for is over.
  using HasTime = std::function<bool()>;
  using Timer = std::function<HasTime(std::chrono::milliseconds)>;

  explicit SecondReader(Timer timer) : timer_(std::move(timer)) {}

  // `before`: what `next` would take the place of. When that is nothing, everything is compared
  // and the budget is longer: waiting is all it costs. An error is a mismatch, both answers in
  // words: `next` must not be published.
  [[nodiscard]] Status check(const InForce& next, const InForce& before);

  // `now` is in force, checked or gone back to: the rest of it is compared in steps from here on.
  void follow(const InForce& now);
  // One step. An error is a mismatch in what is in force.
  [[nodiscard]] Status step();
  [[nodiscard]] bool has_more() const { return following_.table && !is_verified(); }

  // How much of what is in force was compared, 0..1.
  [[nodiscard]] double ratio() const;
  // The last that was wholly compared; null when none was.
  [[nodiscard]] const InForce& verified() const { return verified_; }
  [[nodiscard]] bool is_verified() const;

 private:
  Timer timer_;
  verify::Verifier verifier_;
  InForce following_;
  InForce verified_;
  std::optional<verify::Sweep> sweep_;  // of following_
  // The last check that left nothing out.
  InForce checked_;
};

}  // namespace bulkhead::control::apply
