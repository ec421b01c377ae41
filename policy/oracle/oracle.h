// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy/model/cluster.h"

namespace bulkhead::oracle {

// One end of a connection, as the oracle sees it: a pod (with the address it uses, if any), an
// address outside, or this node.
struct Party {
  const model::Pod* pod = nullptr;  // null: not a pod of the cluster
  std::optional<IpAddress> address;
  bool own_node = false;
};

struct Answer {
  Verdict verdict = Verdict::Deny;
  model::Tier tier = model::Tier::Default;
  std::string rule;                        // a rule id or one of model::kRule*
  Verdict staged_verdict = Verdict::Deny;  // what would hold if staged policies were enforced
  std::string staged_rule;
  friend bool operator==(const Answer&, const Answer&) = default;
};

// Decides one direction the slow, obvious way, straight from the policy text. A connection is
// decided twice: "both the egress policy on the source pod and the ingress policy on the
// destination pod need to allow the connection". `subject` must be a live pod. `peer` and `port`
// are what a Service leads to, never its own address. `port` is in host order and is ignored for
// protocols without ports. Reads like the Kubernetes documentation: no indexes, no caches, no
// allocation tricks.
[[nodiscard]] Answer decide(const model::Cluster& cluster, Direction direction,
                            const Party& subject, const Party& peer, std::uint8_t protocol,
                            std::uint16_t port);

// One maximal run of ports with the same answer.
struct Interval {
  std::uint16_t first = 0;
  std::uint16_t last = 65535;
  Answer answer;
};

// The pair's whole answer for one protocol: [0, 65535] cut at every port bound the policy text
// names and at the value on either side, equal neighbours joined. Protocols without ports give one
// interval.
[[nodiscard]] std::vector<Interval> decide_all_ports(const model::Cluster& cluster,
                                                     Direction direction, const Party& subject,
                                                     const Party& peer, std::uint8_t protocol);

}  // namespace bulkhead::oracle
