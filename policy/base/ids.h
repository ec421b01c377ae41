// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace bulkhead {

// A number that cannot be mistaken for another kind of number.
template <class Tag, class T>
struct Id {
  T value = 0;

  constexpr Id() = default;
  constexpr explicit Id(T v) : value(v) {}
  friend constexpr bool operator==(Id, Id) = default;
  friend constexpr auto operator<=>(Id, Id) = default;
};

// "Everything a policy can tell apart" about an address. Numbers come from the allocator that is an
// input of the compile; 0..15 are reserved.
using IdentityId = Id<struct IdentityTag, std::uint32_t>;
inline constexpr IdentityId kUnknownIdentity{0};  // fail closed: never allowed
inline constexpr IdentityId kWorldIdentity{1};    // outside the cluster, in no policy's CIDR
inline constexpr IdentityId kOwnNodeIdentity{2};  // what this node itself originates
inline constexpr IdentityId kFirstDynamicIdentity{16};

// A pod interface on this node, as agent and data plane call it. 0 is none.
using EndpointId = Id<struct EndpointTag, std::uint32_t>;
// A port (TAP, ethdev, ring) of the data plane. 0 is none.
using PortId = Id<struct PortTag, std::uint32_t>;
// Where a rule is counted: per (rule id, direction, verdict, mode), for the rule's life, across
// table swaps. 0 counts decisions that have no rule (unknown identity).
using CounterSlot = Id<struct CounterSlotTag, std::uint32_t>;
// The number of a published policy table; 0 is "no table yet".
using Revision = Id<struct RevisionTag, std::uint64_t>;
// Rises with every table and with every change or removal of an address's identity.
using Epoch = Id<struct EpochTag, std::uint32_t>;

}  // namespace bulkhead

template <class Tag, class T>
struct std::hash<bulkhead::Id<Tag, T>> {
  std::size_t operator()(bulkhead::Id<Tag, T> id) const { return std::hash<T>{}(id.value); }
};
