// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

#include "policy/model/cluster.h"

namespace bulkhead::testing {

using Random = std::mt19937_64;

// BULKHEAD_SEED, else a fixed one; printed, so that a failure can be run again.
[[nodiscard]] std::uint64_t seed_from_environment();

// BULKHEAD_CASES: how many cases a nightly run wants; else `usual`.
[[nodiscard]] int cases_from_environment(int usual);

// A small cluster that uses every field of the model: selectors with all operators, both families,
// addresses inside and outside the policies' prefixes, named ports that differ between pods, port
// ranges that touch, tiers, nodes, staged policies and namespaces, quarantine, defaults, DNS,
// finished and host-network pods, pods without address. Few different values, so that things meet.
[[nodiscard]] model::Cluster random_cluster(Random& random);

// An address that pods or prefixes of such clusters may have.
[[nodiscard]] IpAddress random_address(Random& random);

// Two live pods with one address are ambiguous: the table knows them as nobody, on purpose.
[[nodiscard]] bool has_shared_address(const model::Cluster& cluster);
// Some pod has it, live or not.
[[nodiscard]] bool is_pod_address(const model::Cluster& cluster, const IpAddress& address);

}  // namespace bulkhead::testing
