// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "control/apply/held_addresses.h"
#include "control/apply/in_force.h"

namespace bulkhead::control::apply {

// What of the data plane's map follows from a table and what it was made from: the pods' addresses
// that both know, and the node's own. Made from version to version by what differs. Thread: the
// control thread.
class WishedAddresses {
 public:
  // `now` has both its parts.
  void follow(const InForce& now);
  [[nodiscard]] const AddressEntries& entries() const { return entries_; }
  // Those that a newly wished state leaves where they are.
  [[nodiscard]] AddressEntries that_stay(const state::Desired& desired) const;

 private:
  void settle(const IpAddress& address);

  InForce version_{std::make_shared<const state::Desired>(),
                   std::make_shared<const compile::CompiledTable>()};
  AddressEntries entries_;
};

}  // namespace bulkhead::control::apply
