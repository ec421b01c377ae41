// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cni/error.h"
#include "cni/request.h"
#include "policy/base/ip.h"

namespace bulkhead::cni {

// What an IPAM plugin leased, both families.
struct Lease {
  struct Address {
    IpAddress ip;
    std::string text;  // "10.88.0.5/24"
    std::string gateway;
  };
  std::vector<Address> addresses;
  std::vector<Prefix> routes;
  std::string dns;  // JSON text of its `dns` object; may be empty
};

// The IPAM plugin of the configuration, found in CNI_PATH and run with the caller's environment and
// configuration. A plugin that refuses the version is asked again with the older ones we speak.
// Errors: the plugin's own answer, or 101 when it cannot be run, takes longer than 30 s, or leases
// nothing usable.
[[nodiscard]] Outcome<Lease> lease(const Request& request);
[[nodiscard]] tl::expected<void, CniError> release(const Request& request);
[[nodiscard]] tl::expected<void, CniError> check_lease(const Request& request);

// The `Lease` in a plugin's answer, of any version from 0.3.1 to 1.0.0.
[[nodiscard]] Outcome<Lease> parse_lease(std::string_view answer);

}  // namespace bulkhead::cni
