// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "cni/request.h"
#include "policy/base/result.h"

// A note to the agent that a DEL was served without it: `CONTAINER@IFNAME.json` in the request's
// tombstones(), the body of the API's DELETE. The agent applies it before its first ADD.
namespace bulkhead::cni {

// Written whole (temporary file, fsync, rename). Repeats without harm.
[[nodiscard]] Status write_tombstone(const Request& request);
// After an ADD of the same container, which an older note must not undo.
[[nodiscard]] Status remove_tombstone(const Request& request);

}  // namespace bulkhead::cni
