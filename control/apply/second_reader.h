// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

#include "control/apply/in_force.h"
#include "policy/base/result.h"
#include "policy/verify/verifier.h"

namespace bulkhead::control::apply {

// Law 4, driven. Before a swap: all that the change can touch by the oracle's reading, and all that
// the bytes answer otherwise than before, within a budget. Behind it: everything that was never
// compared, in small steps and from version to version; when nothing of that is left, what is in
// force is what to go back to. Thread: the control thread.
class SecondReader {
 public:
  // Says no when the time it was made for is over.
  using HasTime = std::function<bool()>;
  using Timer = std::function<HasTime(std::chrono::milliseconds)>;

  explicit SecondReader(Timer timer) : timer_(std::move(timer)) {}

  // `before`: what `next` would take the place of. When that is nothing, everything that is not
  // known to be right is compared and the budget is longer: waiting is all it costs. An error is a
  // mismatch, both answers in words: `next` must not be published.
  [[nodiscard]] Status check(const InForce& next, const InForce& before);

  // `now` is in force, checked or gone back to: what is left of it is compared in steps from here
  // on.
  void follow(const InForce& now);
  // One step. An error is a mismatch in what is in force.
  [[nodiscard]] Status step();
  [[nodiscard]] bool has_more() const { return following_.table && !is_verified(); }

  // How much of what is in force was compared, 0..1.
  [[nodiscard]] double ratio() const;
  // The last of which every pair was compared, or is the same text and bytes as when it was; null
  // when there is none.
  [[nodiscard]] const InForce& verified() const { return verified_; }
  [[nodiscard]] bool is_verified() const;

 private:
  [[nodiscard]] Status take(const InForce& in_force);
  void go_to_following();
  void note_verified();

  Timer timer_;
  verify::Verifier verifier_;
  InForce following_;
  InForce verified_;
  // The verifier is at `following_`, and could take it; else at what check() was asked about.
  bool is_at_following_ = false;
  Status taken_;
  double last_ratio_ = 0;  // when it was at `following_`
};

}  // namespace bulkhead::control::apply
