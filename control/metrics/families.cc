// SPDX-License-Identifier: Apache-2.0
#include "control/metrics/families.h"

#include <limits>

namespace bulkhead::control::metrics {

using prometheus::MetricType;

void Families::begin_counter(const char* name, const char* help) {
  families_.push_back({std::string("bulkhead_") + name, help, MetricType::Counter, {}});
}
void Families::begin_gauge(const char* name, const char* help) {
  families_.push_back({std::string("bulkhead_") + name, help, MetricType::Gauge, {}});
}
void Families::begin_histogram(const char* name, const char* help) {
  families_.push_back({std::string("bulkhead_") + name, help, MetricType::Histogram, {}});
}

prometheus::ClientMetric& Families::series(Labels labels) {
  auto& metric = families_.back().metric.emplace_back();
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

void Families::add(double value, Labels labels) {
  auto& metric = series(labels);
  if (families_.back().type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
}

void Families::add(const DurationsData& data, Labels labels) {
  auto& histogram = series(labels).histogram;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < data.counts.size(); ++i) {
    cumulative += data.counts[i];
    const double bound =
        i < data.bounds.size() ? data.bounds[i] : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({cumulative, bound});
  }
  histogram.sample_count = cumulative;
  histogram.sample_sum = data.sum;
}

std::vector<prometheus::MetricFamily> Families::take() {
  std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
  return std::exchange(families_, {});
}

}  // namespace bulkhead::control::metrics
