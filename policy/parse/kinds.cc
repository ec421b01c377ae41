// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/kinds.h"

#include <algorithm>
#include <array>

#include "policy/parse/decode.h"
#include "policy/parse/fields.h"
#include "policy/parse/names.h"

namespace bulkhead::parse {
namespace {

struct TypeName {
  std::string api_version;
  std::string group;  // empty for the core group
  std::string version;
  std::string kind;
};

constexpr std::array kForeignPolicyGroups = {"cilium.io", "crd.projectcalico.org",
                                             "projectcalico.org", "crd.antrea.io"};
// A Node that cannot be read may be one that a Deny rule means.
constexpr std::array kClusterWideKinds = {"ClusterNetworkPolicy", "AdminNetworkPolicy",
                                          "BaselineAdminNetworkPolicy", "Node"};
constexpr std::array kWorkloads = {"Deployment", "StatefulSet", "DaemonSet",
                                   "ReplicaSet", "Job",         "CronJob"};
// Kinds of networking.k8s.io that are no policy.
constexpr std::array kNetworkingOthers = {"Ingress", "IngressClass", "IPAddress", "ServiceCIDR"};
constexpr std::array kCoreOthers = {"Binding",
                                    "ComponentStatus",
                                    "ConfigMap",
                                    "Endpoints",
                                    "Event",
                                    "LimitRange",
                                    "PersistentVolume",
                                    "PersistentVolumeClaim",
                                    "PodTemplate",
                                    "ReplicationController",
                                    "ResourceQuota",
                                    "Secret",
                                    "Service",
                                    "ServiceAccount"};

template <class Names>
bool is_one_of(std::string_view text, const Names& names) {
  return std::find(names.begin(), names.end(), text) != names.end();
}

std::string_view without_list(std::string_view kind) {
  return kind.ends_with("List") ? kind.substr(0, kind.size() - 4) : kind;
}

// The namespaces a broken object may have spoken for (law 10).
void note_scope(const Node& object, std::string_view kind, ParsedFile& file) {
  const Node* metadata = object.find("metadata");
  const Node* name = metadata != nullptr ? metadata->find("namespace") : nullptr;
  if (kind == "Namespace" && metadata != nullptr) name = metadata->find("name");
  if (name != nullptr && name->is_scalar() && !dns_label_problem(name->scalar)) {
    file.named_namespaces.insert(name->scalar);
    return;
  }
  // No namespace means "default", but only where none was attempted under another spelling.
  const bool is_plainly_absent =
      name == nullptr && kind != "Namespace" && metadata != nullptr && metadata->is_map() &&
      std::all_of(metadata->keys.begin(), metadata->keys.end(), [](const Node::Key& key) {
        return nearest(key.name, {"namespace"}).empty() || key.name == "name" ||
               key.name == "annotations";
      });
  const bool is_cluster_wide = is_one_of(kind, kClusterWideKinds) || kind.starts_with("Global") ||
                               kind.starts_with("Cluster") || kind.find("Clusterwide") != kind.npos;
  if (is_plainly_absent && !kind.empty() && !is_cluster_wide) {
    file.named_namespaces.insert("default");
  } else {
    file.is_scope_known = false;
  }
}

std::optional<TypeName> read_type(Report& report, const Node& object) {
  const Path root;
  std::optional<std::string> values[2];
  const std::string_view fields[] = {"apiVersion", "kind"};
  for (std::size_t i = 0; i < 2; ++i) {
    const Node* node = object.find(fields[i]);
    if (node == nullptr) {
      report.required(object, root.field(fields[i]), "every object says its apiVersion and kind");
      continue;
    }
    values[i] = read_string(report, *node, root.field(fields[i]));
  }
  if (!values[0] || !values[1]) return {};
  TypeName type{*values[0], {}, *values[0], *values[1]};
  if (const auto slash = type.api_version.find('/'); slash != std::string::npos) {
    type.group = type.api_version.substr(0, slash);
    type.version = type.api_version.substr(slash + 1);
  }
  return type;
}

void refuse_kind(Report& report, const Node& object, const TypeName& type,
                 std::string_view would_be_right) {
  const Node* node = object.find("kind");
  report.error(*node, {}, "unknown kind {} of {}; {}", in_quotes(type.kind),
               in_quotes(type.api_version), would_be_right);
}

void skip(Report& report, const Node& object, const TypeName& type) {
  report.note(object, fmt::format("skipped {} {}: neither policy nor inventory",
                                  in_quotes(type.api_version), in_quotes(type.kind)));
}

void read_items(Report& report, const Node& list, const TypeName& type, ParsedFile& file);

void read_core(Report& report, const Node& object, const TypeName& type, ParsedFile& file) {
  if (type.version != "v1") {
    const Node* node = object.find("apiVersion");
    report.error(*node, {}, "unknown apiVersion {}; write \"v1\"", in_quotes(type.api_version));
  } else if (type.kind == "Namespace") {
    file.objects.namespaces.push_back(
        std::make_shared<const model::Namespace>(decode_namespace(report, object)));
  } else if (type.kind == "Pod") {
    file.objects.pods.push_back(std::make_shared<const model::Pod>(decode_pod(report, object)));
  } else if (type.kind == "Node") {
    file.objects.nodes.push_back(
        std::make_shared<const model::Node>(decode_cluster_node(report, object)));
  } else if (type.kind == "List" || type.kind == "NamespaceList" || type.kind == "PodList" ||
             type.kind == "NodeList") {
    read_items(report, object, type, file);
  } else if (is_one_of(without_list(type.kind), kCoreOthers)) {
    skip(report, object, type);
  } else {
    refuse_kind(report, object, type, "known are Namespace, Pod, Node and List");
  }
}

void read_networking(Report& report, const Node& object, const TypeName& type, ParsedFile& file) {
  if (is_one_of(without_list(type.kind), kNetworkingOthers)) {
    skip(report, object, type);
  } else if (type.version != "v1") {
    refuse_kind(report, object, type, "write apiVersion \"networking.k8s.io/v1\"");
  } else if (type.kind == "NetworkPolicy") {
    file.objects.policies.push_back(
        std::make_shared<const model::Policy>(decode_network_policy(report, object)));
  } else if (type.kind == "NetworkPolicyList") {
    read_items(report, object, type, file);
  } else {
    refuse_kind(report, object, type, "known is NetworkPolicy");
  }
}

void read_bulkhead(Report& report, const Node& object, const TypeName& type, ParsedFile& file) {
  if (type.version != "v1alpha1") {
    refuse_kind(report, object, type, "write apiVersion \"bulkhead.io/v1alpha1\"");
  } else if (type.kind == "Segment") {
    file.objects.policies.push_back(
        std::make_shared<const model::Policy>(decode_segment(report, object)));
  } else if (type.kind == "SegmentList") {
    read_items(report, object, type, file);
  } else {
    refuse_kind(report, object, type, "known is Segment");
  }
}

// policy.networking.k8s.io: each version has kinds of its own.
void read_tiers(Report& report, const Node& object, const TypeName& type, ParsedFile& file) {
  using Decode = model::Policy (*)(Report&, const Node&);
  struct Kind {
    std::string_view version;
    std::string_view kind;
    Decode decode;
  };
  constexpr std::array kKinds = {
      Kind{"v1alpha2", "ClusterNetworkPolicy", decode_cluster_network_policy},
      Kind{"v1alpha1", "AdminNetworkPolicy", decode_admin_network_policy},
      Kind{"v1alpha1", "BaselineAdminNetworkPolicy", decode_baseline_admin_network_policy}};
  const auto found = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& known) {
    return known.kind == without_list(type.kind);
  });
  if (found == kKinds.end()) {
    refuse_kind(report, object, type,
                "known are ClusterNetworkPolicy, AdminNetworkPolicy and "
                "BaselineAdminNetworkPolicy");
  } else if (found->version != type.version) {
    refuse_kind(report, object, type,
                fmt::format("write apiVersion \"policy.networking.k8s.io/{}\"", found->version));
  } else if (found->kind != type.kind) {
    read_items(report, object, type, file);
  } else {
    file.objects.policies.push_back(
        std::make_shared<const model::Policy>(found->decode(report, object)));
  }
}

