// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/config/config.h"
#include "policy/parse/fields.h"

// The readers of single configuration keys. Each reports what is wrong at the value's place and
// leaves the default untouched then.
namespace bulkhead::control::config {

using parse::Node;
using parse::Path;
using parse::Report;

void read_flag(Report& report, const Node& node, const Path& path, bool& value);
void read_text(Report& report, const Node& node, const Path& path, std::string& value);
void read_texts(Report& report, const Node& node, const Path& path,
                std::vector<std::string>& values);
// One of a few words.
void read_word(Report& report, const Node& node, const Path& path,
               std::initializer_list<std::string_view> words, std::string& value);
[[nodiscard]] std::optional<std::uint64_t> read_number(Report& report, const Node& node,
                                                       const Path& path, std::uint64_t first,
                                                       std::uint64_t last);
void read_prefixes(Report& report, const Node& node, const Path& path,
                   std::vector<Prefix>& prefixes);
void read_addresses(Report& report, const Node& node, const Path& path,
                    std::vector<IpAddress>& addresses);
void read_ports(Report& report, const Node& node, const Path& path, std::vector<DevicePort>& ports);
void read_roles(Report& report, const Node& node, const Path& path, std::vector<RoleRule>& roles);

}  // namespace bulkhead::control::config
