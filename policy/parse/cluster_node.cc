// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy/parse/decode.h"
#include "policy/parse/fields.h"
#include "policy/parse/metadata.h"

namespace bulkhead::parse {
namespace {

// NodeAddress: InternalIP and ExternalIP are the addresses; a name is none, also where a cloud
// writes an address as the name.
void read_node_address(Report& report, const Node& node, const Path& path, model::Node& out) {
  if (!check_fields(report, node, path, {"type", "address"})) return;
  const Node* type = node.find("type");
  const Node* address = node.find("address");
  if (type == nullptr || address == nullptr) {
    report.required(node, path.field(type == nullptr ? "type" : "address"),
                    "an address of a node says its type and its address");
    return;
  }
  const auto kind = read_string(report, *type, path.field("type"));
  if (!kind) return;
  if (*kind == "Hostname" || *kind == "InternalDNS" || *kind == "ExternalDNS") {
    (void)read_string(report, *address, path.field("address"));
    return;
  }
  if (*kind != "InternalIP" && *kind != "ExternalIP") {
    report.unsupported(*type, path.field("type"),
                       R"("Hostname", "InternalIP", "ExternalIP", "InternalDNS", "ExternalDNS")");
    return;
  }
  const auto ip = read_address(report, *address, path.field("address"));
  if (ip && std::ranges::find(out.addresses, *ip) == out.addresses.end()) {
    out.addresses.push_back(*ip);
  }
}

}  // namespace

model::Node decode_cluster_node(Report& report, const Node& object) {
  (void)check_fields(report, object, {}, {"apiVersion", "kind", "metadata", "spec", "status"});
  Metadata metadata = read_metadata(report, object, Scope::ClusterWide);
  model::Node out;
  out.name = metadata.name;
  out.labels = std::move(metadata.labels);
  out.origin = report.origin(object);
  const Path root;
  const Path status_path = root.field("status");
  const Path path = status_path.field("addresses");
  const Node* status = object.find("status");
  if (status == nullptr || !check_map(report, *status, status_path)) return out;
  const Node* addresses = status->find("addresses");
  if (addresses == nullptr || !check_list(report, *addresses, path)) return out;
  for (std::size_t i = 0; i < addresses->items.size(); ++i) {
    read_node_address(report, addresses->items[i], path.item(i), out);
  }
  return out;
}

}  // namespace bulkhead::parse
