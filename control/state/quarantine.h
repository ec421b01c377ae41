// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "policy/base/result.h"
#include "policy/model/cluster.h"

namespace bulkhead::control::state {

using WallTime = std::chrono::system_clock::time_point;

// RFC 3339 with seconds and a zone: "2026-11-22T13:00:00Z", "...+01:00".
[[nodiscard]] Result<WallTime> parse_time(const std::string& text);

// One pod cut off by an operator. Bound to the UID when one was known: a later pod of the same name
// is another pod.
struct QuarantineRecord {
  model::PodKey pod;
  std::string uid;  // empty = whoever has the name
  model::Quarantine quarantine;
  std::optional<WallTime> until;

  [[nodiscard]] bool applies_to(const std::string& pod_uid) const {
    return uid.empty() || pod_uid.empty() || uid == pod_uid;
  }
  friend bool operator==(const QuarantineRecord&, const QuarantineRecord&) = default;
};

using Quarantines = model::SharedMap<model::PodKey, QuarantineRecord>;

// The quarantines in force, in one JSON file that is written whole at each change. Thread: one.
class QuarantineStore {
 public:
  // A missing file holds none. A file that cannot be read fails: silently lifting a quarantine is
  // the one thing that must not happen.
  [[nodiscard]] static Result<QuarantineStore> open(const std::filesystem::path& file);

  // On disk when it returns; on failure nothing changed.
  [[nodiscard]] Status put(const QuarantineRecord& record);
  // False when there was none.
  [[nodiscard]] Result<bool> remove(const model::PodKey& pod);
  // Drops what has run out; true when something did.
  [[nodiscard]] Result<bool> expire(WallTime now);

  [[nodiscard]] const Quarantines& records() const { return records_; }
  [[nodiscard]] std::optional<WallTime> next_expiry() const;

 private:
  explicit QuarantineStore(std::filesystem::path file) : file_(std::move(file)) {}
  [[nodiscard]] Status write(const Quarantines& records) const;

  std::filesystem::path file_;
  Quarantines records_;
};

}  // namespace bulkhead::control::state
