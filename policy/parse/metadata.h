// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "policy/model/labels.h"
#include "policy/parse/report.h"

namespace bulkhead::parse {

inline constexpr std::string_view kModeAnnotation = "bulkhead.io/mode";
inline constexpr std::string_view kDefaultAnnotation = "bulkhead.io/default";

// What kind of object the metadata belongs to: one in a namespace, one of the whole cluster, or a
// Namespace itself, whose name is a label and which takes bulkhead.io/default.
enum class Scope : std::uint8_t { Namespaced, ClusterWide, Namespace };

struct Metadata {
  std::string name;
  std::string namespace_name;  // "default" when a namespaced object does not say, as kubectl does
  std::string uid;
  model::Labels labels;
  bool is_staged = false;        // bulkhead.io/mode: staged
  bool is_default_deny = false;  // bulkhead.io/default: deny, namespaces only
};

// metav1.ObjectMeta of `object`, strict. Labels and annotations below bulkhead.io/ are refused,
// except the annotations we define: a misspelt one would leave open what it was to close.
[[nodiscard]] Metadata read_metadata(Report& report, const Node& object, Scope scope);

// Reports the labels of the map `labels` that lie below bulkhead.io/.
void check_reserved_labels(Report& report, const Node& labels, const Path& path);

}  // namespace bulkhead::parse
