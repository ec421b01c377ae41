// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cni/error.h"
#include "control/api/types.h"

namespace bulkhead::cni {

// No answer, or one that does not say whether the call took place.
[[nodiscard]] bool is_outcome_unknown(const control::api::ApiError& error);

// Nobody listened: nothing took place.
[[nodiscard]] bool is_unreachable(const control::api::ApiError& error);

// 11 where waiting helps (no agent, no data plane, too slow), 7 where the request is at fault, 3
// for an unknown attachment, else 100.
[[nodiscard]] CniError cni_error(const control::api::ApiError& error);

}  // namespace bulkhead::cni
