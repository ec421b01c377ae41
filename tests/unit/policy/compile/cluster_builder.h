// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "policy/model/cluster.h"

namespace bulkhead::testing {

inline IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
inline Prefix cidr(std::string_view text) { return Prefix::parse(text)->prefix; }
inline model::LabelSelector app(const std::string& value) {
  return {.match_labels = {{"app", value}}, .match_expressions = {}};
}
inline model::PortMatch tcp(std::uint16_t first, std::uint16_t last) {
  return {kTcp, model::PortRange{first, last}};
}
inline model::PortMatch tcp(std::uint16_t port) { return tcp(port, port); }
inline model::PortMatch named(std::string name, std::uint8_t protocol = kTcp) {
  return {protocol, model::NamedPort{std::move(name)}};
}
inline model::PodPeer pods(model::LabelSelector selector) {
  return {.namespaces = std::nullopt, .pods = std::move(selector)};
}

// A cluster written down in a few lines.
class ClusterBuilder {
 public:
  model::Cluster cluster;

  model::Namespace& ns(const std::string& name) {
    auto made = std::make_shared<model::Namespace>();
    made->name = name;
    made->labels.emplace(model::kNamespaceNameLabel, name);
    cluster.namespaces[name] = made;
    return *made;
  }
  model::Pod& pod(const std::string& space, const std::string& name, std::string_view address,
                  model::Labels labels = {}) {
    auto made = std::make_shared<model::Pod>();
    made->key = {space, name};
    made->uid = name;
    made->labels = std::move(labels);
    if (!address.empty()) made->ips.push_back(ip(address));
    cluster.pods[made->key] = made;
    return *made;
  }
  model::Node& node(const std::string& name, const std::string& os,
                    std::vector<IpAddress> addresses) {
    auto made = std::make_shared<model::Node>();
    made->name = name;
    made->labels.emplace("kubernetes.io/os", os);
    made->addresses = std::move(addresses);
    cluster.nodes[name] = made;
    return *made;
  }
  // A NetworkPolicy for the pods of `space` with app=`value`; "" selects all.
  model::Policy& policy(const std::string& space, const std::string& name,
                        const std::string& value = "") {
    auto made = std::make_shared<model::Policy>();
    made->namespace_name = space;
    made->name = name;
    if (!value.empty()) made->subject_pods = app(value);
    cluster.policies[made->id()] = made;
    return *made;
  }
};

inline void allow(model::Policy& policy, Direction direction, std::vector<model::Peer> peers,
                  std::vector<model::PortMatch> ports = {}) {
  auto& rules = policy.rules[static_cast<std::size_t>(direction)];
  rules.push_back({std::to_string(rules.size()), model::RuleAction::Accept, std::move(peers),
                   std::move(ports)});
}

// namespace db: db (10.0.0.1), web (10.0.0.2); namespace other: web (10.0.1.1).
inline ClusterBuilder database() {
  ClusterBuilder builder;
  builder.cluster.settings.pod_cidrs = {cidr("10.0.0.0/8"), cidr("fd00::/64")};
  builder.pod("db", "db", "10.0.0.1", {{"app", "db"}});
  builder.pod("db", "web", "10.0.0.2", {{"app", "web"}});
  builder.pod("other", "web", "10.0.1.1", {{"app", "web"}});
  return builder;
}

}  // namespace bulkhead::testing
