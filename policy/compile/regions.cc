// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/regions.h"

#include <algorithm>
#include <cstring>

namespace bulkhead::compile {
namespace {

constexpr std::size_t index_of(Family family) { return family == Family::V4 ? 0 : 1; }

}  // namespace

std::size_t Regions::Hash::operator()(const Prefix& prefix) const {
  std::array<std::uint64_t, 2> words{};
  std::memcpy(words.data(), prefix.address().bytes.data(), sizeof words);
  // Multipliers of splitmix64.
  std::uint64_t hash = (words[0] ^ prefix.length()) * 0x9e3779b97f4a7c15u;
  hash = (hash ^ (hash >> 29) ^ words[1]) * 0xbf58476d1ce4e5b9u;
  return hash ^ (hash >> 32);
}

void Regions::add(const Prefix& prefix) {
  auto number = static_cast<std::uint32_t>(prefixes_.size());
  const bool is_reused = !free_.empty();
  if (is_reused) number = free_.back();
  if (!numbers_.try_emplace(prefix, number).second) return;
  if (is_reused) {
    free_.pop_back();
    prefixes_[number] = prefix;
  } else {
    prefixes_.push_back(prefix);
  }
  ordered_.emplace(prefix, number);
  ++lengths_[index_of(prefix.family())][prefix.length()];
}

void Regions::remove(const Prefix& prefix) {
  const auto found = numbers_.find(prefix);
  if (found == numbers_.end()) return;
  removed_.push_back(found->second);
  numbers_.erase(found);
  ordered_.erase(prefix);
  auto& lengths = lengths_[index_of(prefix.family())];
  const auto length = lengths.find(prefix.length());
  if (--length->second == 0) lengths.erase(length);
}

void Regions::recycle() {
  free_.insert(free_.end(), removed_.begin(), removed_.end());
  removed_.clear();
}

std::uint32_t Regions::find(const Prefix& prefix) const {
  const auto found = numbers_.find(prefix);
  return found != numbers_.end() ? found->second : kNoRegion;
}

std::uint32_t Regions::region_of(const IpAddress& address) const {
  for (const auto& [length, count] : lengths_[index_of(address.family)]) {
    const std::uint32_t region = find(Prefix::make(address, length).value());
    if (region != kNoRegion) return region;
  }
  return kNoRegion;
}

std::vector<std::uint32_t> Regions::covered_by(const model::CidrPeer& peer) const {
  std::vector<Prefix> holes = peer.except;
  std::ranges::sort(holes);
  auto hole = holes.begin();
  std::vector<std::uint32_t> covered;
  for (auto at = ordered_.lower_bound(peer.prefix);
       at != ordered_.end() && peer.prefix.contains(at->first); ++at) {
    while (hole != holes.end() && *hole < at->first && !hole->contains(at->first)) ++hole;
    if (hole == holes.end() || !hole->contains(at->first)) covered.push_back(at->second);
  }
  return covered;
}

bool covers(const model::CidrPeer& peer, const Prefix& region) {
  return peer.prefix.contains(region) &&
         std::ranges::none_of(peer.except,
                              [&](const Prefix& except) { return except.contains(region); });
}

}  // namespace bulkhead::compile
