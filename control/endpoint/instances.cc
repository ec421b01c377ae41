// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/instances.h"

namespace bulkhead::control::endpoint {
namespace {

constexpr std::string_view kAnnouncement = "Bulkhead; sysctls it changed: ";
constexpr std::size_t kLongestRecord = 200;  // an alias has 255 bytes

}  // namespace

Status announce_record(const RouteSocket& netlink, const std::string& node_port,
                       const std::filesystem::path& record) {
  const std::string text = std::filesystem::absolute(record).lexically_normal().string();
  if (text.size() > kLongestRecord) {
    return fail("{} is a longer path than {} bytes", text, kLongestRecord);
  }
  return netlink.set_alias(link_index(node_port), std::string(kAnnouncement) + text);
}

Result<std::optional<std::filesystem::path>> record_of_another(const RouteSocket& netlink,
                                                               const std::string& own) {
  const auto aliases = netlink.tap_aliases();
  if (!aliases) return tl::unexpected(aliases.error());
  for (const auto& [link, alias] : *aliases) {
    if (link == own || !alias.starts_with(kAnnouncement)) continue;
    const std::filesystem::path record = alias.substr(kAnnouncement.size());
    if (record.is_absolute()) return record;
  }
  return std::nullopt;
}

}  // namespace bulkhead::control::endpoint
