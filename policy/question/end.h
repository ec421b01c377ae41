// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/base/ip.h"
#include "policy/base/result.h"
#include "policy/model/cluster.h"

namespace bulkhead::question {

// One end of a connection that is asked about: a pod, or an address that no live pod owns. Borrows
// from the cluster it was found in.
struct End {
  std::string name;  // "ns/pod", an address or a CIDR block
  std::string kind;  // "Pod", a workload's kind, or "External"
  const model::Pod* pod = nullptr;
  std::optional<IpAddress> address;  // absent for workload templates
};

// The pod, speaking with its first address (of `family`, when given). Absent when the pod has
// addresses but none of that family.
[[nodiscard]] std::optional<End> end_of(const model::Pod& pod, std::optional<Family> family);

// An end as users write it: "ns/pod" or an address; the address of a live pod means that pod.
[[nodiscard]] Result<End> find_end(const model::Cluster& cluster, std::string_view text,
                                   std::optional<Family> family);

// A block of addresses outside the cluster, represented by its first usable address.
[[nodiscard]] End external_end(const model::Cluster& cluster, const Prefix& block);

}  // namespace bulkhead::question
