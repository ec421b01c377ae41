// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/identities.h"

#include <algorithm>

namespace bulkhead::compile {
namespace {

std::uint64_t pair_of(std::uint32_t group, std::uint32_t region) {
  // No region sorts first, so that a group's plain identity leads.
  return std::uint64_t{group} << 32 | (region + 1u);
}

bool is_inside_any(const std::vector<Prefix>& around, const Prefix& prefix) {
  return std::ranges::any_of(around, [&](const Prefix& p) { return p.contains(prefix); });
}

// The distinct (group, region) pairs of all live addresses, and of pods without one.
std::vector<std::uint64_t> pairs_of(const Inventory& inventory,
                                    const std::vector<std::uint32_t>& region_of_address) {
  std::vector<std::uint64_t> pairs;
  std::size_t next_address = 0;
  for (std::size_t i = 0; i < inventory.pods.size(); ++i) {
    const std::uint32_t group = inventory.group_of_pod[i];
    if (inventory.pods[i]->ips.empty()) pairs.push_back(pair_of(group, kNoRegion));
    for (std::size_t ip = 0; ip < inventory.pods[i]->ips.size(); ++ip) {
      pairs.push_back(pair_of(group, region_of_address[next_address++]));
    }
  }
  std::ranges::sort(pairs);
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  return pairs;
}

void number_groups(const Inventory& inventory, const Regions& regions,
                   const std::vector<std::uint64_t>& pairs, Numbers& numbers,
                   Identities& identities) {
  identities.all.reserve(pairs.size());
  std::uint32_t group = 0;
  std::string key;
  for (const std::uint64_t pair : pairs) {
    Identity identity{.group = static_cast<std::uint32_t>(pair >> 32),
                      .region = static_cast<std::uint32_t>(pair) - 1u,
                      .id = {}};
    key = "pod|";
    key += inventory.groups[identity.group].key;
    if (identity.region != kNoRegion) key += "|in " + regions.prefix(identity.region).text();
    identity.id = numbers.identity(key);
    identities.keys.push_back(key);
    for (; group <= identity.group; ++group) {
      identities.first_of_group.push_back(static_cast<std::uint32_t>(identities.all.size()));
    }
    identities.all.push_back(identity);
  }
  identities.first_of_group.push_back(static_cast<std::uint32_t>(identities.all.size()));
}

// Outside regions, and what addresses no pod owns are. A region inside a pod CIDR has no outside
// address; a pod CIDR inside a region hides that part of it.
void number_outside(const model::Settings& settings, const Regions& regions, Numbers& numbers,
                    Identities& identities) {
  identities.all.push_back({.group = kNoGroup, .region = kNoRegion, .id = kWorldIdentity});
  std::vector<Prefix> pod_cidrs = settings.pod_cidrs;
  std::ranges::sort(pod_cidrs);
  pod_cidrs.erase(std::unique(pod_cidrs.begin(), pod_cidrs.end()), pod_cidrs.end());
  for (std::uint32_t region = 0; region < regions.size(); ++region) {
    const Prefix& prefix = regions.prefix(region);
    if (is_inside_any(pod_cidrs, prefix)) continue;
    const std::string key = "outside|in " + prefix.text();
    const IdentityId id = numbers.identity(key);
    identities.keys.push_back(key);
    identities.all.push_back({.group = kNoGroup, .region = region, .id = id});
    identities.outside.push_back({prefix, id});
  }
  for (const Prefix& prefix : pod_cidrs) identities.outside.push_back({prefix, kUnknownIdentity});
}

// Two pods that claim one address and differ for policies: nobody can say whose packets these are,
// so the address is unknown (law 1).
void settle_conflicts(std::vector<AddressIdentity>& addresses) {
  const auto by_address = [](const AddressIdentity& a, const AddressIdentity& b) {
    return std::tie(a.address, a.pod) < std::tie(b.address, b.pod);
  };
  std::ranges::sort(addresses, by_address);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (kept > 0 && addresses[kept - 1].address == addresses[i].address) {
      if (addresses[kept - 1].identity != addresses[i].identity) {
        addresses[kept - 1].identity = kUnknownIdentity;
      }
      continue;
    }
    if (kept != i) addresses[kept] = std::move(addresses[i]);
    ++kept;
  }
  addresses.resize(kept);
}

void list_addresses(const Inventory& inventory, const std::vector<std::uint32_t>& region_of_address,
                    Identities& identities) {
  const auto id_of = [&](std::uint32_t group, std::uint32_t region) {
    std::uint32_t i = identities.first_of_group[group];
    while (identities.all[i].region != region) ++i;
    return identities.all[i].id;
  };
  std::size_t next_address = 0;
  identities.addresses.reserve(region_of_address.size());
  for (std::size_t i = 0; i < inventory.pods.size(); ++i) {
    const model::Pod& pod = *inventory.pods[i];
    const std::uint32_t group = inventory.group_of_pod[i];
    if (pod.ips.empty()) identities.pods_without_address[pod.key] = id_of(group, kNoRegion);
    for (const IpAddress& address : pod.ips) {
      identities.addresses.push_back(
          {address, id_of(group, region_of_address[next_address++]), pod.key});
    }
  }
  settle_conflicts(identities.addresses);
}

}  // namespace

Identities number_identities(const model::Cluster& cluster, const Inventory& inventory,
                             const Regions& regions, Numbers& numbers) {
  std::vector<std::uint32_t> region_of_address;
  for (const model::Pod* pod : inventory.pods) {
    for (const IpAddress& address : pod->ips) {
      region_of_address.push_back(regions.region_of(address));
    }
  }
  Identities identities;
  number_groups(inventory, regions, pairs_of(inventory, region_of_address), numbers, identities);
  number_outside(cluster.settings, regions, numbers, identities);
  list_addresses(inventory, region_of_address, identities);
  identities.of_region.resize(regions.size());
  for (std::uint32_t i = 0; i < identities.all.size(); ++i) {
    const std::uint32_t region = identities.all[i].region;
    if (region != kNoRegion) identities.of_region[region].push_back(i);
  }
  return identities;
}

}  // namespace bulkhead::compile