bool is_workload(const TypeName& type) {
  return is_one_of(type.kind, kWorkloads) && (type.group == "apps" || type.group == "batch");
}

void read_workload(Report& report, const Node& object, const TypeName& type, ParsedFile& file) {
  auto pod = decode_workload(report, object, type.kind);
  if (pod) file.objects.pods.push_back(std::make_shared<const model::Pod>(std::move(*pod)));
}

void read_typed(Report& report, const Node& object, const TypeName& type, ParsedFile& file) {
  if (type.group.empty()) return read_core(report, object, type, file);
  if (type.group == "networking.k8s.io") return read_networking(report, object, type, file);
  if (type.group == "bulkhead.io") return read_bulkhead(report, object, type, file);
  if (type.group == "policy.networking.k8s.io") return read_tiers(report, object, type, file);
  if (is_one_of(type.group, kForeignPolicyGroups)) {
    return refuse_kind(report, object, type,
                       "this is another product's policy and would not be enforced; write it as "
                       "NetworkPolicy or Segment");
  }
  if (without_list(type.kind).ends_with("NetworkPolicy") || type.kind == "Segment") {
    return refuse_kind(report, object, type,
                       "write apiVersion \"networking.k8s.io/v1\" for NetworkPolicy, "
                       "\"bulkhead.io/v1alpha1\" for Segment");
  }
  if (is_workload(type)) return read_workload(report, object, type, file);
  skip(report, object, type);
}

