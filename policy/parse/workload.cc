// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/decode.h"
#include "policy/parse/fields.h"
#include "policy/parse/metadata.h"
#include "policy/parse/selector.h"

namespace bulkhead::parse {
namespace {

// Where the kinds keep their pod template; `path` grows along.
const Node* find_template(Report& report, const Node& object, std::string_view kind) {
  const Node* spec = object.find("spec");
  if (spec != nullptr && kind == "CronJob") {
    const Node* job = spec->find("jobTemplate");
    spec = job != nullptr ? job->find("spec") : nullptr;
  }
  const Node* found = spec != nullptr ? spec->find("template") : nullptr;
  if (found == nullptr) {
    report.error(object, {}, "this {} has no pod template; write {}", kind,
                 kind == "CronJob" ? "spec.jobTemplate.spec.template" : "spec.template");
  }
  return found;
}

void read_template_labels(Report& report, const Node& node, const Path& path, model::Pod& pod) {
  const Node* metadata = node.find("metadata");
  const Path metadata_path = path.field("metadata");
  if (metadata == nullptr || !check_map(report, *metadata, metadata_path)) return;
  const Node* labels = metadata->find("labels");
  if (labels == nullptr) return;
  const Path labels_path = metadata_path.field("labels");
  check_reserved_labels(report, *labels, labels_path);
  pod.labels = read_labels(report, *labels, labels_path);
}

}  // namespace

std::optional<model::Pod> decode_workload(Report& report, const Node& object,
                                          std::string_view kind) {
  const std::size_t errors_before = report.errors();
  const Metadata metadata = read_metadata(report, object, Scope::Namespaced);
  model::Pod pod;
  pod.key = {metadata.namespace_name, metadata.name};
  pod.kind = kind;
  pod.service_account = "default";
  pod.origin = report.origin(object);
  const Node* pod_template = find_template(report, object, kind);
  const Path root;
  const Path path = root.field("template");
  if (pod_template == nullptr || !check_map(report, *pod_template, path)) return {};
  read_template_labels(report, *pod_template, path, pod);
  if (const Node* spec = pod_template->find("spec")) {
    read_pod_spec(report, *spec, path.field("spec"), pod);
  }
  if (report.errors() != errors_before) return {};
  return pod;
}

}  // namespace bulkhead::parse
