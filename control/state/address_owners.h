// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>

#include "control/state/desired.h"

namespace bulkhead::control::state {

// Who claims which address, and who has it: an attached pod before all others, the first by port;
// of pods elsewhere the first by name. Each change costs what it names. Thread: one.
class AddressOwners {
 public:
  // A place claims an address at most once.
  void claim(const IpAddress& address, const Place& place);
  void give_up(const IpAddress& address, const Place& place);

  [[nodiscard]] const model::SharedMap<IpAddress, Place>& owners() const { return owners_; }
  // Pods whose addresses, or the owner of an address they claim, changed since the last call.
  [[nodiscard]] std::set<model::PodKey> take_moved();

 private:
  struct Precedes {
    bool operator()(const Place& one, const Place& other) const;
  };
  using Rivals = std::map<IpAddress, std::set<Place, Precedes>>;

  void note_moved(const IpAddress& address);

  model::SharedMap<IpAddress, Place> owners_;
  Rivals rivals_;  // who would have an address next; none for nearly all
  std::set<model::PodKey> moved_;
};

}  // namespace bulkhead::control::state
