// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "control/endpoint/registry.h"
#include "policy/base/result.h"

// How one endpoint looks on disk:
//   {"version":1,"port":16,"id":7,"generation":7,"mtu":1500,"mac":"..","netns_inode":4026532,
//    "attachment":{...as in the API...}}
namespace bulkhead::control::endpoint {

[[nodiscard]] std::string json_of(const EndpointRecord& record);
// Refuses what the registry could not hold: another version, numbers out of range, bad names or
// addresses.
[[nodiscard]] Result<EndpointRecord> read_record(std::string_view text);

// The names are part of file names: letters, digits, '_', '.', '-', the container's starting with a
// letter or digit (CNI specification), at most 200 and 15 characters.
[[nodiscard]] Status check_key(const EndpointKey& key);
[[nodiscard]] std::string file_name_of(const EndpointKey& key);

// Container runtimes give "10.88.0.5/24"; a bare address counts as well.
[[nodiscard]] Result<IpAddress> parse_interface_address(std::string_view text);

// The agent's own records in a folder, sorted. What a crash left of an unfinished write goes.
[[nodiscard]] Result<std::vector<std::filesystem::path>> json_files(
    const std::filesystem::path& folder);
// At most 64 KiB, more than any record needs.
[[nodiscard]] Result<std::string> read_whole(const std::filesystem::path& file);

}  // namespace bulkhead::control::endpoint
