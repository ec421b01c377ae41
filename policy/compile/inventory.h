// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/model/cluster.h"

namespace bulkhead::compile {

inline constexpr std::uint32_t kNoGroup = ~std::uint32_t{0};
inline constexpr std::uint32_t kNoNamespace = ~std::uint32_t{0};

// Live pods that no policy can tell apart but by address: equal namespace, labels, service account
// and named ports. A quarantined pod is a group of its own.
struct Group {
  std::uint32_t namespace_index = 0;
  const model::Pod* pod = nullptr;  // any of them
  std::string key;                  // the same in every compile
};

// The cluster in arrays: namespaces by name, live pods by key, groups in order of first sight, so
// that a namespace's groups are neighbours. Borrows from the cluster.
struct Inventory {
  explicit Inventory(const model::Cluster& cluster);

  struct Span {
    std::uint32_t first = 0;
    std::uint32_t end = 0;
  };

  std::vector<const model::Namespace*> namespaces;
  std::unordered_map<std::string_view, std::uint32_t> namespace_index;
  std::vector<Span> groups_of_namespace;
  std::vector<Group> groups;
  std::vector<const model::Pod*> pods;      // live ones
  std::vector<std::uint32_t> group_of_pod;  // beside pods

 private:
  std::vector<model::NamespacePtr> implied_;  // namespaces that only pods or policies name
};

}  // namespace bulkhead::compile
