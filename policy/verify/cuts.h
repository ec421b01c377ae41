// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "policy/base/ip.h"
#include "policy/model/cluster.h"

namespace bulkhead::verify {

// Where the address space is cut by the policy text: between two neighbouring bounds no policy
// tells addresses apart. Families apart.
class AddressCuts {
 public:
  explicit AddressCuts(const model::Cluster& cluster);

  // The first address of every stretch, ascending.
  [[nodiscard]] const std::vector<IpAddress>& starts() const { return starts_; }
  // The number of the stretch that holds the address.
  [[nodiscard]] std::size_t stretch_of(const IpAddress& address) const;

 private:
  void add(const Prefix& prefix);
  std::vector<IpAddress> starts_;
};

// The address behind the last one of the prefix; nothing at the end of the family's space.
[[nodiscard]] std::optional<IpAddress> next_after(const Prefix& prefix);

// Every prefix that a policy's peers name, exceptions included.
[[nodiscard]] std::vector<Prefix> prefixes_of(const model::Policy& policy);
// None of a policy that is not there.
[[nodiscard]] std::vector<Prefix> prefixes_of(const model::PolicyPtr& policy);

}  // namespace bulkhead::verify
