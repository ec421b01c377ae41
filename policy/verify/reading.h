// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "policy/model/cluster.h"
#include "policy/oracle/oracle.h"

namespace bulkhead::verify {

// The text as one subject sees it, read with the oracle's own eyes: the policies that select the
// subject, and what those can tell about a peer. All other policies leave its answers alone.
class Reading {
 public:
  explicit Reading(const model::Cluster& cluster);

  // Reads for this subject from now on.
  void turn_to(const model::Pod& subject);

  // The cluster with the subject's policies only (and without pods): the oracle answers about the
  // subject from it as from the whole.
  [[nodiscard]] const model::Cluster& narrowed() const { return narrowed_; }

  // Two peers of equal signature get equal answers from the oracle, whatever protocol and port:
  // which rules have the peer, what their named ports are on it, and what the implicit rules ask.
  void write_signature(std::string& text, Direction direction, const oracle::Party& peer) const;

 private:
  using NamedPolicy = std::pair<const std::string*, const model::PolicyPtr*>;

  model::Cluster narrowed_;
  const model::Pod* subject_ = nullptr;
  std::unordered_map<std::string_view, std::vector<NamedPolicy>> of_namespace_;  // "": cluster-wide
};

}  // namespace bulkhead::verify
