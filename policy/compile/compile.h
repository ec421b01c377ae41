// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/base/shared_vector.h"
#include "policy/compile/numbers.h"
#include "policy/model/cluster.h"
#include "policy/model/shared_map.h"
#include "policy/table/builder.h"
#include "policy/table/view.h"

namespace bulkhead::compile {

// What a counter slot counts; the agent turns slots back into names for metrics, events and
// explain.
struct SlotInfo {
  CounterSlot slot;
  std::string rule;  // a rule id or one of model::kRule*
  Direction direction = Direction::Ingress;
  Verdict verdict = Verdict::Deny;
  bool staged = false;
  friend bool operator==(const SlotInfo&, const SlotInfo&) = default;
};

// The identity of one pod address. A pod with two addresses may have two identities: CIDR
// membership is part of an identity, and so is the family once a policy names a CIDR.
struct PodAddress {
  IdentityId identity;
  model::PodKey pod;
  friend bool operator==(const PodAddress&, const PodAddress&) = default;
};

using Section = table::Section;

// A compiled policy table and the numbers that go with it. Immutable once made.
struct CompiledTable {
  Revision revision;
  std::vector<Section> sections;
  // Every live pod address. One that two different pods claim is unknown. What two versions of a
  // cluster have in common, their tables' maps share.
  model::SharedMap<IpAddress, PodAddress> addresses;
  model::SharedMap<model::PodKey, IdentityId> pods;  // live pods that have no address yet
  // Every slot this table can answer with, ascending.
  SharedVector<SlotInfo> slots;

  // The identities and slots that this table knows by itself, with their keys in Numbers: what must
  // not be released while it is in force.
  model::SharedMap<IdentityId, std::shared_ptr<const std::string>> identity_keys;
  SharedVector<std::string> slot_keys;

  [[nodiscard]] std::vector<table::SectionBytes> section_bytes() const;
};

// The pods whose decisions the table must answer as *subjects* (rows). Absent: every live pod.
using LocalPods = std::optional<std::set<model::PodKey>>;

// An identity that addresses may still carry until their updates have followed the table: it is
// answered, as subject and as peer, exactly like `now`, unless the table knows it itself.
struct Alias {
  IdentityId retired;
  IdentityId now;
};

// Compiles the whole cluster. `numbers` is an input: the same numbers and cluster give the same
// bytes. Fails, before anything is published, when a limit is exceeded, naming it.
[[nodiscard]] Result<CompiledTable> compile(const model::Cluster& cluster, const LocalPods& local,
                                            Revision revision, Numbers& numbers,
                                            std::span<const Alias> aliases = {});

}  // namespace bulkhead::compile
