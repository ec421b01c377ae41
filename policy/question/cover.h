// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/model/policy.h"

namespace bulkhead::question {

// Whether one piece of policy text means at least what another means, whatever pods there are.
// Cautious: a `false` may be a "cannot tell".
[[nodiscard]] bool covers(const model::LabelSelector& wide, const model::LabelSelector& narrow);
[[nodiscard]] bool covers(const model::Peer& wide, const model::Peer& narrow);
[[nodiscard]] bool covers(const model::PortMatch& wide, const model::PortMatch& narrow);
// Every peer and every port of `narrow`; both rules belong to one namespace, or to none.
[[nodiscard]] bool covers(const model::Rule& wide, const model::Rule& narrow);
// Every subject of `narrow`.
[[nodiscard]] bool covers_subjects(const model::Policy& wide, const model::Policy& narrow);

}  // namespace bulkhead::question
