// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "policy/oracle/oracle.h"
#include "policy/parse/parse.h"
#include "policy/parse/view.h"

namespace bulkhead::oracle {

inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
inline Prefix prefix(std::string_view text) { return Prefix::parse(text).value().prefix; }

// A cluster from manifests that must be good.
inline model::Cluster cluster_of(std::string_view text, const model::Settings& settings = {}) {
  const auto parsed = parse::parse_text("f.yaml", text);
  for (const auto& error : parsed.errors()) throw std::runtime_error(error.text());
  return parse::build_cluster(parsed.objects(), settings).value();
}

// Pods db/db (10.0.0.1, fd00::1), web/web (…2) and web/api (…3), labelled app: their name; db has
// the named port sql = TCP/5432.
inline std::string three_pods() {
  std::string text;
  const char* pods[][3] = {{"db", "db", "1"}, {"web", "web", "2"}, {"api", "web", "3"}};
  for (const auto& [name, space, number] : pods) {
    text += fmt::format(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {0}, namespace: {1}, labels: {{app: {0}}}}}\n"
        "spec: {{containers: [{{ports: [{3}]}}]}}\n"
        "status: {{podIPs: [{{ip: 10.0.0.{2}}}, {{ip: 'fd00::{2}'}}]}}\n---\n",
        name, space, number,
        std::string_view(name) == "db" ? "{name: sql, containerPort: 5432}" : "");
  }
  return text;
}

inline std::string policy(std::string_view spec, std::string_view name = "p",
                          std::string_view space = "db", std::string_view annotations = "{}") {
  return fmt::format(
      "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
      "metadata: {{name: {}, namespace: {}, annotations: {}}}\nspec: {}\n",
      name, space, annotations, spec);
}

// A pod of the cluster, at its first address of the family.
inline Party pod(const model::Cluster& cluster, const std::string& space, const std::string& name,
                 Family family = Family::V4) {
  const auto& found = cluster.pods.at({space, name});
  for (const auto& address : found->ips) {
    if (address.family == family) return {found.get(), address, false};
  }
  return {found.get(), {}, false};
}
inline Party outside(std::string_view address) { return {nullptr, ip(address), false}; }
inline Party own_node() { return {nullptr, ip("192.0.2.1"), true}; }

}  // namespace bulkhead::oracle