// Reads one object and, when it turns out broken, remembers whom it spoke for.
void read_item(Report& report, const Node& object, const TypeName& type, ParsedFile& file) {
  const std::size_t errors_before = report.errors();
  read_typed(report, object, type, file);
  if (report.errors() != errors_before && !type.kind.ends_with("List")) {
    note_scope(object, type.kind, file);
  }
}

void read_items(Report& report, const Node& list, const TypeName& type, ParsedFile& file) {
  const Path root;
  const Path path = root.field("items");
  if (!check_fields(report, list, {}, {"apiVersion", "kind", "metadata", "items"})) {
    file.is_scope_known = false;
  }
  const Node* items = list.find("items");
  if (items == nullptr) return;
  if (!check_list(report, *items, path)) {
    file.is_scope_known = false;
    return;
  }
  for (std::size_t i = 0; i < items->items.size(); ++i) {
    const Node& item = items->items[i];
    if (!check_map(report, item, path.item(i))) {
      file.is_scope_known = false;
      continue;
    }
    // Items of a typed list may leave out what the list says already.
    const bool is_untyped = item.find("kind") == nullptr && item.find("apiVersion") == nullptr;
    if (is_untyped && type.kind != "List") {
      TypeName item_type = type;
      item_type.kind = without_list(type.kind);
      read_item(report, item, item_type, file);
    } else {
      read_object(report, item, file);
    }
  }
}

}  // namespace

void read_object(Report& report, const Node& object, ParsedFile& file) {
  if (object.is_null()) return;
  if (!object.is_map()) {
    report.error(object, {}, "a document must be an object with apiVersion and kind, not {}",
                 kind_text(object));
    file.is_scope_known = false;
    return;
  }
  const auto type = read_type(report, object);
  if (!type) {
    note_scope(object, "", file);
    return;
  }
  read_item(report, object, *type, file);
}

}  // namespace bulkhead::parse
