// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>

#include "dataplane/api/server/shared_memory.h"
#include "policy/base/fd.h"
#include "policy/base/result.h"

// What the process asks of the operating system at start.
namespace bulkhead::dataplane {

// Makes the folder and takes the lock file in it, held until the Fd closes or the process dies.
// Fails when another data plane of this root holds it, naming its process.
[[nodiscard]] Result<Fd> lock_root(const std::filesystem::path& lock);

// The flow table's file: 0600, exactly `size` bytes, mapped shared. Its contents outlive us.
[[nodiscard]] Result<Mapping> map_flows(const std::filesystem::path& path, std::size_t size);

// SIGTERM and SIGINT as a descriptor, blocked everywhere else, and SIGPIPE ignored: call it before
// any thread starts.
[[nodiscard]] Result<Fd> take_signals();

// As many descriptors as the hard limit allows: each pod takes one a worker. Fails when that is too
// few to begin with, naming where it is set.
[[nodiscard]] Status raise_descriptor_limit();

// Gives up all capabilities of the calling thread and of threads it makes later, for good.
[[nodiscard]] Status drop_capabilities();

}  // namespace bulkhead::dataplane
