// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// Names that arrive from outside and become file names, device names or log text.
namespace bulkhead::control::api {

// What CNI allows: [A-Za-z0-9][A-Za-z0-9_.-]*, at most 255 characters; never ".." and no '/'.
[[nodiscard]] bool is_container_id(std::string_view text);
// What the kernel allows and CNI does not forbid: 1 to 15 of [A-Za-z0-9_.@-], not "." or "..".
[[nodiscard]] bool is_interface_name(std::string_view text);
// RFC 1123 label, at most 63 characters.
[[nodiscard]] bool is_namespace_name(std::string_view text);
// The name of a CNI network: like a container id, at most 253 characters.
[[nodiscard]] bool is_network_name(std::string_view text);
// RFC 1123 subdomain, at most 253 characters.
[[nodiscard]] bool is_pod_name(std::string_view text);

}  // namespace bulkhead::control::api
