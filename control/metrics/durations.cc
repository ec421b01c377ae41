// SPDX-License-Identifier: Apache-2.0
#include "control/metrics/durations.h"

#include <algorithm>

namespace bulkhead::control::metrics {
namespace {

constexpr std::size_t kMostPairs = 64;

}  // namespace

Durations::Durations() {
  data_.bounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                  0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30};
  data_.counts.resize(data_.bounds.size() + 1);
}

void Durations::observe(double seconds) {
  const std::lock_guard lock(mutex_);
  const auto bound = std::ranges::lower_bound(data_.bounds, seconds);
  ++data_.counts[static_cast<std::size_t>(bound - data_.bounds.begin())];
  data_.sum += seconds;
}

DurationsData Durations::data() const {
  const std::lock_guard lock(mutex_);
  return data_;
}

void CallTimes::observe(std::string_view verb, std::string_view code, double seconds) {
  const std::lock_guard lock(mutex_);
  std::pair key{std::string(verb), std::string(code)};
  if (times_.size() >= kMostPairs && !times_.contains(key)) key.second = "other";
  times_[key].observe(seconds);
}

std::vector<CallTimes::Row> CallTimes::rows() const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> rows;
  for (const auto& [key, times] : times_) rows.push_back({key.first, key.second, times.data()});
  return rows;
}

}  // namespace bulkhead::control::metrics
