// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "policy/base/result.h"
#include "policy/model/cluster.h"
#include "policy/question/diff.h"

namespace bulkhead::question {

// One end of a recorded flow, as it was named then.
struct SeenEnd {
  model::PodKey pod;  // empty: no pod that was known
  IpAddress ip;
  [[nodiscard]] std::string text() const;  // "ns/pod" or the address
};

// One recorded flow, or attempt; from its originator to its destination.
struct SeenFlow {
  SeenEnd source;
  SeenEnd destination;
  std::uint8_t protocol = kTcp;
  std::uint16_t port = 0;  // of the destination
  Verdict verdict = Verdict::Deny;
  std::string rule;  // that decided; may be empty
};

struct SuggestOptions {
  // Whose pods get policies; empty: each namespace that a flow to be allowed names, the settings'
  // exempt ones left out.
  std::set<std::string> namespaces;
  bool with_denied = false;  // what was denied is to be allowed too
  // Outside addresses are widened to blocks of this length, where that covers no pod.
  unsigned length_v4 = 32;
  unsigned length_v6 = 128;
};

// A recorded connection that the suggestion does not allow.
struct LeftOut {
  std::string from;
  std::string to;
  std::string service;  // "TCP/80", "ICMP"
  std::string why;
  std::size_t records = 0;
};

// NetworkPolicies that allow what was seen and nothing else, and what putting them in force means.
struct Suggestion {
  std::vector<model::Policy> policies;  // one a workload, both directions closed; by id
  // NetworkPolicies and Segments of the same namespaces: policies unite, so these must go.
  std::vector<std::string> replaces;
  std::vector<std::string> unseen;  // workloads that no flow names: closed altogether
  std::size_t records = 0;          // flows looked at
  std::size_t allowed = 0;          // of them: allowed by the suggestion, or always allowed
  std::vector<LeftOut> left_out;    // sorted
  // Between what holds now and what would; an error when that is too much to be told.
  Result<Diff> changes;
};

// Fails when no flow can be learnt from (policies from nothing would close everything), or when a
// table cannot be made. Deterministic: the same flows in any order suggest the same.
[[nodiscard]] Result<Suggestion> suggest(const model::Cluster& cluster,
                                         std::span<const SeenFlow> flows,
                                         const SuggestOptions& options);

// The policies as documents that `policy check` accepts.
[[nodiscard]] std::string to_yaml(const Suggestion& suggestion);
// What else is to be known, for people.
[[nodiscard]] std::string report_text(const Suggestion& suggestion);
// {"policies": [NetworkPolicy], "replaces": [ID], "unseen": ["ns/workload"],
//  "flows": {"records", "allowed", "left_out"},
//  "left_out": [{"from", "to", "service", "why", "records"}], "changes": as `policy diff`, or
//  {"error": TEXT}}
[[nodiscard]] std::string to_json(const Suggestion& suggestion);

}  // namespace bulkhead::question
