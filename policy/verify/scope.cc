// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/scope.h"

#include <algorithm>

#include "policy/oracle/match.h"
#include "policy/verify/cuts.h"

namespace bulkhead::verify {
namespace {

class ScopeFinder {
 public:
  ScopeFinder(const Situation& before, const Situation& after) : before_(before), after_(after) {
    scope_.is_everything = false;
  }

  Scope find() {
    for_each_difference(
        before_.cluster.namespaces, after_.cluster.namespaces,
        [&](const std::string& name, const auto&, const auto&) { add_space(name); });
    for_each_difference(before_.cluster.pods, after_.cluster.pods,
                        [&](const model::PodKey& key, const auto& old, const auto& now) {
                          add_pod(key, old);
                          add_pod(key, now);
                        });
    for_each_difference(before_.cluster.policies, after_.cluster.policies,
                        [&](const std::string&, const auto& old, const auto& now) {
                          add_policy(old);
                          add_policy(now);
                          moves_bounds_ = moves_bounds_ || prefixes_of(old) != prefixes_of(now);
                        });
    add_selected();
    add_newly_local();
    choose_directions();
    if (moves_bounds_) add_stretches();
    return std::move(scope_);
  }

 private:
  void add_space(const std::string& name) {
    const auto& pods = after_.cluster.pods;
    for (auto pod = pods.lower_bound({name, ""});
         pod != pods.end() && pod->first.namespace_name == name; ++pod) {
      add_pod(pod->first, pod->second);
    }
  }

  void add_pod(const model::PodKey& key, const model::PodPtr& pod) {
    scope_.subjects.insert(key);
    scope_.peers.insert(key);
    if (pod == nullptr) return;
    scope_.addresses.insert(pod->ips.begin(), pod->ips.end());
    moves_bounds_ = moves_bounds_ || pod->quarantine.has_value();
  }

  void add_policy(const model::PolicyPtr& policy) {
    if (policy == nullptr) return;
    policies_.push_back(policy.get());
  }

  void add_selected() {
    if (policies_.empty()) return;
    for_each_local(after_, [&](const model::Pod& pod) {
      const bool is_selected = std::ranges::any_of(policies_, [&](const model::Policy* policy) {
        return oracle::selects(after_.cluster, *policy, pod);
      });
      if (is_selected) scope_.subjects.insert(pod.key);
    });
  }

  void add_newly_local() {
    if (!before_.local) return;  // all were
    for_each_local(after_, [&](const model::Pod& pod) {
      if (before_.local->contains(pod.key)) return;
      scope_.subjects.insert(pod.key);
      has_newly_local_ = true;
    });
  }

  // One for all subjects: by far most changes are one policy.
  void choose_directions() {
    const bool is_more_than_policies = !scope_.peers.empty() || has_newly_local_;
    if (is_more_than_policies || policies_.empty()) return;
    for (const Direction direction : kDirections) {
      scope_.directions[static_cast<std::size_t>(direction)] =
          std::ranges::any_of(policies_, [&](const model::Policy* policy) {
            return oracle::applies_to(*policy, direction) || !policy->rules_of(direction).empty();
          });
    }
  }

  template <class Visit>
  static void for_each_local(const Situation& situation, const Visit& visit) {
    const auto& [cluster, local] = situation;
    if (!local) {
      for (const auto& [key, pod] : cluster.pods) visit(*pod);
      return;
    }
    for (const auto& key : *local) {
      const auto found = cluster.pods.find(key);
      if (found != cluster.pods.end()) visit(*found->second);
    }
  }

  // The stretches that are not, with both ends, stretches of the old text too.
  void add_stretches() {
    const AddressCuts old_cuts(before_.cluster);
    const AddressCuts new_cuts(after_.cluster);
    const auto& old = old_cuts.starts();
    const auto& now = new_cuts.starts();
    for (std::size_t i = 0; i < now.size(); ++i) {
      const auto place = std::ranges::lower_bound(old, now[i]);
      const auto is_old = place != old.end() && *place == now[i];
      if (is_old) {
        const bool ends_here = i + 1 == now.size();
        const bool ended_here = std::next(place) == old.end();
        if (ends_here == ended_here && (ends_here || now[i + 1] == *std::next(place))) continue;
      }
      scope_.stretches.insert(now[i]);
    }
  }

  const Situation& before_;
  const Situation& after_;
  Scope scope_;
  std::vector<const model::Policy*> policies_;  // every changed text, old and new
  bool moves_bounds_ = false;
  bool has_newly_local_ = false;
};

}  // namespace

Scope scope_between(const Situation& before, const Situation& after) {
  if (before.cluster.settings != after.cluster.settings) return {};
  return ScopeFinder(before, after).find();
}

}  // namespace bulkhead::verify
