// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace bulkhead::control::agent {

#ifdef BULKHEAD_VERSION
inline constexpr std::string_view kVersion = BULKHEAD_VERSION;
#else
inline constexpr std::string_view kVersion = "unversioned";
#endif

}  // namespace bulkhead::control::agent
