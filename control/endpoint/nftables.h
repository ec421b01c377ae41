// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "control/endpoint/wiring.h"

// The one nftables table of an instance: `inet bulkhead`, or `inet bulkhead_INSTANCE`. Other tables
// are never read or changed. Through the `nft` program: one transaction on its standard input,
// some milliseconds once per agent start, where libnftables would put a parser and its memory
// into the agent for good. In the calling thread's network namespace.
namespace bulkhead::control::endpoint {

[[nodiscard]] std::string nft_table_name(const std::string& instance);

// Pods' packets to addresses that are no pods' get the node's address when they leave. Replaces the
// table in one transaction; connections that are already translated stay so.
[[nodiscard]] std::string masquerade_ruleset(const HostLinkSettings& settings);
[[nodiscard]] Status apply_masquerade(const HostLinkSettings& settings);

// Succeeds when there is none.
[[nodiscard]] Status delete_masquerade(const std::string& instance);

}  // namespace bulkhead::control::endpoint
