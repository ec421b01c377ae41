// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "policy/base/result.h"
#include "policy/compile/compile.h"

// A compiled table in a file of its own, which tells all about itself: the sections that would
// cross to the data plane, and the names behind its numbers. Layout, host byte order:
//
//   FileHeader (40 bytes), `parts` x FilePart (32 bytes), then the parts, each 64-byte aligned.
//
// A part's `kind` is a table::section_id(), or kNamesPart: JSON with the pods' addresses and
// identities, and the rules behind the counter slots.
namespace bulkhead::question {

// The same table gives the same bytes.
[[nodiscard]] std::vector<std::byte> write_table_file(const compile::CompiledTable& table);

// Checks everything there is to check without the policies: layout, checksums, every index of the
// sections, and that the names fit them. Fails saying what is wrong with the file.
// identity_keys and slot_keys stay empty: they belong to an agent's Numbers.
[[nodiscard]] Result<compile::CompiledTable> read_table_file(std::span<const std::byte> bytes);

}  // namespace bulkhead::question
