// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/metadata.h"

#include "policy/parse/fields.h"
#include "policy/parse/names.h"
#include "policy/parse/schema.h"
#include "policy/parse/selector.h"

namespace bulkhead::parse {
namespace {

void read_name(Report& report, const Node& node, const Path& path, Scope scope, Metadata& out) {
  const Node* name = node.find("name");
  const Path at = path.field("name");
  if (name == nullptr) {
    report.required(node, at, "name is required");
    return;
  }
  const auto text = read_string(report, *name, at);
  if (!text) return;
  const auto problem =
      scope == Scope::Namespace ? dns_label_problem(*text) : dns_subdomain_problem(*text);
  if (problem) report.invalid(*name, at, *problem);
  out.name = *text;
}

void read_namespace(Report& report, const Node& node, const Path& path, Scope scope,
                    Metadata& out) {
  const Node* name = find_written(node, "namespace");
  const Path at = path.field("namespace");
  if (scope != Scope::Namespaced) {
    if (name != nullptr && !name->is_null())
      report.forbidden(*name, at, "not allowed on this type");
    return;
  }
  out.namespace_name = "default";
  if (name == nullptr) return;
  const auto text = read_string(report, *name, at);
  if (!text) return;
  if (const auto problem = dns_label_problem(*text)) report.invalid(*name, at, *problem);
  out.namespace_name = *text;
}

void read_metadata_labels(Report& report, const Node& node, const Path& path, Metadata& out) {
  const Node* labels = node.find("labels");
  if (labels == nullptr) return;
  const Path at = path.field("labels");
  out.labels = read_labels(report, *labels, at);
  check_reserved_labels(report, *labels, at);
}

// One annotation of ours with its only allowed value.
bool read_switch(Report& report, const Node& value, const Path& path, std::string_view only) {
  if (value.is_scalar() && value.scalar == only) return true;
  report.unsupported(value, path, in_quotes(only));
  return false;
}

void read_annotations(Report& report, const Node& node, const Path& path, Scope scope,
                      Metadata& out) {
  const Node* annotations = node.find("annotations");
  const Path at = path.field("annotations");
  if (annotations == nullptr || !check_map(report, *annotations, at)) return;
  for (std::size_t i = 0; i < annotations->keys.size(); ++i) {
    const auto& key = annotations->keys[i];
    const Node& value = annotations->items[i];
    const Path here = at.field(key.name);
    if (const auto problem = label_key_problem(key.name)) {
      report.add_error(
          key.line, key.column,
          fmt::format("{}: Invalid value: {}: {}", at.text(), in_quotes(key.name), *problem));
    }
    if (!is_reserved_key(key.name)) {
      if (!value.is_null()) (void)read_string(report, value, here);
    } else if (key.name == kModeAnnotation) {
      out.is_staged = read_switch(report, value, here, "staged");
    } else if (key.name == kDefaultAnnotation && scope == Scope::Namespace) {
      out.is_default_deny = read_switch(report, value, here, "deny");
    } else {
      const auto near = scope == Scope::Namespace
                            ? nearest(key.name, {kModeAnnotation, kDefaultAnnotation})
                            : nearest(key.name, {kModeAnnotation});
      report.add_error(
          key.line, key.column,
          fmt::format("unknown annotation {} in {}; known here {}", in_quotes(key.name), at.text(),
                      near.empty() ? "is bulkhead.io/mode" : fmt::format("is {}", near)));
    }
  }
}

}  // namespace

void check_reserved_labels(Report& report, const Node& labels, const Path& path) {
  for (const auto& key : labels.keys) {
    if (!is_reserved_key(key.name)) continue;
    report.add_error(key.line, key.column,
                     fmt::format("{}: the label {} is reserved: labels below bulkhead.io/ are set "
                                 "by Bulkhead only; remove it",
                                 path.text(), in_quotes(key.name)));
  }
}

Metadata read_metadata(Report& report, const Node& object, Scope scope) {
  Metadata out;
  const Path root;
  const Path path = root.field("metadata");
  const Node* node = object.find("metadata");
  if (node == nullptr) {
    report.required(object, path, "metadata with a name is required");
    return out;
  }
  if (!node->is_map()) {
    (void)check_map(report, *node, path);
    return out;
  }
  (void)check_fields(report, *node, path,
                     {"name", "namespace", "labels", "annotations", "generateName", "selfLink",
                      "uid", "resourceVersion", "generation", "creationTimestamp",
                      "deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences",
                      "finalizers", "managedFields", "clusterName"});
  read_name(report, *node, path, scope, out);
  read_namespace(report, *node, path, scope, out);
  read_metadata_labels(report, *node, path, out);
  read_annotations(report, *node, path, scope, out);
  if (const Node* uid = node->find("uid")) {
    out.uid = read_string(report, *uid, path.field("uid")).value_or("");
  }
  return out;
}

}  // namespace bulkhead::parse
