// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bulkhead::parse {

// Each answers what is wrong with a name, in the API server's words
// (k8s.io/apimachinery/pkg/util/validation), or nothing.
using Problem = std::optional<std::string>;

[[nodiscard]] Problem dns_label_problem(std::string_view name);      // RFC 1123 label, 63
[[nodiscard]] Problem dns_subdomain_problem(std::string_view name);  // RFC 1123 subdomain, 253
[[nodiscard]] Problem label_key_problem(std::string_view key);       // qualified name
[[nodiscard]] Problem label_value_problem(std::string_view value);
[[nodiscard]] Problem port_name_problem(std::string_view name);  // IANA_SVC_NAME, RFC 6335

// True for keys below bulkhead.io/, which only Bulkhead itself may set.
[[nodiscard]] bool is_reserved_key(std::string_view key);

}  // namespace bulkhead::parse
