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

// One object as the view has it, for whoever keeps a view up to date piece by piece: the same where
// nothing is to be added.
[[nodiscard]] model::NamespacePtr with_name_label(const model::NamespacePtr& space);
[[nodiscard]] model::PodPtr with_service_account(const model::PodPtr& pod);

}  // namespace bulkhead::parse
