// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "policy/question/judge.h"

namespace bulkhead::question {

// The way of one direction through the tiers, a line each, down to the one that decides:
// "ingress of db/mysql: networkpolicy tier: isolated by Segment/db/backend; no rule allows it".
[[nodiscard]] std::vector<std::string> tier_path(const model::Cluster& cluster, Direction direction,
                                                 const End& subject, const End& peer,
                                                 const oracle::Answer& answer);

}  // namespace bulkhead::question
