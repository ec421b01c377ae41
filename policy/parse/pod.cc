// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy/parse/decode.h"
#include "policy/parse/fields.h"
#include "policy/parse/metadata.h"
#include "policy/parse/names.h"

namespace bulkhead::parse {
namespace {

void read_container_port(Report& report, const Node& node, const Path& path, model::Pod& pod) {
  if (!check_map(report, node, path)) return;
  model::ContainerPort port;
  const Node* number = node.find("containerPort");
  if (number == nullptr) {
    report.required(node, path.field("containerPort"), "a port number is required");
    return;
  }
  const auto value = read_port(report, *number, path.field("containerPort"));
  if (!value) return;
  port.port = *value;
  if (const Node* protocol = node.find("protocol")) {
    const auto known = read_protocol(report, *protocol, path.field("protocol"));
    if (!known) return;
    port.protocol = *known;
  }
  if (const Node* name = node.find("name")) {
    const auto text = read_string(report, *name, path.field("name"));
    if (!text) return;
    if (!text->empty()) {
      if (const auto problem = port_name_problem(*text)) {
        report.invalid(*name, path.field("name"), *problem);
      }
    }
    port.name = *text;
  }
  // A repeated (name, protocol) means the first, as in Kubernetes' own look-up of named ports.
  const bool is_shadowed =
      !port.name.empty() && std::any_of(pod.ports.begin(), pod.ports.end(), [&](const auto& other) {
        return other.name == port.name && other.protocol == port.protocol;
      });
  if (is_shadowed) {
    report.warning(
        node, path,
        fmt::format("the port name {} is used twice; the first one counts", in_quotes(port.name)));
    return;
  }
  pod.ports.push_back(port);
}

void read_containers(Report& report, const Node& containers, const Path& path, model::Pod& pod) {
  if (!check_list(report, containers, path)) return;
  for (std::size_t c = 0; c < containers.items.size(); ++c) {
    const Node& container = containers.items[c];
    const Path container_path = path.item(c);
    if (!check_map(report, container, container_path)) continue;
    const Node* ports = container.find("ports");
    const Path ports_path = container_path.field("ports");
    if (ports == nullptr || !check_list(report, *ports, ports_path)) continue;
    for (std::size_t i = 0; i < ports->items.size(); ++i) {
      read_container_port(report, ports->items[i], ports_path.item(i), pod);
    }
  }
}

// Empty as long as the pod has none yet.
void read_pod_ip(Report& report, const Node& node, const Path& path, model::Pod& pod) {
  if (node.is_scalar() && node.scalar.empty()) return;
  const auto address = read_address(report, node, path);
  if (address && std::find(pod.ips.begin(), pod.ips.end(), *address) == pod.ips.end()) {
    pod.ips.push_back(*address);
  }
}

void read_status(Report& report, const Node& object, model::Pod& pod) {
  const Node* status = object.find("status");
  const Path root;
  const Path path = root.field("status");
  if (status == nullptr || !check_map(report, *status, path)) return;
  if (const Node* ip = status->find("podIP")) {
    read_pod_ip(report, *ip, path.field("podIP"), pod);
  }
  const Node* ips = status->find("podIPs");
  const Path ips_path = path.field("podIPs");
  if (ips != nullptr && check_list(report, *ips, ips_path)) {
    for (std::size_t i = 0; i < ips->items.size(); ++i) {
      const Path item = ips_path.item(i);
      if (!check_fields(report, ips->items[i], item, {"ip"})) continue;
      if (const Node* ip = ips->items[i].find("ip")) {
        read_pod_ip(report, *ip, item.field("ip"), pod);
      }
    }
  }
  const Node* phase = status->find("phase");
  if (phase == nullptr) return;
  const auto text = read_string(report, *phase, path.field("phase"));
  if (!text) return;
  if (*text == "Succeeded" || *text == "Failed") {
    pod.finished = true;
  } else if (!text->empty() && *text != "Pending" && *text != "Running" && *text != "Unknown") {
    report.unsupported(*phase, path.field("phase"),
                       R"("Pending", "Running", "Succeeded", "Failed", "Unknown")");
  }
}

}  // namespace

std::optional<IpAddress> read_address(Report& report, const Node& node, const Path& path) {
  const auto text = read_string(report, node, path);
  if (!text) return {};
  const auto address = IpAddress::parse(*text);
  if (!address) {
    report.invalid(node, path, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    return {};
  }
  const bool is_v4_mapped = address->family == Family::V6 && text->starts_with("::ffff:") &&
                            text->find('.') != text->npos;
  if (is_v4_mapped) {
    report.invalid(node, path, "must not be an IPv4-mapped IPv6 address; write it as IPv4");
    return {};
  }
  return *address;
}

void read_pod_spec(Report& report, const Node& spec, const Path& path, model::Pod& pod) {
  if (!check_map(report, spec, path)) return;
  if (const Node* host = spec.find("hostNetwork")) {
    pod.host_network = read_bool(report, *host, path.field("hostNetwork")).value_or(false);
  }
  const Node* account = spec.find("serviceAccountName");
  std::string_view field = "serviceAccountName";
  if (account == nullptr) {
    account = spec.find("serviceAccount");
    field = "serviceAccount";
  }
  pod.service_account = "default";
  if (account != nullptr) {
    const auto name = read_string(report, *account, path.field(field));
    if (name && !name->empty()) {
      if (const auto problem = dns_subdomain_problem(*name)) {
        report.invalid(*account, path.field(field), *problem);
      }
      pod.service_account = *name;
    }
  }
  if (const Node* containers = spec.find("containers")) {
    read_containers(report, *containers, path.field("containers"), pod);
  }
}

model::Pod decode_pod(Report& report, const Node& object) {
  (void)check_fields(report, object, {}, {"apiVersion", "kind", "metadata", "spec", "status"});
  Metadata metadata = read_metadata(report, object, Scope::Namespaced);
  model::Pod pod;
  pod.key = {metadata.namespace_name, metadata.name};
  pod.uid = metadata.uid;
  pod.labels = std::move(metadata.labels);
  pod.service_account = "default";
  pod.origin = report.origin(object);
  const Path root;
  if (const Node* spec = object.find("spec")) {
    read_pod_spec(report, *spec, root.field("spec"), pod);
  }
  read_status(report, object, pod);
  return pod;
}

}  // namespace bulkhead::parse
