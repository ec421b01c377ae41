// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/compile/compile.h"
#include "policy/model/cluster.h"

namespace bulkhead::bench {

struct Shape {
  std::size_t namespaces = 10000;
  std::size_t pods = 100000;
  std::size_t rules = 100000;
  std::size_t local_pods = 250;
  std::uint64_t seed = 1;
};

// A cluster as Kubernetes clusters are: namespaces with a team and an environment label, a few
// workloads of several equal pods each with an app, a tier and a version, dual-stack addresses,
// a named port; NetworkPolicies that select one workload and let in a few others by pod selector,
// by namespace, or by CIDR block (one with `except` now and then), on one to three ports.
[[nodiscard]] model::Cluster make_cluster(const Shape& shape);

// The local pods: spread over the namespaces.
[[nodiscard]] compile::LocalPods local_pods(const model::Cluster& cluster, const Shape& shape);

}  // namespace bulkhead::bench
