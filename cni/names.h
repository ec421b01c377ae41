// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// The syntax of what a runtime hands in. All of it ends in paths, messages and other programs'
// environments, so everything has an alphabet and a length.
namespace bulkhead::cni {

// CNI specification section 2: starts with a letter or digit, then also '_', '.', '-'. At most 200:
// it is part of a file name.
[[nodiscard]] bool is_container_id(std::string_view text);
// 1 to 15 of letters, digits, '_', '.', '-'; neither "." nor "..".
[[nodiscard]] bool is_interface_name(std::string_view text);
// RFC 1123 label, as Kubernetes namespaces are.
[[nodiscard]] bool is_namespace_name(std::string_view text);
// Pods, networks and plugins: like a container id, at most 253. Wider than Kubernetes, because
// podman's container names are.
[[nodiscard]] bool is_object_name(std::string_view text);
// Absolute, printable, no "." or ".." components, shorter than PATH_MAX.
[[nodiscard]] bool is_clean_path(std::string_view text);

}  // namespace bulkhead::cni
