// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/decode.h"
#include "policy/parse/fields.h"
#include "policy/parse/metadata.h"

namespace bulkhead::parse {

model::Namespace decode_namespace(Report& report, const Node& object) {
  (void)check_fields(report, object, {}, {"apiVersion", "kind", "metadata", "spec", "status"});
  if (const Node* spec = object.find("spec")) {
    (void)check_fields(report, *spec, Path().field("spec"), {"finalizers"});
  }
  Metadata metadata = read_metadata(report, object, Scope::Namespace);
  model::Namespace out;
  out.name = metadata.name;
  out.labels = std::move(metadata.labels);
  out.default_deny = metadata.is_default_deny;
  out.staged = metadata.is_staged;
  out.origin = report.origin(object);

  const auto label = out.labels.find(model::kNamespaceNameLabel);
  if (label != out.labels.end() && label->second != out.name) {
    report.error(object, {}, "the label {} must be the namespace's own name {}, not {}",
                 model::kNamespaceNameLabel, in_quotes(out.name), in_quotes(label->second));
  }
  out.labels[model::kNamespaceNameLabel] = out.name;
  return out;
}

}  // namespace bulkhead::parse
