// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policy/model/cluster.h"

namespace bulkhead::question {

// Live pods of one namespace that one policy should hold: equal labels, those set aside that each
// rollout, replica or release changes (pod-template-hash and its like).
struct Workload {
  std::string namespace_name;
  std::string name;  // a DNS label made from the labels; distinct within the namespace
  // Selects these pods and no other pod of the namespace.
  model::LabelSelector selector;
  std::vector<const model::Pod*> pods;

  [[nodiscard]] std::string text() const { return namespace_name + "/" + name; }
};

// The workloads of a cluster, by namespace and name. Borrows from the cluster.
class Workloads {
 public:
  explicit Workloads(const model::Cluster& cluster);

  [[nodiscard]] const std::vector<Workload>& all() const { return workloads_; }
  // The position of the pod's workload: by the pod's own name, else by the template whose
  // controller names its pods so ("web-6d4cf56db6-x2x9k" is of Deployment "web"). Nothing when two
  // templates could have.
  [[nodiscard]] std::optional<std::size_t> find(const model::PodKey& pod) const;

 private:
  const model::Cluster& cluster_;
  std::vector<Workload> workloads_;
  std::map<model::PodKey, std::size_t> of_pod_;
};

}  // namespace bulkhead::question
