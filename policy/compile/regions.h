// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "policy/base/ip.h"
#include "policy/model/policy.h"

namespace bulkhead::compile {

inline constexpr std::uint32_t kNoRegion = ~std::uint32_t{0};

// The address space cut at every prefix that a policy names, families apart. A region is a prefix
// without the longer named prefixes inside it: no policy can tell two addresses of one region
// apart by address. Addresses in no named prefix have kNoRegion. A region keeps its number for its
// life.
class Regions {
 public:
  Regions() = default;
  explicit Regions(std::span<const Prefix> named) {
    for (const Prefix& prefix : named) add(prefix);
  }

  void add(const Prefix& prefix);  // nothing if it is there
  // Its number stays its own until recycle().
  void remove(const Prefix& prefix);
  void recycle();

  [[nodiscard]] const Prefix& prefix(std::uint32_t region) const { return prefixes_[region]; }
  [[nodiscard]] std::uint32_t region_of(const IpAddress& address) const;
  // kNoRegion where the prefix is not named.
  [[nodiscard]] std::uint32_t find(const Prefix& prefix) const;

  // The regions a peer covers, by prefix. Its prefixes must be among the named ones.
  [[nodiscard]] std::vector<std::uint32_t> covered_by(const model::CidrPeer& peer) const;

 private:
  struct Hash {
    std::size_t operator()(const Prefix& prefix) const;
  };
  // How many prefixes have a length; the lengths, longest first.
  using Lengths = std::map<unsigned, std::uint32_t, std::greater<>>;

  std::vector<Prefix> prefixes_;  // by region
  std::vector<std::uint32_t> removed_;
  std::vector<std::uint32_t> free_;
  std::map<Prefix, std::uint32_t> ordered_;  // by address, then length: parents before children
  std::unordered_map<Prefix, std::uint32_t, Hash> numbers_;
  std::array<Lengths, 2> lengths_;  // by family
};

// A region that a peer's block covers: inside it, and inside none of its exceptions.
[[nodiscard]] bool covers(const model::CidrPeer& peer, const Prefix& region);

}  // namespace bulkhead::compile
