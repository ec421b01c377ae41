// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/ip.h"
#include "policy/base/result.h"

namespace bulkhead::table {

// One section of a table as it crosses to the data plane: each in a sealed memfd of its own, named
// by its checksum (XXH3-64 of the bytes) so that an unchanged one need not be sent again.
struct SectionBytes {
  std::uint32_t kind = 0;  // a SectionKind of format.h
  std::uint64_t checksum = 0;
  std::span<const std::byte> bytes;
};

// Checked bytes: once opened, every offset and index inside is in bounds for ever. The bytes are
// borrowed and must stay mapped and unchanged while the view lives.
class TableView {
 public:
  // Validates format version, section set, checksums, alignment and every index. Fails naming the
  // section and what is wrong with it. Cost: linear in the bytes. Thread: any.
  [[nodiscard]] static Result<TableView> open(std::span<const SectionBytes> sections);

  [[nodiscard]] Revision revision() const;

  // The identity of an address that the address map does not hold: unknown inside the cluster's pod
  // CIDRs, else the world or the CIDR class it falls in. Constant number of loads.
  [[nodiscard]] IdentityId outside_identity(const IpAddress& address) const;
};

}  // namespace bulkhead::table
