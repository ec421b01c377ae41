// SPDX-License-Identifier: Apache-2.0
#include "control/state/quarantine.h"

#include <nlohmann/json.hpp>

#include "control/source/read_file.h"
#include "policy/base/whole_file.h"

namespace bulkhead::control::state {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kFileLimit = std::size_t{16} << 20;

Json json_of(const QuarantineRecord& record) {
  const auto& peer = record.quarantine.forensic_peer;
  return {{"namespace", record.pod.namespace_name},
          {"pod", record.pod.name},
          {"uid", record.uid},
          {"who", record.quarantine.who},
          {"why", record.quarantine.why},
          {"until", record.quarantine.until},
          {"forensic_peer", peer ? peer->text() : ""}};
}

Result<QuarantineRecord> read_record(const Json& json) {
  QuarantineRecord record;
  record.pod = {json.at("namespace").get<std::string>(), json.at("pod").get<std::string>()};
  record.uid = json.at("uid").get<std::string>();
  record.quarantine.who = json.at("who").get<std::string>();
  record.quarantine.why = json.at("why").get<std::string>();
  record.quarantine.until = json.at("until").get<std::string>();
  if (!record.quarantine.until.empty()) {
    auto until = parse_time(record.quarantine.until);
    if (!until) return tl::unexpected(until.error());
    record.until = *until;
  }
  const auto peer = json.at("forensic_peer").get<std::string>();
  if (!peer.empty()) {
    auto prefix = Prefix::parse(peer);
    if (!prefix) return tl::unexpected(prefix.error());
    record.quarantine.forensic_peer = prefix->prefix;
  }
  return record;
}

Result<Quarantines> read_records(const std::string& text) {
  Quarantines records;
  try {
    const Json file = Json::parse(text);  // outlives the loop over a part of it
    for (const auto& item : file.at("quarantines")) {
      auto record = read_record(item);
      if (!record) return tl::unexpected(record.error());
      records.insert_or_assign(record->pod, *record);
    }
  } catch (const Json::exception& exception) {
    return fail("{}", exception.what());
  }
  return records;
}

}  // namespace

Result<QuarantineStore> QuarantineStore::open(const std::filesystem::path& file) {
  QuarantineStore store(file);
  std::error_code error;
  const bool is_there = std::filesystem::exists(file, error);
  if (error) return fail_at(file, "cannot read quarantines: {}", error.message());
  if (!is_there) return store;
  auto text = source::read_file(file, kFileLimit);
  if (!text) return tl::unexpected(text.error());
  auto records = read_records(*text);
  if (!records) return fail_at(file, "cannot read quarantines: {}", records.error().text());
  store.records_ = std::move(*records);
  return store;
}

Status QuarantineStore::write(const Quarantines& records) const {
  Json list = Json::array();
  for (const auto& [pod, record] : records) list.push_back(json_of(record));
  const Json file = {{"quarantines", list}};
  return write_whole(file_, file.dump(2, ' ', false, Json::error_handler_t::replace) + "\n",
                     Durability::Machine);
}

Status QuarantineStore::put(const QuarantineRecord& record) {
  Quarantines records = records_;
  records.insert_or_assign(record.pod, record);
  if (const Status written = write(records); !written) return written;
  records_ = std::move(records);
  return {};
}

Result<bool> QuarantineStore::remove(const model::PodKey& pod) {
  Quarantines records = records_;
  if (records.erase(pod) == 0) return false;
  if (const Status written = write(records); !written) return tl::unexpected(written.error());
  records_ = std::move(records);
  return true;
}

Result<bool> QuarantineStore::expire(WallTime now) {
  Quarantines records = records_;
  for (const auto& [pod, record] : records_) {
    if (record.until && *record.until <= now) records.erase(pod);
  }
  if (records.size() == records_.size()) return false;
  if (const Status written = write(records); !written) return tl::unexpected(written.error());
  records_ = std::move(records);
  return true;
}

std::optional<WallTime> QuarantineStore::next_expiry() const {
  std::optional<WallTime> next;
  for (const auto& [pod, record] : records_) {
    if (record.until && (!next || *record.until < *next)) next = record.until;
  }
  return next;
}

}  // namespace bulkhead::control::state
