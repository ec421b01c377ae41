// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/forwarding.h"

#include <fstream>
#include <system_error>
#include <vector>

#include "control/endpoint/sysctl.h"

namespace bulkhead::control::endpoint {
namespace {

namespace fs = std::filesystem;

struct Change {
  std::string name;
  std::string before;
  std::string after;
};

Status append(const fs::path& record, const Change& change) {
  if (record.empty()) return {};
  std::error_code ignored;  // the stream reports a folder that cannot be made
  fs::create_directories(record.parent_path(), ignored);
  std::ofstream file(record, std::ios::app);
  file << change.name << ' ' << change.before << ' ' << change.after << '\n' << std::flush;
  if (!file) return fail("cannot write {}", record.string());
  return {};
}

// Nothing unless the value is `before`: 2 and other deliberate settings are the owner's.
Status change_if(const Change& change, const fs::path& record) {
  const auto now = read_sysctl(change.name);
  if (!now || *now != change.before) return {};
  if (auto recorded = append(record, change); !recorded) return recorded;
  const auto written = write_sysctl(change.name, change.after);
  if (!written) return tl::unexpected(written.error());
  if (*written == WriteOutcome::Written) return {};
  return fail("net/{} is {} and /proc/sys is read-only: set it to {} where it can be written",
              change.name, change.before, change.after);
}

Status keep_router_advertisements(const fs::path& record) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc/sys/net/ipv6/conf", error)) {
    const std::string device = entry.path().filename();
    if (device == "all" || device == "lo") continue;
    const Change change{fmt::format("ipv6/conf/{}/accept_ra", device), "1", "2"};
    if (auto changed = change_if(change, record); !changed) return changed;
  }
  return {};
}

std::vector<Change> read(const fs::path& record) {
  std::vector<Change> changes;
  std::ifstream file(record);
  for (Change change; file >> change.name >> change.before >> change.after;) {
    if (change.name.find("..") == std::string::npos) changes.push_back(change);
  }
  return changes;
}

Status removed(const fs::path& record) {
  std::error_code ignored;  // restoring twice is harmless
  fs::remove(record, ignored);
  return {};
}

// Last changed, first restored: forwarding goes off before accept_ra goes back to 1. A device that
// left meanwhile has nothing to restore.
Status put_back(const std::vector<Change>& changes) {
  for (auto at = changes.rbegin(); at != changes.rend(); ++at) {
    const auto now = read_sysctl(at->name);
    if (!now || *now != at->after) continue;
    if (auto written = write_sysctl(at->name, at->before); !written) {
      return tl::unexpected(written.error());
    }
  }
  return {};
}

Status hand_over(const std::vector<Change>& changes, const fs::path& record) {
  for (const auto& change : changes) {
    if (auto appended = append(record, change); !appended) return appended;
  }
  return {};
}

Status put_again(const std::vector<Change>& changes, const fs::path& record) {
  for (const auto& change : changes) {
    if (auto changed = change_if(change, record); !changed) return changed;
  }
  return {};
}

}  // namespace

Status enable_forwarding(Family family, const fs::path& record) {
  if (family == Family::V4) return change_if({"ipv4/ip_forward", "0", "1"}, record);
  if (auto kept = keep_router_advertisements(record); !kept) return kept;
  return change_if({"ipv6/conf/all/forwarding", "0", "1"}, record);
}

Status restore_forwarding(const fs::path& record, const FindHeir& heir) {
  if (record.empty()) return {};
  const auto changes = read(record);
  if (changes.empty()) return {};
  const auto found = heir();
  if (!found) return tl::unexpected(found.error());
  if (*found) {
    if (auto given = hand_over(changes, **found); !given) return given;
    // One that ended meanwhile may have read its record before this.
    const auto after = heir();
    if (!after) return tl::unexpected(after.error());
    if (*after == *found) return removed(record);
  }
  if (auto back = put_back(changes); !back) return back;
  // One that came meanwhile found forwarding on and relies on it. Order instead of a lock: a lock
  // on what belongs to a network could be held by whoever is in it.
  const auto late = heir();
  if (!late) return tl::unexpected(late.error());
  if (*late) {
    if (auto again = put_again(changes, **late); !again) return again;
  }
  return removed(record);
}

}  // namespace bulkhead::control::endpoint
