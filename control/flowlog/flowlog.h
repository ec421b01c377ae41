// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/flowlog/log_file.h"
#include "control/flowlog/record.h"

namespace bulkhead::control::flowlog {

struct Filter {
  std::optional<Verdict> verdict;
  std::optional<std::string> namespace_name;  // of either end
  // Who asks: absent sees all, else only records with an end in one of these namespaces.
  std::optional<std::vector<std::string>> visible;
  [[nodiscard]] bool passes(const FlowRecord& record) const;
};

// A follower's own bounded queue. A slow one loses its oldest records, never the log's time.
class Subscription {
 public:
  // The next records, waiting up to `wait` for one; empty when none came or the log was closed.
  [[nodiscard]] std::vector<std::shared_ptr<const FlowRecord>> take(std::chrono::milliseconds wait);
  [[nodiscard]] bool is_closed() const;

 private:
  friend class FlowLog;
  static constexpr std::size_t kLimit = 4096;
  void push(const std::shared_ptr<const FlowRecord>& record);
  void close();

  Filter filter_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::shared_ptr<const FlowRecord>> queue_;
  bool closed_ = false;
};

// Packets and bytes by namespace pair, for flow_packets_total and flow_bytes_total. At most
// kSeriesLimit pairs; what comes later is counted under "(other)", which no namespace can be
// called.
struct Traffic {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};
using TrafficByNamespaces = std::map<std::pair<std::string, std::string>, Traffic>;

struct FlowLogSettings {
  std::filesystem::path file;  // flows.jsonl; empty = no export
  std::uint64_t rotate_bytes = 64ull << 20;
  std::size_t rotated_files = 2;
  std::size_t recent = 8192;  // records kept in memory
};

// Where flow events become records: named at the moment they are taken, kept in a bounded ring,
// written to the log and handed to followers. Thread: any. `names` is borrowed.
class FlowLog {
 public:
  static constexpr std::size_t kSeriesLimit = 2000;

  FlowLog(const Names& names, FlowLogSettings settings);
  ~FlowLog();  // closes the subscriptions

  void add(const dataplane::api::Event& event);
  void flush();  // the export's buffer, to its file

  // Oldest first.
  [[nodiscard]] std::vector<std::shared_ptr<const FlowRecord>> recent(const Filter& filter) const;
  [[nodiscard]] std::shared_ptr<Subscription> subscribe(Filter filter);
  void close_subscriptions();

  [[nodiscard]] TrafficByNamespaces traffic() const;
  [[nodiscard]] std::uint64_t lost_lines() const;  // not written: disk full or unwritable

 private:
  const Names& names_;
  FlowLogSettings settings_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const FlowRecord>> recent_;
  std::vector<std::weak_ptr<Subscription>> subscriptions_;
  TrafficByNamespaces traffic_;
  LogFile file_;
};

}  // namespace bulkhead::control::flowlog
