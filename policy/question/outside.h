// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "policy/base/ip.h"
#include "policy/model/cluster.h"

namespace bulkhead::question {

// Neighbouring addresses of one family that no policy text tells apart.
struct Stretch {
  IpAddress first;
  IpAddress last;
  [[nodiscard]] std::string text() const;  // "10.0.0.0/8" where it is one block, else "first-last"
};

// The whole of both families, cut at every block that the policies and settings of the clusters
// name, and at `more`. Ascending.
[[nodiscard]] std::vector<Stretch> stretches(std::span<const model::Cluster* const> clusters,
                                             std::span<const Prefix> more = {});

}  // namespace bulkhead::question
