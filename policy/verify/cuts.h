// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "policy/base/ip.h"
#include "policy/model/cluster.h"

namespace bulkhead::verify {

// Where the address space is cut by the policy text: between two neighbouring bounds no policy
// tells addresses apart. Families apart. Follows the text from version to version.
class AddressCuts {
 public:
  AddressCuts();  // each family in one stretch

  // Both bounds of a prefix that the text names once more, or once less.
  void add(const Prefix& prefix) { count(prefix, 1); }
  void remove(const Prefix& prefix) { count(prefix, -1); }

  // How often each first address of a stretch is a bound.
  [[nodiscard]] const std::map<IpAddress, std::int64_t>& starts() const { return starts_; }
  // The first address of the stretch that holds this one.
  [[nodiscard]] const IpAddress& start_of(const IpAddress& address) const;
  // Those that came or went since this was asked last, ascending.
  [[nodiscard]] std::vector<IpAddress> take_moved();

 private:
  void count(const Prefix& prefix, std::int64_t by);
  void count(const IpAddress& start, std::int64_t by);

  std::map<IpAddress, std::int64_t> starts_;
  std::map<IpAddress, bool> was_there_;  // of those counted since take_moved()
};

// The address behind the last one of the prefix; nothing at the end of the family's space.
[[nodiscard]] std::optional<IpAddress> next_after(const Prefix& prefix);

// Every prefix that a policy's peers name, exceptions included.
[[nodiscard]] std::vector<Prefix> prefixes_of(const model::Policy& policy);
// None of a policy that is not there.
[[nodiscard]] std::vector<Prefix> prefixes_of(const model::PolicyPtr& policy);

// A peer of the policy is nodes: the addresses of nodes are then bounds too.
[[nodiscard]] bool names_nodes(const model::PolicyPtr& policy);

}  // namespace bulkhead::verify
