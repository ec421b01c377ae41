// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/regions.h"

#include <algorithm>

namespace bulkhead::compile {

Regions::Regions(std::vector<Prefix> named) : named_(std::move(named)) {
  std::ranges::sort(named_);
  named_.erase(std::unique(named_.begin(), named_.end()), named_.end());
  parent_.resize(named_.size(), kNoRegion);
  end_.resize(named_.size(), size());
  std::vector<std::uint32_t> open;  // the prefixes around the current one, outermost first
  for (std::uint32_t i = 0; i < size(); ++i) {
    while (!open.empty() && !named_[open.back()].contains(named_[i])) {
      end_[open.back()] = i;
      open.pop_back();
    }
    if (!open.empty()) parent_[i] = open.back();
    open.push_back(i);
  }
}

std::uint32_t Regions::region_of(const IpAddress& address) const {
  const auto after = std::ranges::upper_bound(named_, Prefix::host(address));
  if (after == named_.begin()) return kNoRegion;
  auto region = static_cast<std::uint32_t>(after - named_.begin() - 1);
  while (region != kNoRegion && !named_[region].contains(address)) region = parent_[region];
  return region;
}

Regions::Span Regions::inside(const Prefix& prefix) const {
  const auto found = std::ranges::lower_bound(named_, prefix);
  if (found == named_.end() || *found != prefix) return {};
  const auto first = static_cast<std::uint32_t>(found - named_.begin());
  return {first, end_[first]};
}

std::vector<std::uint32_t> Regions::covered_by(const model::CidrPeer& peer) const {
  std::vector<Span> holes;
  for (const Prefix& except : peer.except) holes.push_back(inside(except));
  std::ranges::sort(holes, {}, &Span::first);
  const Span whole = inside(peer.prefix);
  std::vector<std::uint32_t> covered;
  auto hole = holes.begin();
  for (std::uint32_t region = whole.first; region < whole.end;) {
    while (hole != holes.end() && hole->end <= region) ++hole;
    if (hole != holes.end() && hole->first <= region) {
      region = hole->end;
    } else {
      covered.push_back(region++);
    }
  }
  return covered;
}

}  // namespace bulkhead::compile
