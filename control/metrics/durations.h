// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bulkhead::control::metrics {

// A histogram's state at one moment. counts[i] holds observations <= bounds[i] and above the bound
// before it; the last count, one more than there are bounds, is what lies above them all.
struct DurationsData {
  std::vector<double> bounds;  // seconds
  std::vector<std::uint64_t> counts;
  double sum = 0;
};

// A histogram of seconds with fixed bounds from 100 us to 30 s. Thread: any.
class Durations {
 public:
  Durations();
  void observe(double seconds);
  [[nodiscard]] DurationsData data() const;

 private:
  mutable std::mutex mutex_;
  DurationsData data_;
};

// How long CNI calls took, by verb and outcome. Bounded: past 64 pairs the outcome is "other".
// Thread: any.
class CallTimes {
 public:
  struct Row {
    std::string verb;
    std::string code;
    DurationsData seconds;
  };
  void observe(std::string_view verb, std::string_view code, double seconds);
  [[nodiscard]] std::vector<Row> rows() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Durations> times_;
};

}  // namespace bulkhead::control::metrics
