// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/base/result.h"
#include "policy/model/cluster.h"
#include "policy/parse/objects.h"

namespace bulkhead::parse {

// Puts objects together into the view that compiler and oracle work on. Adds
// kubernetes.io/metadata.name to every namespace, the namespaces that pods and policies name but
// nobody declares, and the pods' service account label. Fails, naming both places, when an object
// is written twice or two live pods claim one address.
[[nodiscard]] Result<model::Cluster> build_cluster(const Objects& objects,
                                                   const model::Settings& settings);

}  // namespace bulkhead::parse
