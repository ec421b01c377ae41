// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/metric_family.h>

#include <concepts>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "control/metrics/durations.h"

namespace bulkhead::control::metrics {

using Labels = std::initializer_list<std::pair<const char*, std::string>>;

// Builds metric families in the order they are begun. The prefix bulkhead_ is added here.
class Families {
 public:
  void begin_counter(const char* name, const char* help);
  void begin_gauge(const char* name, const char* help);
  void begin_histogram(const char* name, const char* help);

  // One series of the family begun last, of its type.
  void add(double value, Labels labels = {});
  void add(std::integral auto value, Labels labels = {}) {
    add(static_cast<double>(value), labels);
  }
  void add(const DurationsData& data, Labels labels = {});

  // Families without a series are left out.
  [[nodiscard]] std::vector<prometheus::MetricFamily> take();

 private:
  prometheus::ClientMetric& series(Labels labels);

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace bulkhead::control::metrics
