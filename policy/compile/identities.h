// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "policy/base/ids.h"
#include "policy/compile/compile.h"
#include "policy/compile/inventory.h"
#include "policy/compile/numbers.h"
#include "policy/compile/regions.h"
#include "policy/model/cluster.h"
#include "policy/table/trie_builder.h"

namespace bulkhead::compile {

// One thing policies can tell apart: a group's addresses in one region, or (kNoGroup) the addresses
// outside the cluster in one region.
struct Identity {
  std::uint32_t group = kNoGroup;
  std::uint32_t region = kNoRegion;
  IdentityId id;
};

struct AddressIdentity {
  IpAddress address;
  IdentityId identity;
  model::PodKey pod;
};

// Every identity of the cluster. Sorted by group, then region, outside ones last, so that a group's
// identities are neighbours. The first outside one is the world (no region).
struct Identities {
  std::vector<Identity> all;
  std::vector<std::string> keys;              // every key that was numbered
  std::vector<std::uint32_t> first_of_group;  // by group, and one past the last group's at the end
  std::vector<std::vector<std::uint32_t>> of_region;  // indexes into all
  std::vector<AddressIdentity> addresses;             // sorted by address
  std::map<model::PodKey, IdentityId> pods_without_address;
  std::vector<table::OutsidePrefix> outside;  // by family and longest prefix; pod CIDRs are unknown

  [[nodiscard]] std::uint32_t first_outside() const { return first_of_group.back(); }
};

// Numbers what is new in a fixed order: groups by pod key, then outside regions by prefix.
[[nodiscard]] Identities number_identities(const model::Cluster& cluster,
                                           const Inventory& inventory, const Regions& regions,
                                           Numbers& numbers);

}  // namespace bulkhead::compile
