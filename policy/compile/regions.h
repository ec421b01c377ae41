// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "policy/base/ip.h"
#include "policy/model/policy.h"

namespace bulkhead::compile {

inline constexpr std::uint32_t kNoRegion = ~std::uint32_t{0};

// The address space cut at every prefix that a policy names, families apart. A region is a prefix
// without the longer named prefixes inside it: no policy can tell two addresses of one region
// apart by address. Addresses in no named prefix have kNoRegion.
class Regions {
 public:
  explicit Regions(std::vector<Prefix> named);

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(named_.size()); }
  [[nodiscard]] const Prefix& prefix(std::uint32_t region) const { return named_[region]; }
  [[nodiscard]] std::uint32_t region_of(const IpAddress& address) const;

  // The regions a peer covers, ascending. Its prefixes must be among the named ones.
  [[nodiscard]] std::vector<std::uint32_t> covered_by(const model::CidrPeer& peer) const;

 private:
  // The half-open range of regions inside a named prefix.
  struct Span {
    std::uint32_t first = 0;
    std::uint32_t end = 0;
  };
  [[nodiscard]] Span inside(const Prefix& prefix) const;

  std::vector<Prefix> named_;          // sorted by address, then length: parents before children
  std::vector<std::uint32_t> parent_;  // the next shorter named prefix around it, or kNoRegion
  std::vector<std::uint32_t> end_;     // one past the last region inside
};

}  // namespace bulkhead::compile
