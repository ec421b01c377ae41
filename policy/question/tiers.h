// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "policy/question/judge.h"
#include "policy/question/probe.h"

namespace bulkhead::question {

// The way of one direction through the tiers, a line each, down to the one that decides:
// "ingress of db/mysql: networkpolicy tier: isolated by Segment/db/backend; no rule allows it".
[[nodiscard]] std::vector<std::string> tier_path(const model::Cluster& cluster, Direction direction,
                                                 const End& subject, const End& peer,
                                                 const Probe& probe, const oracle::Answer& answer);

// The Pass rule by which the connection leaves the tier, which is then the first that matches it;
// empty when none does.
[[nodiscard]] std::string passing_rule(const model::Cluster& cluster, model::Tier tier,
                                       Direction direction, const End& subject, const End& peer,
                                       const Probe& probe);

}  // namespace bulkhead::question
