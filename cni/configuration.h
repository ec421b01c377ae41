// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cni/error.h"

namespace bulkhead::cni {

// What we speak. Oldest first.
inline constexpr std::array<std::string_view, 3> kVersions = {"0.3.1", "0.4.0", "1.0.0"};
[[nodiscard]] bool is_supported(std::string_view version);

// A result of an earlier ADD, as CHECK and DEL get it back.
struct PreviousResult {
  struct Interface {
    std::string name;
    std::string mac;
    std::string sandbox;
  };
  std::vector<Interface> interfaces;
  std::vector<std::string> addresses;  // "10.88.0.5/24"
};

// The network configuration on standard input. Unknown keys are others' business and ignored.
struct Configuration {
  std::string version;
  std::string name;
  std::string socket;         // the agent's; empty = the default
  std::string pod_namespace;  // key `namespace`; may be empty
  std::optional<std::uint32_t> mtu;
  std::string ipam_type;                      // file name of the IPAM plugin
  std::string dns;                            // JSON text of the `dns` object; may be empty
  std::map<std::string, std::string> labels;  // args.cni.labels
  std::optional<PreviousResult> previous;
  std::string text;  // as it came, for the IPAM plugin
};

// Errors: 6 when it is no JSON object, 1 for a version we do not speak, 7 for a key with a bad
// value, named. At most 1 MiB, 64 levels deep.
[[nodiscard]] Outcome<Configuration> parse_configuration(std::string_view text);

// The same text with another cniVersion: IPAM plugins may speak older ones only.
[[nodiscard]] std::string with_version(const Configuration& configuration,
                                       std::string_view version);

// The cniVersion the text names, "" when it names none: for answers to what cannot be served.
[[nodiscard]] std::string version_of(std::string_view text);

}  // namespace bulkhead::cni
