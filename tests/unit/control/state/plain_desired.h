// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "control/state/desired.h"
#include "policy/parse/view.h"

namespace bulkhead::control::state {

// What desired() says, written down a second time: everything from nothing, one pass after the
// other, no indexes. What the follower is compared with.
class PlainDesired {
 public:
  explicit PlainDesired(const Inputs& inputs) : inputs_(inputs) {}

  [[nodiscard]] Desired run() {
    for (const auto& [port, attached] : inputs_.attached) attach(*attached);
    for (const auto& [key, pod] : inputs_.accepted.pods) {
      if (!pods_.contains(key)) place_elsewhere(*pod);
    }
    parse::Objects objects;
    for (const auto& [name, space] : inputs_.accepted.namespaces) {
      objects.namespaces.push_back(space);
    }
    for (const auto& [name, node] : inputs_.accepted.nodes) objects.nodes.push_back(node);
    for (const auto& [id, policy] : inputs_.accepted.policies) objects.policies.push_back(policy);
    for (auto& [key, pod] : pods_) {
      const auto record = inputs_.quarantines.find(key);
      if (record != inputs_.quarantines.end() && record->second.applies_to(pod.uid)) {
        pod.quarantine = record->second.quarantine;
      }
      objects.pods.push_back(std::make_shared<const model::Pod>(pod));
    }
    for (const auto& name : inputs_.accepted.closed_namespaces) {
      auto policy = std::make_shared<model::Policy>();
      policy->namespace_name = name;
      policy->name = "(closed: a policy file of this namespace is broken)";
      policy->policy_types = {Direction::Egress, Direction::Ingress};
      policy->origin.file = "bulkhead-agent";
      objects.policies.push_back(policy);
    }
    result_.cluster = parse::build_cluster(objects, inputs_.settings).value();
    result_.local = std::make_shared<const compile::LocalPods>(local_);
    for (const auto& address : inputs_.node_addresses) {
      if (!result_.addresses.contains(address)) result_.node_addresses.insert(address);
    }
    return result_;
  }

 private:
  void warn(const model::PodKey& pod, const std::string& text) {
    result_.warnings.push_back(pod.text() + ": " + text);
  }

  static bool is_again(const std::vector<IpAddress>& ips, std::size_t index) {
    const auto here = ips.begin() + static_cast<std::ptrdiff_t>(index);
    return std::find(ips.begin(), here, *here) != here;
  }

  void attach(const AttachedPod& attached) {
    model::Pod pod;
    pod.key = attached.pod;
    pod.uid = attached.uid;
    pod.labels = attached.labels;
    const auto known = inputs_.accepted.pods.find(attached.pod);
    if (known != inputs_.accepted.pods.end()) {
      const model::Pod& written = *known->second;
      if (!written.uid.empty() && !attached.uid.empty() && written.uid != attached.uid) {
        warn(pod.key, "attached with UID " + attached.uid + ", the inventory says " + written.uid +
                          "; its labels are not used");
      } else {
        pod = written;
        if (pod.host_network) {
          warn(pod.key, "is attached although the inventory says hostNetwork");
        }
        pod.host_network = false;
        bool differs = false;
        for (const auto& ip : written.ips) {
          differs = differs || std::count(attached.ips.begin(), attached.ips.end(), ip) == 0;
        }
        if (differs) {
          warn(pod.key, "the inventory's podIPs differ from what IPAM gave; IPAM's are used");
        }
      }
    }
    std::vector<IpAddress> ips;
    for (std::size_t i = 0; pod.is_live() && i < attached.ips.size(); ++i) {
      if (is_again(attached.ips, i)) continue;
      const IpAddress& ip = attached.ips[i];
      const auto owner = result_.addresses.find(ip);
      if (owner == result_.addresses.end()) {
        result_.addresses.emplace(ip, Place{pod.key, attached.port});
        ips.push_back(ip);
      } else {
        warn(pod.key, ip.text() + " is owned by " + owner->second.pod.text());
      }
    }
    if (pod.is_live()) local_.insert(pod.key);
    const auto [place, is_first] = pods_.try_emplace(pod.key, pod);
    if (is_first) place->second.ips.clear();
    place->second.ips.insert(place->second.ips.end(), ips.begin(), ips.end());
  }

  void place_elsewhere(const model::Pod& written) {
    model::Pod pod = written;
    if (pod.is_live()) pod.ips.clear();
    for (std::size_t i = 0; pod.is_live() && i < written.ips.size(); ++i) {
      if (is_again(written.ips, i)) continue;
      const IpAddress& ip = written.ips[i];
      const auto owner = result_.addresses.find(ip);
      if (owner == result_.addresses.end()) {
        result_.addresses.emplace(ip, Place{pod.key, PortId{}});
        pod.ips.push_back(ip);
      } else {
        const bool is_here = owner->second.port.value != 0;
        warn(pod.key, ip.text() + " belongs to " + owner->second.pod.text() +
                          (is_here ? ", which is attached here" : ""));
      }
    }
    pods_.emplace(pod.key, pod);
  }

  const Inputs& inputs_;
  std::map<model::PodKey, model::Pod> pods_;
  std::set<model::PodKey> local_;
  Desired result_;
};

}  // namespace bulkhead::control::state
