// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/state/address_owners.h"
#include "control/state/desired.h"

namespace bulkhead::control::state {

// desired() of one version of the inputs after the other: looks only at what differs, and shares
// with the version before what stays. An object that is the same in both is one in memory, so that
// whoever compares versions need not look into it. Thread: one.
class Follower {
 public:
  const Desired& follow(Inputs next);

 private:
  // An address that a pod claims at one of its places.
  using Claim = std::pair<IpAddress, PortId>;

  [[nodiscard]] std::set<model::PodKey> pods_that_differ(const Inputs& next) const;
  void follow_attached(const Attached& next);
  void follow_policies(const Accepted& next);

  // What the inputs say.
  [[nodiscard]] std::vector<Claim> claims_of(const model::PodKey& key) const;
  [[nodiscard]] model::PodPtr written(const model::PodKey& key) const;

  // What follows from it.
  void settle_claims(const model::PodKey& key, const std::vector<Claim>& before);
  void settle_pod(const model::PodKey& key);
  [[nodiscard]] model::PodPtr attached_pod(const model::PodKey& key, const std::set<PortId>& ports);
  [[nodiscard]] model::PodPtr elsewhere_pod(const model::PodPtr& pod);
  void quarantine(model::PodPtr& pod) const;
  void put_pod(const model::PodKey& key, model::PodPtr pod);
  void put_policy(const std::string& id, const model::PolicyPtr& policy);
  void name_namespace(const std::string& name, bool is_named);
  void settle_namespaces();
  void settle_local();
  void settle_node_addresses();
  void settle_warnings();
  void warn(PortId port, const model::PodKey& key, std::vector<std::string> texts);

  Inputs inputs_;
  Desired desired_;
  AddressOwners owners_;
  std::map<model::PodKey, std::set<PortId>> ports_of_;  // of attached pods
  std::unordered_map<std::string, std::size_t> named_;  // namespaces, by how many objects
  std::set<std::string> moved_namespaces_;
  std::map<model::PodKey, bool> moved_local_;  // whether it is attached and live now
  // Of attached pods by port, then of the others by name.
  std::map<std::pair<PortId, model::PodKey>, std::vector<std::string>> warnings_;
  bool has_new_warnings_ = false;
};

}  // namespace bulkhead::control::state
