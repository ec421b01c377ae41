// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/container/small_vector.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

#include "control/state/accepted.h"
#include "control/state/claims.h"

namespace bulkhead::control::state {

// A unit as whoever wants to hold something. Of two that claim the same, the first by name has it,
// and one whose file is vanishing comes after all others.
struct Claimant {
  bool is_vanishing = false;
  std::string_view unit;  // borrowed: outlives its claims
  friend auto operator<=>(const Claimant&, const Claimant&) = default;
};

// Who holds which object and which live pod address, and the objects that come out of it. Each
// change costs what it names. Thread: one.
class Holders {
 public:
  // What a unit says now; a key that it says twice counts once, the first time.
  void claim(const Claimant& claimant, const parse::Objects& objects);
  // The same claimant and objects as claimed.
  void give_up(const Claimant& claimant, const parse::Objects& objects);

  // The unit that has it and is not vanishing; empty when there is none.
  [[nodiscard]] std::string_view holder(const std::string& key) const;

  // Brings `accepted` up to date with all claims since the last call. An object that is written
  // anew and says the same stays the one it was.
  void settle(Accepted& accepted);

 private:
  struct Held {
    Claimant claimant;
    Object object;
  };
  // Sorted; more than one only while a file is renamed, or after a restart in the middle of that.
  using Rivals = boost::container::small_vector<Held, 1>;

  std::unordered_map<std::string, Rivals> claims_;
  std::unordered_map<std::string, Object> touched_;  // and what is or was meant by it
};

}  // namespace bulkhead::control::state
