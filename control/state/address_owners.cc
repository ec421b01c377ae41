// SPDX-License-Identifier: Apache-2.0
#include "control/state/address_owners.h"

#include <tuple>
#include <utility>

namespace bulkhead::control::state {

bool AddressOwners::Precedes::operator()(const Place& one, const Place& other) const {
  const bool is_attached = one.port.value != 0;
  if (is_attached != (other.port.value != 0)) return is_attached;
  // Two pods have one port for as long as it takes to see both ends of its move.
  return std::tie(one.port, one.pod) < std::tie(other.port, other.pod);
}

void AddressOwners::note_moved(const IpAddress& address) {
  if (const auto owner = owners_.find(address); owner != owners_.end()) {
    moved_.insert(owner->second.pod);
  }
  if (const auto rivals = rivals_.find(address); rivals != rivals_.end()) {
    for (const auto& place : rivals->second) moved_.insert(place.pod);
  }
}

void AddressOwners::claim(const IpAddress& address, const Place& place) {
  const auto owner = owners_.find(address);
  if (owner == owners_.end()) {
    owners_.emplace(address, place);
  } else if (Precedes()(place, owner->second)) {
    rivals_[address].insert(owner->second);
    owners_.insert_or_assign(address, place);
  } else {
    rivals_[address].insert(place);
  }
  note_moved(address);
}

void AddressOwners::give_up(const IpAddress& address, const Place& place) {
  note_moved(address);
  const auto rivals = rivals_.find(address);
  const bool has_rivals = rivals != rivals_.end();
  if (const auto owner = owners_.find(address); owner == owners_.end() || owner->second != place) {
    if (has_rivals) rivals->second.erase(place);
  } else if (has_rivals) {
    owners_.insert_or_assign(address, *rivals->second.begin());
    rivals->second.erase(rivals->second.begin());
  } else {
    owners_.erase(address);
  }
  if (has_rivals && rivals->second.empty()) rivals_.erase(rivals);
}

std::set<model::PodKey> AddressOwners::take_moved() { return std::exchange(moved_, {}); }

}  // namespace bulkhead::control::state
