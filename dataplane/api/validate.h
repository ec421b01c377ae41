// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "dataplane/api/messages.h"
#include "policy/base/ip.h"
#include "policy/base/result.h"

namespace bulkhead::dataplane::api {

struct Invalid {
  AckCode code = AckCode::BadMessage;
  Error error;
};

// Checks one message from the agent as bytes: version, kind, exact size, counts, enum values,
// addresses, names and reserved fields. Pure; whatever passes can be acted on without another look
// at its form. `fd_count` is how many descriptors came with it.
[[nodiscard]] tl::expected<void, Invalid> validate(std::span<const std::byte> message,
                                                   std::size_t fd_count);

// Only for messages that validate() accepted.
[[nodiscard]] IpAddress from_wire(const WireAddress& address);
[[nodiscard]] WireAddress to_wire(const IpAddress& address);

}  // namespace bulkhead::dataplane::api
