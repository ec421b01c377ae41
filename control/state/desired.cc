// SPDX-License-Identifier: Apache-2.0
#include "control/state/desired.h"

#include <algorithm>

#include "policy/parse/view.h"

namespace bulkhead::control::state {
namespace {

using InventoryPods = std::map<model::PodKey, model::PodPtr>;

// One policy that isolates every pod of a namespace both ways and allows nothing: all that a
// policy which nobody could read might have asked for without opening anything.
model::PolicyPtr closing_policy(const std::string& namespace_name) {
  auto policy = std::make_shared<model::Policy>();
  policy->kind = model::PolicyKind::NetworkPolicy;
  policy->namespace_name = namespace_name;
  policy->name = "(closed: a policy file of this namespace is broken)";
  policy->policy_types = {Direction::Egress, Direction::Ingress};
  policy->origin.file = "bulkhead-agent";
  return policy;
}

class Merge {
 public:
  explicit Merge(const Inputs& inputs) : inputs_(inputs) {
    for (const auto& pod : inputs.accepted.objects.pods) inventory_[pod->key] = pod;
  }

  Result<Desired> run() {
    for (const auto& attached : inputs_.attached) attach(attached);
    for (const auto& [key, pod] : inventory_) {
      if (!pods_.contains(key)) place_elsewhere(*pod);
    }
    parse::Objects objects;
    objects.namespaces = inputs_.accepted.objects.namespaces;
    objects.policies = inputs_.accepted.objects.policies;
    for (const auto& name : inputs_.accepted.closed_namespaces) {
      objects.policies.push_back(closing_policy(name));
    }
    for (auto& [key, pod] : pods_) {
      quarantine(pod);
      objects.pods.push_back(std::make_shared<const model::Pod>(std::move(pod)));
    }
    auto cluster = parse::build_cluster(objects, inputs_.settings);
    if (!cluster) return tl::unexpected(cluster.error());
    result_.cluster = std::move(*cluster);
    for (const auto& address : inputs_.node_addresses) {
      if (!result_.addresses.contains(address)) result_.node_addresses.insert(address);
    }
    return std::move(result_);
  }

 private:
  void warn(std::string text) { result_.warnings.push_back(std::move(text)); }

  void attach(const AttachedPod& attached) {
    model::Pod pod = pod_of(attached);
    const bool is_live = pod.is_live();
    std::vector<IpAddress> ips;
    for (const auto& ip : attached.ips) {
      if (!is_live) break;
      const auto [place, is_new] = result_.addresses.try_emplace(ip, Place{pod.key, attached.port});
      if (is_new) {
        ips.push_back(ip);
      } else {
        warn(fmt::format("{}: {} is owned by {}", pod.key.text(), ip.text(),
                         place->second.pod.text()));
      }
    }
    if (is_live) result_.local.insert(pod.key);
    // A pod with two interfaces (two attachments of one name) is one pod with all its addresses.
    const auto [known, is_first] = pods_.try_emplace(pod.key, std::move(pod));
    if (is_first) known->second.ips.clear();
    known->second.ips.insert(known->second.ips.end(), ips.begin(), ips.end());
  }

  model::Pod pod_of(const AttachedPod& attached) {
    model::Pod pod;
    pod.key = attached.pod;
    pod.uid = attached.uid;
    pod.labels = attached.labels;
    const auto known = inventory_.find(attached.pod);
    if (known == inventory_.end()) return pod;
    const model::Pod& written = *known->second;
    const bool is_another =
        !written.uid.empty() && !attached.uid.empty() && written.uid != attached.uid;
    if (is_another) {
      warn(fmt::format("{}: attached with UID {}, the inventory says {}; its labels are not used",
                       pod.key.text(), attached.uid, written.uid));
      return pod;
    }
    pod = written;
    if (pod.host_network) {
      warn(fmt::format("{}: is attached although the inventory says hostNetwork", pod.key.text()));
      pod.host_network = false;
    }
    const bool differs = std::any_of(written.ips.begin(), written.ips.end(), [&](const auto& ip) {
      return std::find(attached.ips.begin(), attached.ips.end(), ip) == attached.ips.end();
    });
    if (differs) {
      warn(fmt::format("{}: the inventory's podIPs differ from what IPAM gave; IPAM's are used",
                       pod.key.text()));
    }
    return pod;
  }

  void place_elsewhere(const model::Pod& written) {
    model::Pod pod = written;
    if (pod.is_live()) {
      std::erase_if(pod.ips, [&](const IpAddress& ip) {
        const auto [place, is_new] = result_.addresses.try_emplace(ip, Place{pod.key, PortId{}});
        if (!is_new) {
          warn(fmt::format("{}: {} belongs to {}, which is attached here", pod.key.text(),
                           ip.text(), place->second.pod.text()));
        }
        return !is_new;
      });
    }
    pods_.emplace(pod.key, std::move(pod));
  }

  void quarantine(model::Pod& pod) const {
    const auto record = inputs_.quarantines.find(pod.key);
    if (record == inputs_.quarantines.end() || !record->second.applies_to(pod.uid)) return;
    pod.quarantine = record->second.quarantine;
  }

  const Inputs& inputs_;
  InventoryPods inventory_;
  std::map<model::PodKey, model::Pod> pods_;
  Desired result_;
};

}  // namespace

Result<Desired> desired(const Inputs& inputs) { return Merge(inputs).run(); }

}  // namespace bulkhead::control::state
