// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "policy/base/result.h"
#include "policy/verify/checked.h"
#include "policy/verify/report.h"

namespace bulkhead::verify {

// The second reader of law 4, from version to version of a cluster and its table. A pair that was
// compared stays compared as long as neither the text that its answer depends on, read by the
// oracle, nor the bytes that answer it change; so what is left to compare grows with what changes,
// and comparing can go on behind the swap however often something does. Keeps the last version
// alive. Thread: one at a time.
//
//   if (auto ok = verifier.follow(next, seed); !ok) ...            // before the swap
//   if (auto ok = verifier.step(has_time, kChange); !ok) ...       // what `next` can have touched
//   verifier.put_off();                                            // it is in force
//   while (!verifier.is_complete()) verifier.step(has_time, kEverything);   // behind the swap
class Verifier {
 public:
  enum class Until : std::uint8_t { ChangeIsChecked, EverythingIsChecked };

  Verifier();
  Verifier(Verifier&&) noexcept;
  Verifier& operator=(Verifier&&) noexcept;
  ~Verifier();

  // Takes the next version, whatever became of the last one. Fails when the bytes do not open (the
  // last version stays), or when the addresses are not those of the live pods (nothing is known any
  // more). `seed`: where comparing begins, if it will not reach everything. Cost: what differs, all
  // of it the first time or when the settings are others.
  [[nodiscard]] Status follow(const Checked& next, std::uint64_t seed = 1);

  // Goes on until all is compared or `has_time` (empty: always) says no; it is asked after every
  // comparison and every few thousand pairs that need none. At least one pair is checked. Fails at
  // a mismatch, both answers in words, and from then on again with the same one until the next
  // version.
  [[nodiscard]] Status step(const std::function<bool()>& has_time, Until until);
  // What is left of what changed until now waits its turn with the rest.
  void put_off();

  // Of everything, and of what has changed since put_off().
  [[nodiscard]] Report report() const;
  [[nodiscard]] Report change() const;
  // Nothing is left, and nothing differed.
  [[nodiscard]] bool is_complete() const;
  [[nodiscard]] bool has_checked_change() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace bulkhead::verify
