// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "policy/base/fd.h"
#include "policy/base/result.h"

namespace bulkhead::control::apply {

// A memfd with these bytes that nobody can change any more: all seals set.
[[nodiscard]] Result<Fd> sealed_memory(const char* name, std::span<const std::byte> bytes);

// Maps memory that the data plane shares; unmapped with the last reference. Fails when the
// descriptor holds fewer than `size` bytes.
enum class Access : std::uint8_t { Read, ReadWrite };
[[nodiscard]] Result<std::shared_ptr<void>> map_shared(const Fd& fd, std::size_t size,
                                                       Access access);

}  // namespace bulkhead::control::apply
