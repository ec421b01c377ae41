// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <set>

#include "policy/base/ip.h"
#include "policy/compile/compile.h"
#include "policy/model/cluster.h"

namespace bulkhead::verify {

// What a change can touch, by the oracle's reading of the text: pods about which everything must
// be asked anew, and ends that every pod must be asked about anew. Too much is fine, too little
// is not. The default is everything.
struct Scope {
  bool is_everything = true;
  std::set<model::PodKey> subjects;  // with every peer
  // Which decisions of those subjects: a change that only an ingress text has leaves egress alone.
  std::array<bool, 2> directions{true, true};  // by Direction
  std::set<model::PodKey> peers;               // with every subject
  std::set<IpAddress> addresses;               // with every subject, whoever owns them now
  std::set<IpAddress> stretches;  // by first address: between these and the next cut of the text
};

// A cluster and the pods whose decisions are asked for here; borrowed.
struct Situation {
  const model::Cluster& cluster;
  const compile::LocalPods& local;
};

// An object that is not the same shared one in both counts as changed. What each may touch:
//   settings   everything
//   policy     pods that its old or new text selects, with every peer, in the directions it applies
//              to; addresses where its blocks move the bounds that tell addresses apart
//   namespace  its pods, as subjects and as peers
//   pod        itself and whoever shares an address with it, as subject and as peer; its addresses
//              old and new
//   locality   pods that were not local before, with every peer
// Cost: linear in the clusters, a comparison of pointers an object.
[[nodiscard]] Scope scope_between(const Situation& before, const Situation& after);

}  // namespace bulkhead::verify
